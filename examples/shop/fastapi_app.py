"""Referrals in FastAPI."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request
from pydantic import BaseModel

from reftrail.client import AsyncReftrail


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Keep one client for the whole life of the process; what waits is sent at its end."""
    async with AsyncReftrail(
        os.environ["REFTRAIL_ENDPOINT"], os.environ["REFTRAIL_SECRET_KEY"]
    ) as app.state.reftrail:
        yield


app = FastAPI(lifespan=lifespan)


class NewUser(BaseModel):
    """The sign-up form; `reftrail.attach(form)` fills in the visitor."""

    user: str
    reftrail_visitor_id: str | None = None
    code: str | None = None


@app.post("/signup", status_code=201)
async def signup(new: NewUser, request: Request) -> dict[str, str]:
    """Make a user, and report it."""
    await request.app.state.reftrail.signup(
        new.user, visitor_id=new.reftrail_visitor_id or None, code=new.code or None
    )
    return {"user": new.user}


@app.post("/orders/{order_id}/paid")
async def paid(order_id: str, user: str, amount: str, request: Request) -> dict[str, str]:
    """Answer the payment provider, who may call again: an order counts once."""
    await request.app.state.reftrail.purchase(user, order_id, amount, "EUR")
    return {"order": order_id}
