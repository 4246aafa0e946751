"""The ends of batches change no touch, however late events reach the broker.

Nor does the prefilter, whatever clocks say; and the memory host decides the same.
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st
from property.test_prefilter import CAMPAIGNS, CODES, T0

from reftrail.contracts.codec import decode, encode
from reftrail.contracts.events import AnyEvent, Click, Signup
from reftrail.contracts.record import DAY, Millis
from reftrail.contracts.topics import EVENTS
from reftrail.engine.batch import StageOfPartition
from reftrail.engine.chunks import Chunk
from reftrail.engine.memory import MemoryHost
from reftrail.engine.memory_log import Message
from reftrail.engine.prefilter import Prefilter, TouchPrefilter
from reftrail.engine.reference import ReferenceTables
from reftrail.engine.state import StateStore
from reftrail.engine.topology import STAGES
from reftrail.rules.touch.events import VisitorForgotten

TOUCH: Final = STAGES["touch"]


class Appended(NamedTuple):
    event: AnyEvent
    at: Millis


@st.composite
def logs(draw: st.DrawFn) -> list[Appended]:
    """Events that take days to the broker, or were received by clocks that are weeks ahead."""
    found, now = [], T0 + 400 * DAY
    for nth in range(draw(st.integers(2, 12))):
        now += draw(st.sampled_from([0, 0, 1, DAY, 10 * DAY]))
        received = now - draw(st.sampled_from([0, 0, -40, 2, 35, 60])) * DAY
        times: dict[str, Any] = {
            "event_id": f"e{nth}",
            "received_at": received,
            "event_time": received - draw(st.sampled_from([0, 0, 1, 5, 30])) * DAY,
        }
        visitor = draw(st.sampled_from(["v1", "v1", "v2"]))
        code, campaign = draw(st.sampled_from([("AMY", "views"), ("BOB", "plain")]))
        if draw(st.integers(0, 4)):
            named: dict[str, Any] = {"code": code, "code_known": True, "campaign_id": campaign}
            found.append(Appended(Click(visitor_id=visitor, **named, **times), now))
        else:
            found.append(Appended(Signup(visitor_id=visitor, user_id="u", **times), now))
    return found


def decided(
    log: Sequence[Appended], size: int, prefilter: Prefilter | None
) -> list[tuple[str, str]]:
    """The outputs to topics, by topic and id."""
    work, store = StageOfPartition(TOUCH, 0, 1), StateStore(TOUCH)
    reference, found = ReferenceTables([*CAMPAIGNS, *CODES]), []
    for begin in range(0, len(log), size):
        part = log[begin : begin + size]
        end = begin + len(part)
        values: list[bytes | None] = [encode(logged.event) for logged in part]
        keys: list[bytes | None] = [b"key"] * len(part)
        offsets, times = list(range(begin, end)), [logged.at for logged in part]
        chunk = Chunk(begin, end, offsets, times, keys, values)
        outcome = work.decide(chunk, store, reference, prefilter)
        store.apply(outcome.changes, outcome.due_times)
        for (topic, _), messages in outcome.messages.items():
            if topic is not TOUCH.changelog:
                found += [(topic.name, decode(value).event_id) for _, value in messages]
    return sorted(found)


def in_memory(log: Sequence[Appended], size: int) -> list[tuple[str, str]]:
    host = MemoryHost((TOUCH,), batch=size)
    for record in (*CAMPAIGNS, *CODES):
        host.reference.apply(record)
    for nth, logged in enumerate(log):
        host.publish_message(EVENTS, 0, Message(nth, b"key", encode(logged.event), logged.at))
    events = [event for step in host.run().steps for event in step.events]
    return sorted(
        (topic.name, event.event_id)
        for event in events
        if not isinstance(event, VisitorForgotten)
        for topic in TOUCH.topics_for(event)
    )


@settings(max_examples=400)
@given(logs(), st.integers(2, 12))
def test_the_moment_of_removal_changes_no_decision(log: list[Appended], size: int) -> None:
    alone = decided(log, 1, None)
    assert decided(log, size, None) == alone
    assert decided(log, size, TouchPrefilter(fewest=1, together=4)) == alone
    assert in_memory(log, 1) == in_memory(log, size) == alone
