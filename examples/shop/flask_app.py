"""Referrals in Flask."""

import os

from flask import Flask, request

from reftrail.client import Reftrail

app = Flask(__name__)
reftrail = Reftrail(os.environ["REFTRAIL_ENDPOINT"], os.environ["REFTRAIL_SECRET_KEY"])


@app.post("/signup")
def signup() -> tuple[dict[str, str], int]:
    """Make a user, and report it; `reftrail.attach(form)` fills in the visitor."""
    user = request.form["user"]
    reftrail.signup(
        user,
        visitor_id=request.form.get("reftrail_visitor_id") or None,
        code=request.form.get("code") or None,
    )
    return {"user": user}, 201


@app.post("/orders/<order_id>/paid")
def paid(order_id: str) -> dict[str, str]:
    """Answer the payment provider, who may call again: an order counts once."""
    reftrail.purchase(request.form["user"], order_id, request.form["amount"], "EUR")
    return {"order": order_id}
