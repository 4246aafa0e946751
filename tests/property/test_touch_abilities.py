"""Whatever a campaign's policy allows, the touch stage on batches decides as its rule on records.

The rule alone is asked about one event after the other, and its state follows from its events by
`evolve`. The stage has its prefilter in front, and takes state and events from `settle`.
"""

from collections import Counter
from itertools import product
from random import Random
from typing import Any, Final, NamedTuple

import msgspec
import pytest

from reftrail.contracts.codec import decode, encode
from reftrail.contracts.conversions import Converted, Touched
from reftrail.contracts.events import (
    AnyEvent,
    Click,
    CodeEvidence,
    FormStarted,
    Identified,
    KeyKind,
    Purchase,
    Refund,
    Signup,
    UsersMerged,
    View,
)
from reftrail.contracts.policy import Arm, ArmUnit, Experiment, Policy, policy_text
from reftrail.contracts.record import DAY, HOUR, MINUTE, Millis, Record
from reftrail.contracts.reference import CampaignDefined, CodeChanged, CodeStatus
from reftrail.engine.batch import StageOfPartition
from reftrail.engine.chunks import Chunk
from reftrail.engine.prefilter import TouchPrefilter
from reftrail.engine.reference import ReferenceTables
from reftrail.engine.state import StateStore
from reftrail.engine.topology import STAGES
from reftrail.rules.decider import Cause, Refused
from reftrail.rules.touch.decider import TouchDecider
from reftrail.rules.touch.state import NOBODY, TouchState

TOUCH: Final = STAGES["touch"]
T0: Final = 1_790_000_000_000
EVENTS_EACH: Final = 120
VISITORS: Final = tuple(f"v{nth}" for nth in range(5))
KINDS: Final = (View, View, Click, Click, Click, FormStarted, Signup, *[Identified] * 3)
ELSEWHERE: Final = (Purchase, Refund, UsersMerged)


class Ability(NamedTuple):
    """Rules of a campaign, and why its code has stopped, if it has."""

    counts_views: bool
    backdated_touch_for: Millis
    window: Millis
    arms_by: ArmUnit | None
    stopped: str | None

    def campaign(self) -> CampaignDefined:
        arms = [Arm(name="plain", share=1), Arm(name="more", share=1)]
        by = self.arms_by
        experiment = None if by is None else Experiment(by=by, salt="s", arms=arms)
        policy = Policy(backdated_touch_for=self.backdated_touch_for, experiment=experiment)
        return CampaignDefined(
            event_id="campaign",
            event_time=T0,
            received_at=T0,
            campaign_id="spring",
            version=1,
            effective_from=0,
            name="Spring",
            attribution_window_ms=self.window,
            counts_views=self.counts_views,
            policy=policy_text(policy),
        )

    def codes(self) -> list[CodeChanged]:
        """One that may have been stopped on the third day, and one of another campaign."""
        rules: dict[str, dict[str, Any]] = {
            "expired": {"expires_at": T0 + 3 * DAY},
            "revoked": {"status": CodeStatus.REVOKED, "event_time": T0 + 3 * DAY},
            "suspended": {"status": CodeStatus.SUSPENDED, "event_time": T0 + 3 * DAY},
        }
        common: dict[str, Any] = {
            "event_id": "code",
            "event_time": T0,
            "received_at": T0,
            "created_at": T0,
        }
        changed = common | rules.get(self.stopped or "", {})
        other = common | {"code": "BOB", "campaign_id": "unheard-of"}
        return [CodeChanged(code="AMY", campaign_id="spring", **changed), CodeChanged(**other)]


ABILITIES: Final = [
    Ability(*ability)
    for ability in product(
        (False, True),
        (5 * MINUTE, 2 * DAY),
        (HOUR, 3 * DAY),
        (None, ArmUnit.VISITOR, ArmUnit.CODE),
        (None, "expired", "revoked", "suspended"),
    )
]


def history(rng: Random) -> list[AnyEvent]:
    """Events by browsers, servers and bots: late, backdated, again, and under codes of any kind."""
    found: list[AnyEvent] = []
    now = T0
    for nth in range(EVENTS_EACH):
        now += 40 * DAY if nth == EVENTS_EACH // 2 else rng.choice((0, 1, MINUTE, HOUR, 6 * HOUR))
        recent = [event for event in found[-20:] if event.received_at > now - DAY]
        if recent and rng.random() < 0.05:  # one that takes longer may find its visitor removed
            found.append(rng.choice(recent))
            continue
        kind: type[Any] = rng.choice(ELSEWHERE) if rng.random() < 0.1 else rng.choice(KINDS)
        found.append(kind(**_fields(rng, kind, nth, now)))
    return found


