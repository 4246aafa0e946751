"""Events that the prefilter may leave out, judged by the state before a batch."""

from hypothesis import given
from hypothesis import strategies as st
from property.programmes import (
    ISSUED,
    REGISTERED,
    hours,
    logs,
    repetitions,
    with_repetitions,
)

from reftrail.contracts.events import AnyEvent, Click, FormStarted, KeyKind, View, event_key
from reftrail.contracts.record import Record
from reftrail.engine.reference import ReferenceTables
from reftrail.rules.decider import Cause
from reftrail.rules.touch.decider import TouchDecider
from reftrail.rules.touch.state import TouchState

_DECIDER = TouchDecider()
_REFERENCE = ReferenceTables([*REGISTERED, *ISSUED])
States = dict[str, TouchState]


def changes_nothing(event: AnyEvent, before: States) -> bool:
    """Whether the state before the batch already says that an event decides nothing."""
    match event:
        case FormStarted():
            return True
        case View() | Click():
            state = before.get(event.visitor_id, TouchState())
            return (
                event.code is None
                or event.is_bot
                or event.code_known is False
                or state.touch_time < event.event_time <= state.expires_at
            )
        case _:
            return False


def decided(events: list[AnyEvent], batch: int, *, drop: bool) -> tuple[list[Record], States]:
    states: States = {}
    outputs: list[Record] = []
    for begin in range(0, len(events), batch):
        before = dict(states)
        for offset, event in enumerate(events[begin : begin + batch], start=begin):
            if drop and changes_nothing(event, before):
                continue
            key = event_key(event)
            state = states.get(key, TouchState())
            for found in _DECIDER.decide(state, event, Cause("events", 0, offset), _REFERENCE):
                state = _DECIDER.evolve(state, found)
                outputs.append(found)
            if state != TouchState():
                states[key] = state
    return outputs, states


@given(logs(most=60), st.integers(1, 60))
def test_leaving_out_what_the_state_before_a_batch_covers_changes_nothing(
    events: list[AnyEvent], batch: int
) -> None:
    assert decided(events, batch, drop=True) == decided(events, 1, drop=False)


@st.composite
def clicks_by_one_visitor(draw: st.DrawFn) -> list[AnyEvent]:
    """Nothing but touches of one visitor, under campaigns with windows of different lengths."""
    codes = {code.code: code.campaign_id for code in ISSUED[:3]}
    return [
        Click(
            event_id=f"e{nth:02}",
            event_time=draw(hours),
            received_at=draw(hours),
            visitor_id="v0",
            code=code,
            campaign_id=codes[code],
            key_kind=draw(st.sampled_from([None, *KeyKind])),
        )
        for nth, code in enumerate(draw(st.lists(st.sampled_from(sorted(codes)), max_size=12)))
    ]


@given(clicks_by_one_visitor(), st.integers(1, 12), repetitions)
def test_a_visitor_s_touches_may_be_left_out_and_repeated(
    events: list[AnyEvent], batch: int, again: list[tuple[int, int]]
) -> None:
    repeated = with_repetitions(events, again)
    alone, kept = decided(events, 1, drop=False), decided(repeated, batch, drop=True)
    assert kept[1] == alone[1]
    assert [record.event_id for record in kept[0]] == [record.event_id for record in alone[0]]
