"""The touch stage with its prefilter decides what the decider alone decides."""

from collections.abc import Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from reftrail.contracts.codec import encode
from reftrail.contracts.events import (
    Click,
    CodeEvidence,
    Event,
    FormStarted,
    KeyKind,
    Purchase,
    Signup,
    View,
)
from reftrail.contracts.record import DAY
from reftrail.contracts.reference import CampaignDefined, CodeChanged
from reftrail.engine.batch import StageOfPartition
from reftrail.engine.chunks import Chunk
from reftrail.engine.prefilter import Prefilter, TouchPrefilter
from reftrail.engine.reference import ReferenceTables
from reftrail.engine.state import StateStore
from reftrail.engine.topology import TOPOLOGY

T0 = 1_790_000_000_000
WINDOW = 3 * DAY


def _campaign(campaign_id: str, *, counts_views: bool) -> CampaignDefined:
    return CampaignDefined(
        event_id=campaign_id,
        event_time=T0,
        received_at=T0,
        campaign_id=campaign_id,
        version=1,
        effective_from=0,
        name=campaign_id,
        attribution_window_ms=WINDOW,
        counts_views=counts_views,
    )


def _code(code: str, campaign_id: str) -> CodeChanged:
    return CodeChanged(
        event_id=code,
        event_time=T0,
        received_at=T0,
        code=code,
        campaign_id=campaign_id,
        created_at=T0,
    )


KINDS: list[type[Any]] = [View, Click, Click, Click, FormStarted, Signup, Purchase]
CAMPAIGNS = [_campaign("plain", counts_views=False), _campaign("views", counts_views=True)]
CODES = [_code("AMY", "views"), _code("BOB", "plain")]
# Around the ends of a window, where holding or not is decided by one millisecond.
TIMES = st.builds(
    lambda day, off: T0 + day * WINDOW + off, st.integers(0, 4), st.sampled_from([-1, 0, 1, DAY])
)

FINDINGS = [
    {"code_known": known, "code_evidence": evidence}
    for known, evidence in [
        (None, None),
        (True, None),
        (True, CodeEvidence.DERIVED),
        (False, None),
        (False, CodeEvidence.FORGED),
        (False, CodeEvidence.MISTYPED),
    ]
]


@st.composite
def events(draw: st.DrawFn) -> list[Event]:
    found: list[Event] = []
    for n in range(draw(st.integers(1, 25))):
        kind = draw(st.sampled_from(KINDS))
        common: dict[str, Any] = {
            "event_id": f"e{draw(st.integers(0, 30))}-{n % 7}",
            "event_time": draw(TIMES),
            "received_at": T0 + draw(st.integers(0, 5)) * WINDOW + n,
            "visitor_id": draw(st.sampled_from(["v1", "v2", "v3"])),
            "code": draw(st.sampled_from([None, "AMY", "BOB"])),
            **draw(st.sampled_from(FINDINGS)),
            "campaign_id": draw(st.sampled_from([None, "plain", "views", "unheard-of"])),
            "key_kind": draw(st.sampled_from([None, *KeyKind])),
            "is_bot": draw(st.sampled_from([False, False, True])),
        }
        if kind is Signup:
            common |= {"user_id": "u"}
        if kind is Purchase:
            common |= {"user_id": "u", "order_id": f"o{n}", "amount_micros": 5, "currency": "EUR"}
        found.append(kind(**common))
    return found


def _run(
    batches: Sequence[Sequence[bytes | None]], prefilter: Prefilter | None, *, ahead: bool = False
) -> Any:
    work, store = StageOfPartition(TOPOLOGY[0], 0, 1), StateStore()
    reference, outputs, position = ReferenceTables([*CAMPAIGNS, *CODES]), [], 0
    for values in batches:
        end = position + len(values)
        offsets = list(range(position, end))
        times = [T0] * len(values)
        keys: list[bytes | None] = [b"key"] * len(values)
        chunk = Chunk(position, end, offsets, times, keys, list(values))
        ready = prefilter.read_ahead(values) if prefilter and ahead else prefilter
        outcome = work.decide(chunk, store, reference, ready)
        store.apply(outcome.changes, outcome.due_times)
        outputs.append({(t.name, p): m for (t, p), m in outcome.messages.items()})
        position = end
    return outputs, store.packed


@settings(max_examples=300)
@given(events(), st.integers(1, 25), st.integers(1, 25), st.integers(1, 4), st.booleans())
def test_the_prefilter_drops_nothing_that_matters(
    found: list[Event], size: int, together: int, fewest: int, ahead: bool
) -> None:
    values = [encode(event) for event in found]
    batches = [values[i : i + size] for i in range(0, len(values), size)]
    prefilter = TouchPrefilter(fewest, together)
    assert _run(batches, prefilter, ahead=ahead) == _run(batches, None)


def test_a_batch_with_a_broken_message_is_decided_without_the_prefilter() -> None:
    common: dict[str, Any] = {
        "event_time": T0,
        "received_at": T0,
        "visitor_id": "v1",
        "code": "AMY",
    }
    good = [encode(Click(event_id=f"e{n}", **common)) for n in range(3)]
    for broken in (b"", b"\x00\x00\x00\x00\x01", good[0][:-3], good[0] + b"\x00", None):
        values = [good[0], broken, *good[1:]]
        with_prefilter, without = _run([values], TouchPrefilter(fewest=1)), _run([values], None)
        assert with_prefilter == without
        assert any(topic == "dead-letters" for topic, _ in with_prefilter[0][0])


def test_the_prefilter_leaves_out_what_an_earlier_touch_holds() -> None:
    store, reference = StateStore(), ReferenceTables(CAMPAIGNS)
    work = StageOfPartition(TOPOLOGY[0], 0, 1)
    common: dict[str, Any] = {
        "received_at": T0,
        "visitor_id": "v1",
        "code": "AMY",
        "campaign_id": "plain",
    }
    first = encode(Click(event_id="first", event_time=T0, **common))
    store.apply(work.decide(Chunk(0, 1, [0], [T0], [b"v1"], [first]), store, reference).changes)
    later = [
        encode(Click(event_id=f"e{n}", event_time=T0 + n, **common))
        for n in (0, 1, WINDOW, WINDOW + 1)
    ]
    kept = TouchPrefilter(fewest=1).select(later, store.packed, reference)
    assert kept is not None
    assert [index for index, _ in kept] == [0, 3]


def test_the_prefilter_leaves_out_what_an_earlier_part_of_the_batch_decided() -> None:
    work, reference = StageOfPartition(TOPOLOGY[0], 0, 1), ReferenceTables(CAMPAIGNS)
    common: dict[str, Any] = {"received_at": T0, "visitor_id": "v1", "campaign_id": "plain"}
    values: list[bytes | None] = [
        encode(Click(event_id=f"e{n}", event_time=T0 + n, code="AMY", **common)) for n in range(6)
    ]
    chunk = Chunk(0, 6, list(range(6)), [T0] * 6, [b"v1"] * 6, values)
    decided = [
        work.decide(chunk, StateStore(), reference, TouchPrefilter(fewest=1, together=n)).decided
        for n in (6, 3, 1)
    ]
    assert decided == [6, 3, 1]
