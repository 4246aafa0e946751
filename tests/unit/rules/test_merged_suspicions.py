"""Suspicions of a merged user's order count again when a merge decides on the order again."""

from typing import Any

import pytest
from support.merged_users import ACCOUNT, GUEST, MERGED, balances, ledger, played

from reftrail.contracts.policy import Caps, Fraud
from reftrail.testing import purchase, signup

SHOWN: dict[str, Any] = {"device_hash": "d"}
CROWD = (
    signup("08:00", typed="BOB", user_id="stranger", visitor_id=None),
    purchase("x", at="08:30", user_id="stranger", **SHOWN),
)
PERSON = (
    signup("09:00", typed="AMY", visitor_id=None, **GUEST),
    signup("10:00", typed="AMY", visitor_id=None, **ACCOUNT),
    purchase("o1", at="11:00", **ACCOUNT),
)
SUSPICIOUS = purchase("o2", at="11:30", **GUEST, **SHOWN)


@pytest.mark.parametrize("weight", [60, 100])
@pytest.mark.parametrize(
    "caps",
    [
        pytest.param(Caps(per_code=1), id="per code"),
        pytest.param(Caps(per_code_per_day=1), id="per code and day"),
        pytest.param(Caps(per_referrer=1), id="per referrer"),
    ],
)
def test_a_device_of_several_users_speaks_against_an_order_before_and_after_a_merge(
    caps: Caps, weight: int
) -> None:
    fraud = Fraud(weights={"users_per_device_24h": weight}, limits={"users_per_device_24h": 1})
    policy = {"repeats": 0, "caps": caps, "fraud": fraud}
    merged_before = played([*CROWD, *PERSON, MERGED, SUSPICIOUS], policy=policy)
    merged_after = played([*CROWD, *PERSON, SUSPICIOUS, MERGED], policy=policy)
    assert balances(merged_before) == {"bob": 10, "stranger": 10, "amy": 10, "person": 10}
    assert balances(merged_after) == balances(merged_before)
    decided = {entry.status for entry in ledger(merged_after) if entry.order_id == "o2"}
    assert decided == ({"rejected"} if weight == 100 else {"rejected", "held"})
