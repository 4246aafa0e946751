"""Where a prefix leads, and how prefixes are rotated."""

import pytest

from reftrail.codes.routing import OutOfDate, Route, Routing

ROUTING = Routing(
    (
        Route("SHIP", category="shipment", brand="acme"),
        Route("S", category="anything"),
        Route("ATT", category="attendee", app_id="events", valid_from=100, valid_until=200),
    )
)


def category(routing: Routing, code: str, at: int) -> str | None:
    found = routing.route(code, at)
    return found.category if isinstance(found, Route) else None


def test_the_longest_prefix_counts_in_either_case() -> None:
    assert category(ROUTING, "SHIPABC", 0) == "shipment"
    assert category(ROUTING, "shipABC", 0) == "shipment"
    assert category(ROUTING, "SABC", 0) == "anything"
    assert ROUTING.route("XABC", 0) is None


@pytest.mark.parametrize(("at", "holds"), [(99, False), (100, True), (199, True), (200, False)])
def test_a_prefix_holds_from_its_beginning_to_before_its_end(at: int, holds: bool) -> None:
    found = ROUTING.route("ATT123", at)
    assert isinstance(found, Route if holds else OutOfDate)


def test_the_old_and_the_new_prefix_hold_together_for_a_while() -> None:
    rotated = ROUTING.rotated("SHIP", "FRT", at=1_000, until=2_000)
    for at, codes in (
        (999, {"SHIP1"}),
        (1_000, {"SHIP1", "FRT1"}),
        (1_999, {"SHIP1", "FRT1"}),
        (2_000, {"FRT1"}),
    ):
        assert {
            code for code in ("SHIP1", "FRT1") if category(rotated, code, at) == "shipment"
        } == codes
    kept = ROUTING.rotated("SHIP", "FRT", at=1_000, until=None)
    assert category(kept, "SHIP1", 10**12) == "shipment"


def test_a_prefix_may_come_back_later_but_not_twice_at_once() -> None:
    assert Routing((Route("A", valid_until=10), Route("A", valid_from=10)))
    with pytest.raises(ValueError, match="stands twice"):
        Routing((Route("A", valid_until=11), Route("a", valid_from=10)))
    with pytest.raises(ValueError, match="stands twice"):
        Routing((Route("A"), Route("A")))
    with pytest.raises(ValueError, match="stands twice"):
        Routing((Route("A", valid_from=50), Route("A")))
    with pytest.raises(ValueError, match="needs a prefix"):
        Routing((Route(""),))


def test_only_a_prefix_in_force_can_be_rotated() -> None:
    for prefix, at in (("NONE", 0), ("ATT", 300), ("SHI", 0)):
        with pytest.raises(ValueError, match="not in force"):
            ROUTING.rotated(prefix, "NEW", at=at, until=None)
    with pytest.raises(ValueError, match="at least until"):
        ROUTING.rotated("SHIP", "NEW", at=10, until=9)
