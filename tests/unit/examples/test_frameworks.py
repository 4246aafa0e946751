"""The shop's server in FastAPI, Flask and Django, before a collector of a few lines."""

import importlib
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import httpx
import pytest
from support.fake_collector import FakeCollector
from support.metrics import wait_until

VISITOR = "01890a5d-ac96-774b-bcce-b302099a8057"
SIGNUP = {"user": "bob", "reftrail_visitor_id": VISITOR, "code": ""}

Load = Callable[[str], ModuleType]


@pytest.fixture
def load(server: str, monkeypatch: pytest.MonkeyPatch) -> Load:
    monkeypatch.setenv("REFTRAIL_ENDPOINT", server)
    monkeypatch.setenv("REFTRAIL_SECRET_KEY", "sk")

    def loaded(name: str) -> ModuleType:
        monkeypatch.delitem(sys.modules, f"examples.shop.{name}", raising=False)
        return importlib.import_module(f"examples.shop.{name}")

    return loaded


def check_sent() -> None:
    """A signup and one purchase, though its payment was reported twice."""
    wait_until(lambda: len(sent()) == 3, seconds=180)
    signup, purchase, again = sent()
    assert (signup["type"], signup["user_id"], signup["visitor_id"]) == ("signup", "bob", VISITOR)
    assert "code" not in signup
    assert (purchase["type"], purchase["order_id"]) == ("purchase", "O1")
    assert (purchase["amount"], purchase["currency"]) == ("24.90", "EUR")
    assert purchase["event_id"] == again["event_id"]


def sent() -> list[dict[str, Any]]:
    return [event for body in FakeCollector.bodies for event in body["events"]]


async def test_fastapi(load: Load) -> None:
    app = load("fastapi_app").app
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://shop.example") as client,
    ):
        assert (await client.post("/signup", json=SIGNUP)).status_code == 201
        for _ in range(2):
            query = {"user": "bob", "amount": "24.90"}
            assert (await client.post("/orders/O1/paid", params=query)).status_code == 200
    check_sent()


@pytest.mark.parametrize(
    ("name", "application"), [("flask_app", "app"), ("django_app", "application")]
)
def test_flask_and_django(load: Load, name: str, application: str) -> None:
    app = getattr(load(name), application)
    with httpx.Client(transport=httpx.WSGITransport(app), base_url="http://shop.example") as client:
        assert client.post("/signup", data=SIGNUP).status_code == 201
        for _ in range(2):
            paid = client.post("/orders/O1/paid", data={"user": "bob", "amount": "24.90"})
            assert paid.status_code == 200
    check_sent()
