"""The order that gets a free turn is the earliest, however orders came and waited."""

from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st
from support.reward_orders import bought, ledger_of, on_purchase, paid_back

from reftrail.testing import claim_id, signal_checked


class Came(NamedTuple):
    """An order: the minute of its time, and whether it waits for a check of its own."""

    minute: int
    is_checked: bool


orders = st.lists(st.builds(Came, st.integers(10, 40), st.booleans()), min_size=1, max_size=6)


@settings(max_examples=200)
@given(orders, st.integers(0, 6), st.permutations(range(6)))
def test_the_earliest_gets_the_turn(came: list[Came], before: int, answers: list[int]) -> None:
    """The first order is paid back while others wait, so many of which came before the refund."""
    ids = [claim_id("AMY", f"o{nth} 11:{order.minute}") for nth, order in enumerate(came)]
    story = on_purchase()
    story.when(bought("first", at="11:50"), bought("blocks", at="11:55", checks=["ip"]))
    for nth, order in enumerate(came):
        if nth == before:
            story.given(paid_back("first"))
        checks = ["device"] if order.is_checked else []
        story.given(bought(f"o{nth}", at=f"11:{order.minute}", checks=checks))
    if before >= len(came):
        story.given(paid_back("first"))
    answered = [signal_checked("ip", of=claim_id("AMY", "blocks 11:55"))]
    answered += [
        signal_checked("device", of=ids[nth])
        for nth in answers
        if nth < len(came) and came[nth].is_checked
    ]
    story.when(*answered)
    earliest = min(range(len(came)), key=lambda nth: (came[nth].minute, ids[nth]))
    assert ledger_of(story) == [
        ("purchase:first", "reversed"),
        (f"purchase:o{earliest}", "granted"),
    ]
