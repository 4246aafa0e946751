"""The source of a visit goes with the touch, the attribution, the claim and the reward."""

from typing import Any

import msgspec
import pytest

from reftrail.contracts.codec import decode, encode, encode_datum
from reftrail.contracts.decisions import Attributed, Claimed, RewardDecided
from reftrail.contracts.record import Record
from reftrail.contracts.registry import schemas
from reftrail.contracts.topics import ATTRIBUTIONS, CAMPAIGNS, CLAIMS, CODES, EVENTS, REWARDS
from reftrail.rules.touch.state import TouchState
from reftrail.testing import MemoryHost, campaign, click, code, signup


def followed(*events: Record) -> dict[type[Any], list[str | None]]:
    """The sources of the records that follow from events."""
    host = MemoryHost()
    host.publish(CAMPAIGNS, campaign())
    host.publish(CODES, code("AMY"), code("BOB"))
    host.publish(EVENTS, *events)
    host.run()
    found: dict[type[Any], list[str | None]] = {}
    for topic in (ATTRIBUTIONS, CLAIMS, REWARDS):
        for record in host.log(topic):
            if isinstance(record, Attributed | Claimed | RewardDecided):
                found.setdefault(type(record), []).append(record.utm_source)
    return found


def test_that_of_the_first_touch_counts() -> None:
    found = followed(
        click("AMY", at="09:00", utm_source="newsletter"),
        click("BOB", at="09:30", utm_source="instagram"),
        signup("10:00", utm_source="checkout"),
    )
    assert found == {
        Attributed: ["newsletter"],
        Claimed: ["newsletter"],
        RewardDecided: ["newsletter"] * 2,
    }


def test_that_of_the_signup_counts_for_a_typed_code() -> None:
    found = followed(signup("10:00", typed="AMY", utm_source="poster"))
    assert {source for sources in found.values() for source in sources} == {"poster"}
    assert len(found[RewardDecided]) == 2


def test_a_signup_s_own_takes_no_touch_s_place() -> None:
    found = followed(click("AMY", at="09:00"), signup("10:00", utm_source="checkout"))
    assert {source for sources in found.values() for source in sources} == {None}


@pytest.mark.parametrize("arrives_first", [True, False])
def test_a_late_touch_brings_its_own(arrives_first: bool) -> None:
    late = click(
        "AMY", at="08:00", utm_source="blog", received_at=click("AMY", at="10:05").event_time
    )
    rest = (click("BOB", at="09:00", utm_source="mail"), signup("10:00"))
    found = followed(*((late, *rest) if arrives_first else (*rest, late)))
    assert found[Attributed][-1] == "blog"


def test_a_state_from_before_has_none() -> None:
    packed = msgspec.msgpack.encode([1, 2, "click 1", "click", "AMY"])
    assert msgspec.msgpack.decode(packed, type=TouchState).utm_source is None


@pytest.mark.parametrize("schema_id", [1, 22, 38])
def test_an_event_from_before_is_read_without_one(schema_id: int) -> None:
    event = click("AMY", at="09:00", utm_source="mail")
    known = {field["name"] for field in schemas()[schema_id].parsed["fields"]}  # type: ignore[index, call-overload]
    datum = {k: v for k, v in msgspec.to_builtins(event).items() if k in known}
    old = decode(encode_datum(schemas()[schema_id], datum))
    assert old == msgspec.structs.replace(event, utm_source=None)
    assert decode(encode(event)) == event