def _fields(rng: Random, kind: type[Any], nth: int, now: Millis) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "event_id": f"e{nth:03}",
        "received_at": now,
        "event_time": now - rng.choice((0, 0, 1, MINUTE, 5 * MINUTE, HOUR, DAY, 4 * DAY)),
        "key_kind": rng.choice((None, *KeyKind)),
        "is_bot": rng.random() < 0.1,
    }
    if kind not in ELSEWHERE:
        fields["visitor_id"] = rng.choice(VISITORS)
    if kind is Signup or kind in ELSEWHERE:
        fields["user_id"] = f"u{rng.randrange(3)}"
    if kind is Identified:
        fields["user_id"] = f"u{rng.randrange(20)}"
        fields["visitor_id"] = rng.choice((*VISITORS, *VISITORS[:1] * 9))
    if kind is UsersMerged:
        fields["merged_into"] = "account"
    if kind in (Purchase, Refund):
        fields |= {"order_id": f"o{nth}", "amount_micros": 5, "currency": "EUR"}
    if kind in (View, Click, Signup):
        fields |= {"code": rng.choice((None, "AMY", "AMY", "BOB", "TYPO"))}
        fields |= {"campaign_id": rng.choice((None, "spring", "spring", "unheard-of"))}
        known, evidence = rng.choice(
            (
                (None, None),
                (True, None),
                (True, CodeEvidence.DERIVED),
                (True, CodeEvidence.RETIRED),
                (False, None),
                (False, CodeEvidence.FORGED),
                (False, CodeEvidence.MISTYPED),
            )
        )
        fields |= {"code_known": known, "code_evidence": evidence}
    return fields


def by_the_rule(
    found: list[AnyEvent], reference: ReferenceTables
) -> tuple[list[Record], dict[str, TouchState], Counter[str]]:
    """The records and refusals that follow, by decide and evolve alone, and the states."""
    decider = TouchDecider()
    states: dict[str, TouchState] = {}
    outputs, refused = list[Record](), Counter[str]()
    (cell,) = TOUCH.cells
    for offset, event in enumerate(found):
        key = cell.key_of(event)
        before = states.get(key, NOBODY)
        for decided in decider.decide(before, event, Cause("events", 0, offset), reference):
            if isinstance(decided, Refused):
                refused[decided.reason] += 1
                continue
            states[key] = decider.evolve(states.get(key, NOBODY), decided)
            if isinstance(decided, Touched | Converted):
                outputs.append(decided)
    return outputs, {key: state for key, state in states.items() if state != NOBODY}, refused


def by_the_stage(
    found: list[AnyEvent], reference: ReferenceTables, size: int
) -> tuple[list[Record], dict[str, TouchState], Counter[str], int]:
    """The same by the stage, on batches of a size, and how often its decider was asked."""
    work, store = StageOfPartition(TOUCH, 0, 1), StateStore(TOUCH)
    outputs, refused, asked = list[Record](), Counter[str](), 0
    for begin in range(0, len(found), size):
        part = found[begin : begin + size]
        values: list[bytes | None] = [encode(event) for event in part]
        end = begin + len(part)
        keys: list[bytes | None] = [b"key"] * len(part)
        times = [event.received_at for event in part]
        chunk = Chunk(begin, end, list(range(begin, end)), times, keys, values)
        outcome = work.decide(chunk, store, reference, TouchPrefilter(fewest=1, together=7))
        store.apply(outcome.changes, outcome.due_times)
        asked += outcome.decided
        refused.update(outcome.dead)
        for (topic, _), messages in outcome.messages.items():
            if topic.name in {"touches", "conversions"}:
                outputs += [decode(value) for _, value in messages]
    packed = store.packed
    states = {key: msgspec.msgpack.decode(packed[key], type=TouchState) for key in packed}
    return outputs, states, refused, asked


def at_the_end(states: dict[str, TouchState], found: list[AnyEvent]) -> dict[str, TouchState]:
    """The states that count for what is received at the end: the stage removes the others."""
    end = found[-1].received_at
    return {key: state for key, state in states.items() if state.at(end) != NOBODY}


@pytest.mark.parametrize("ability", ABILITIES, ids=str)
def test_prefilter_and_settle_decide_as_decide_and_evolve(ability: Ability) -> None:
    rng = Random(f"touch {ability}")
    found = history(rng)
    reference = ReferenceTables([ability.campaign(), *ability.codes()])
    outputs, states, refused = by_the_rule(found, reference)
    for size in (13, EVENTS_EACH):
        made, kept, dead, asked = by_the_stage(found, reference, size)
        assert Counter(map(encode, made)) == Counter(map(encode, outputs))
        assert dead == refused
        assert at_the_end(kept, found) == at_the_end(states, found)
        assert asked < len(found)


def test_the_abilities_tell() -> None:
    """Each changes what follows, but that a suspended code's touches count, as an active one's."""
    followed: dict[Ability, list[bytes]] = {}
    occurred: Counter[str] = Counter()
    histories = [history(Random(seed)) for seed in range(4)]
    for ability in ABILITIES:
        reference = ReferenceTables([ability.campaign(), *ability.codes()])
        made = [by_the_rule(found, reference) for found in histories]
        outputs = [record for records, _, _ in made for record in records]
        followed[ability] = [encode(record) for record in outputs]
        occurred.update(
            record.kind if isinstance(record, Converted) else "touched" for record in outputs
        )
        for _, _, refused in made:
            occurred.update(refused)
    base = Ability(True, 5 * MINUTE, 3 * DAY, None, None)
    for name, values in zip(Ability._fields, zip(*ABILITIES, strict=True), strict=True):
        for value in set(values) - {getattr(base, name)}:
            is_told = followed[base] != followed[base._replace(**{name: value})]
            assert is_told == (value != "suspended"), (name, value)
    assert {"touched", "late_touch", "identified", "identified_by_page", "signup"} <= set(occurred)
    assert occurred["too_many_users"]
