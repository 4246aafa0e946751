"""Repeated imports, whatever happens between them: the ledger has what the last file says."""

from collections import defaultdict
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from support.import_ledger import HELD, Ledger, commission

from reftrail.imports import Commission

_FILES = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 1200), st.sampled_from(["USD", "EUR", "JPY"])),
    max_size=5,
)
_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("import"), _FILES),
        st.tuples(
            st.sampled_from(["approve", "decline"]),
            st.lists(st.booleans(), min_size=1, max_size=4),
        ),
        st.tuples(st.just("listed"), st.sampled_from(["AMY", "BOB", "AMY2"])),
        st.tuples(
            st.just("owned"),
            st.tuples(
                st.sampled_from(["AMY", "BOB", "AMY2"]), st.sampled_from(["amy", "bob", "zoe"])
            ),
        ),
    ),
    min_size=1,
    max_size=12,
)


@settings(max_examples=60, deadline=None)
@given(_STEPS, st.booleans())
def test_after_anything_the_ledger_has_what_the_last_file_says(
    steps: list[tuple[str, Any]], holds: bool
) -> None:
    ledger = Ledger(policy=HELD) if holds else Ledger()
    ledger.owned("AMY2", "amy")
    for owner in ("amy", "bob", "zoe"):  # each keeps a code, by which credits can be taken back
        ledger.owned(f"{owner.upper()}-OWN", owner)
    owed: dict[int, tuple[int, str]] = dict.fromkeys(range(4), (0, "USD"))
    most: defaultdict[tuple[str, str], int] = defaultdict(int)

    def file() -> list[Commission]:
        return [
            commission(number, 0, currency=currency, open_micros=units * 1_000_000)
            for number, (units, currency) in owed.items()
        ]

    for step, detail in steps:
        match step:
            case "import":
                owed |= {number: (units, currency) for number, units, currency in detail}
                for found in file():
                    key = found.commission_id, found.currency
                    most[key] = max(most[key], found.open_micros)
                plan = ledger.plan(*file())
                assert not plan.faults
                ledger.take(plan)
            case "listed":
                ledger.listed = {"pn_1": detail}
            case "owned":
                ledger.host.run()
                ledger.owned(*detail)
            case _:
                ledger.decide(step, *detail)
        for (its_commission, _, currency), micros in ledger.booked().items():
            assert 0 < micros <= most[its_commission, currency], "a debit or credit for nothing"
    ledger.decide("approve")
    ledger.take(ledger.plan(*file(), asks_again=True))
    ledger.decide("approve")
    plan = ledger.plan(*file())
    assert (plan.postings, plan.faults) == ([], [])
    assert all(" stay under " in note for note in plan.notes)
    assert all(balance.matches for balance in plan.balances)
    owners = {changed.code: str(changed.owner_user_id) for changed in ledger.codes}
    owner = owners[(ledger.listed or {})["pn_1"]]
    assert ledger.booked() == {
        (f"cm_{number}", owner, currency): units * 1_000_000
        for number, (units, currency) in owed.items()
        if units
    }
