"""Commissions of other programmes, as their APIs answer."""

import json
from pathlib import Path
from typing import Any

import pytest

from reftrail.contracts.errors import ExpectedError
from reftrail.imports import Commission, Programme, read_commissions

REWARDFUL: dict[str, Any] = {
    "id": "7d28-ca",
    "amount": 750,
    "currency": "USD",
    "due_at": "2026-06-01T21:40:28.000Z",
    "paid_at": None,
    "sale": {
        "id": "1566-aa",
        "currency": "USD",
        "referral": {
            "id": "3aaf-13",
            "link": {"token": "jb007", "url": "https://shop.example/?via=jb007"},
            "customer": {"id": "cus_1", "email": "buyer@shop.example", "platform": "stripe"},
        },
        "affiliate": {"id": "dc93-58", "email": "james@affiliates.example"},
    },
}
DUB: dict[str, Any] = {
    "id": "cm_1",
    "type": "sale",
    "amount": 50_000,
    "earnings": 10_000,
    "currency": "usd",
    "status": "pending",
    "partner": {"id": "pn_1", "name": "Ann", "email": "ann@affiliates.example"},
    "customer": {"id": "cus_2", "externalId": "user-9", "email": "buyer@shop.example"},
}
FIRSTPROMOTER: dict[str, Any] = {
    "id": 77,
    "status": "approved",
    "commission_type": "sale",
    "sale_amount": 4_900,
    "amount": 1_470,
    "unit": "cash",
    "is_paid": False,
    "promoter_campaign": {
        "id": 5,
        "promoter": {"id": 31, "email": "bob@affiliates.example", "name": "Bob"},
    },
    "referral": {"id": 55, "email": "buyer@shop.example", "uid": "user-9"},
}


def read(
    tmp_path: Path, programme: Programme, answer: Any, currency: str | None = None
) -> tuple[list[Commission], list[tuple[int, str, str]]]:
    file = tmp_path / "commissions.json"
    file.write_text(answer if isinstance(answer, str) else json.dumps(answer, indent=2))
    commissions, faults, *_ = read_commissions(programme, file, currency)
    return commissions, [(fault.number, fault.commission_id, fault.why) for fault in faults]


def test_rewardful(tmp_path: Path) -> None:
    assert read(tmp_path, Programme.REWARDFUL, {"data": [REWARDFUL]}) == (
        [
            Commission(
                "7d28-ca",
                "dc93-58",
                "james@affiliates.example",
                "jb007",
                "cus_1",
                7_500_000,
                "USD",
                "due",
            )
        ],
        [],
    )


def test_dub(tmp_path: Path) -> None:
    found = Commission(
        "cm_1", "pn_1", "ann@affiliates.example", None, "user-9", 100_000_000, "USD", "pending"
    )
    assert read(tmp_path, Programme.DUB, [DUB]) == ([found], [])


def test_firstpromoter(tmp_path: Path) -> None:
    found = Commission(
        "77", "31", "bob@affiliates.example", None, "user-9", 14_700_000, "EUR", "approved"
    )
    assert read(tmp_path, Programme.FIRSTPROMOTER, [FIRSTPROMOTER], "EUR") == ([found], [])
    _, faults = read(tmp_path, Programme.FIRSTPROMOTER, [FIRSTPROMOTER])
    assert faults == [(1, "77", "it names no currency; give the account's with --currency")]


def test_what_is_not_cash_is_left_out_and_counted(tmp_path: Path) -> None:
    units = ["points", None, "points", "cash"]
    answer = [FIRSTPROMOTER | {"id": n, "unit": unit} for n, unit in enumerate(units)]
    file = tmp_path / "commissions.json"
    file.write_text(json.dumps(answer))
    found = read_commissions(Programme.FIRSTPROMOTER, file, "EUR")
    assert [commission.commission_id for commission in found.commissions] == ["3"]
    assert (found.faults, found.left_out) == ([], {"points": 2, "no unit": 1})


