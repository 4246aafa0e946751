"""Small shop with referrals. The README beside it says how it came to be."""

import argparse
import asyncio
import html
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from reftrail.client import AsyncReftrail
from reftrail.hosting.run import end_process
from reftrail.hosting.serving import serve

HERE: Final = Path(__file__).parent
SDK: Final = HERE.parents[1] / "producers" / "javascript" / "dist" / "reftrail.js"
PAGES: Final = {
    "/": ("index", "Welcome"),
    "/teapot": ("teapot", "Teapot"),
    "/signup": ("signup", "Sign up"),
}
PRICE: Final = "24.90"
SESSION: Final = "session"


@dataclass(slots=True)
class Customer:
    """Somebody who has signed up, and what they ordered."""

    user_id: str
    orders: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Shop:
    """The shop: its settings, and its customers by session."""

    endpoint: str
    publishable_key: str
    reftrail: AsyncReftrail
    asks_consent: bool = False
    sessions: dict[str, Customer] = field(default_factory=dict)

    async def show(self, request: Request) -> Response:
        """GET of a page of the table."""
        return self._page(*PAGES[request.url.path])

    async def sign_up(self, request: Request) -> Response:
        """POST /signup: the hidden field says whose visits led to it."""
        fields = dict(parse_qsl((await request.body()).decode()))
        customer = Customer(fields["user"].strip())
        await self.reftrail.signup(
            customer.user_id,
            visitor_id=fields.get("reftrail_visitor_id"),
            code=fields.get("code"),
        )
        session = secrets.token_urlsafe()
        self.sessions[session] = customer
        response = RedirectResponse("/account", 303)
        response.set_cookie(SESSION, session, httponly=True, samesite="lax")
        return response

    async def buy(self, request: Request) -> Response:
        """POST /buy."""
        customer = self._customer(request)
        if customer is None:
            return RedirectResponse("/signup", 303)
        order_id = f"O-{secrets.token_hex(4)}"
        customer.orders.append(order_id)
        await self.reftrail.purchase(customer.user_id, order_id, PRICE, "EUR")
        return RedirectResponse("/account", 303)

    async def refund(self, request: Request) -> Response:
        """POST /refund: the last order, in full."""
        customer = self._customer(request)
        if customer is not None and customer.orders:
            await self.reftrail.refund(customer.user_id, customer.orders.pop())
        return RedirectResponse("/account", 303)

    async def account(self, request: Request) -> Response:
        """GET /account."""
        customer = self._customer(request)
        if customer is None:
            return RedirectResponse("/signup", 303)
        count = len(customer.orders)
        return self._page(
            "account",
            "Account",
            user=customer.user_id,
            said=f"Thank you for {count} teapot{'' if count == 1 else 's'}.",
        )

    def _customer(self, request: Request) -> Customer | None:
        return self.sessions.get(request.cookies.get(SESSION, ""))

    def _page(self, name: str, title: str, **shown: str) -> HTMLResponse:
        """A page whose policy allows no inline script and no other host but the collector."""
        text = (HERE / "pages" / "layout.html").read_text()
        text = text.replace("{{main}}", (HERE / "pages" / f"{name}.html").read_text())
        settings = {
            "title": title,
            "endpoint": self.endpoint,
            "key": self.publishable_key,
            "consent": ' data-consent="required"' if self.asks_consent else "",
            "asks": " data-asks-consent" if self.asks_consent else "",
        }
        for placeholder, value in (settings | shown).items():
            safe = value if placeholder in {"consent", "asks"} else html.escape(value)
            text = text.replace(f"{{{{{placeholder}}}}}", safe)
        policy = (
            f"default-src 'none'; script-src 'self'; style-src 'self'; form-action 'self'; "
            f"base-uri 'none'; frame-ancestors 'none'; connect-src {self.endpoint}"
        )
        return HTMLResponse(text, headers={"content-security-policy": policy})


async def sdk(_request: Request) -> Response:
    """GET /static/reftrail.js."""
    return FileResponse(SDK, media_type="text/javascript")


def application(shop: Shop) -> Starlette:
    """The shop's ASGI application."""
    return Starlette(
        routes=[
            *(Route(path, shop.show) for path in PAGES),
            Route("/signup", shop.sign_up, methods=["POST"]),
            Route("/buy", shop.buy, methods=["POST"]),
            Route("/refund", shop.refund, methods=["POST"]),
            Route("/account", shop.account),
            Route("/static/reftrail.js", sdk),
            Mount("/static", StaticFiles(directory=HERE / "static")),
        ]
    )


async def run(given: argparse.Namespace) -> None:
    """Serve the shop until interrupted; what it reported last is sent then."""
    secret_key = os.environ["REFTRAIL_SECRET_KEY"]
    async with AsyncReftrail(given.endpoint, secret_key) as reftrail:
        shop = Shop(given.endpoint, given.publishable_key, reftrail, given.ask_consent)
        await serve(application(shop), "127.0.0.1", given.port, "--port")


def main() -> None:
    """Read the command line, and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--endpoint", required=True, help="the collector's address")
    parser.add_argument("--publishable-key", required=True)
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--ask-consent", action="store_true")
    try:
        asyncio.run(run(parser.parse_args()))
    except KeyboardInterrupt:
        print("closed")
    end_process(0)  # the server's threads may abort the interpreter's own ending


if __name__ == "__main__":
    main()