@pytest.mark.parametrize(
    ("programme", "given", "changed", "open_micros"),
    [
        (Programme.REWARDFUL, REWARDFUL, {"paid_at": "2026-06-02T00:00:00Z"}, 0),
        (Programme.REWARDFUL, REWARDFUL, {"voided_at": "2026-06-02T00:00:00Z"}, 0),
        (Programme.REWARDFUL, REWARDFUL, {"state": "pending"}, 7_500_000),
        (Programme.REWARDFUL, REWARDFUL, {"state": "paid"}, 0),
        (Programme.REWARDFUL, REWARDFUL, {"currency": "JPY"}, 750_000_000),
        *((Programme.DUB, DUB, {"status": state}, 0) for state in ("paid", "refunded", "fraud")),
        (Programme.DUB, DUB, {"status": "processed", "earnings": -250}, -2_500_000),
        (Programme.FIRSTPROMOTER, FIRSTPROMOTER, {"is_paid": True}, 0),
        (Programme.FIRSTPROMOTER, FIRSTPROMOTER, {"status": "denied"}, 0),
        (Programme.FIRSTPROMOTER, FIRSTPROMOTER, {"status": "pending"}, 14_700_000),
    ],
)
def test_what_is_open_of_a_commission(
    tmp_path: Path,
    programme: Programme,
    given: dict[str, Any],
    changed: dict[str, Any],
    open_micros: int,
) -> None:
    (found,), faults = read(tmp_path, programme, [given | changed], "EUR")
    assert (found.open_micros, faults) == (open_micros, [])


def test_without_a_customer_it_is_the_earner_s_own(tmp_path: Path) -> None:
    (found,), _ = read(tmp_path, Programme.DUB, [DUB | {"customer": None, "type": "custom"}])
    assert found.customer == "pn_1"


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"id": None}, "it has no id"),
        ({"partner": None}, "it has no partner.id"),
        ({"earnings": 1.5}, "earnings is 1.5, and not a whole number of minor units"),
        ({"earnings": "5"}, "earnings is '5', and not a whole number of minor units"),
        ({"earnings": 2**62}, f"earnings is {2**62}, and out of range"),
        ({"earnings": 2.0**54}, f"earnings is {2.0**54!r}, and not a whole number of minor units"),
        (
            {"id": "a:1"},
            (
                "its id 'a:1' can't be part of an adjustment's: expected at most 96 characters, "
                "none a colon or a control or zero-width character"
            ),
        ),
        (
            {"customer": {"id": {"a": 1}}},
            "the id of its customer is {'a': 1}, and no text",
        ),
        ({"currency": "XYZ"}, "'XYZ' is no currency of ISO 4217"),
        ({"status": "new"}, "its state 'new' isn't known: whether it is owed can't be told"),
    ],
)
def test_what_is_no_commission_is_told_with_its_place(
    tmp_path: Path, changed: dict[str, Any], why: str
) -> None:
    commissions, faults = read(tmp_path, Programme.DUB, [DUB | {"id": "cm_0"}, DUB | changed])
    assert [commission.commission_id for commission in commissions] == ["cm_0"]
    assert faults == [(2, str((DUB | changed)["id"] or ""), why)]


def test_files_of_several_answers_and_none(tmp_path: Path) -> None:
    lines = "\n".join(json.dumps({"data": [DUB | {"id": f"cm_{n}"}]}) for n in range(3))
    commissions, _ = read(tmp_path, Programme.DUB, lines)
    assert [commission.commission_id for commission in commissions] == ["cm_0", "cm_1", "cm_2"]
    twice = [(2, "cm_1", "it is in the file twice, first as element 1")]
    assert read(tmp_path, Programme.DUB, [DUB, DUB])[1] == twice
    assert read(tmp_path, Programme.DUB, ["text"])[1] == [(1, "", "it has no status")]
    with pytest.raises(ExpectedError, match="is no JSON"):
        read(tmp_path, Programme.DUB, "id,amount\n1,2\n")
    with pytest.raises(ExpectedError, match="can't be read"):
        read_commissions(Programme.DUB, tmp_path / "none.json")
    with pytest.raises(ExpectedError, match="is nested too deep"):
        read(tmp_path, Programme.DUB, "[" * 200_000)
    for empty in ("", " \n\n"):
        with pytest.raises(ExpectedError, match="is empty"):
            read(tmp_path, Programme.DUB, empty)
    for none in ("[]", '{"data": []}'):
        assert read(tmp_path, Programme.DUB, none) == ([], [])
