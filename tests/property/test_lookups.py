"""A replay gives to the byte what was decided while codes, campaigns and lists changed.

Batches of any size, bad records among them, workers that take over and have read less, batches that
were decided in vain, and recorders that begin anew after a few facts.
"""

from collections import Counter
from random import Random
from typing import Any, Final

import msgspec
import pytest
from property.programmes import ISSUED
from property.test_hosts import CAMPAIGNS_ALIVE, chunked, lived

from reftrail.contracts.codec import decode, encode
from reftrail.contracts.external_inputs import Listed, Listing, Ticked
from reftrail.contracts.record import HOUR, MICROS_PER_UNIT, Record
from reftrail.contracts.reference import CodeStatus
from reftrail.contracts.topics import LOOKUPS
from reftrail.engine import lookups
from reftrail.engine.batch import StageOfPartition
from reftrail.engine.lookups import LookupRecorder
from reftrail.engine.memory_log import Logged
from reftrail.engine.oracle import replay
from reftrail.engine.prefilter import TouchPrefilter
from reftrail.engine.reference import ReferenceTables
from reftrail.engine.state import StateStore
from reftrail.engine.topology import STAGES
from reftrail.testing.times import FIRST_DAY

STAGES_THAT_LOOK_UP: Final = LOOKUPS.written_by.split(", ")


class Shop:
    """The reference data, as it changes by chance."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._codes = {code.code: code for code in ISSUED}
        self.history: list[Record] = [*CAMPAIGNS_ALIVE, *ISSUED]
        self.tables = ReferenceTables(self.history)

    def change(self) -> None:
        """Change a code or campaign, or list something."""
        rng, name = self._rng, f"change {len(self.history)}"
        at = FIRST_DAY + rng.randrange(40) * HOUR
        changed: Record
        match rng.choice(["code", "campaign", "list"]):
            case "code":
                before = rng.choice(list(self._codes.values()))
                changed = self._codes[before.code] = msgspec.structs.replace(
                    before,
                    event_id=name,
                    event_time=at,
                    revision=before.revision + 1,
                    status=rng.choice([CodeStatus.ACTIVE, *CodeStatus]),
                    owner_user_id=rng.choice([before.owner_user_id, "u1", None]),
                    campaign_id=rng.choice([campaign.campaign_id for campaign in CAMPAIGNS_ALIVE]),
                )
            case "campaign":
                changed = msgspec.structs.replace(
                    rng.choice(CAMPAIGNS_ALIVE),
                    event_id=name,
                    version=rng.choice([1, 1, 2, 3]),
                    effective_from=rng.choice([0, at]),
                    counts_views=rng.random() < 0.5,
                    referee_reward_micros=rng.randrange(1, 9) * MICROS_PER_UNIT,
                )
            case _:
                subject, value = rng.choice([("user", "u1"), ("user", "u2"), ("code", "AMY")])
                overrides: dict[str, Any] = {
                    "listing": rng.choice([None, *Listing]),
                    "actor": "ann",
                }
                changed = Listed(
                    event_id=name,
                    event_time=at,
                    received_at=at,
                    subject=subject,
                    value=value,
                    **overrides,
                )
        self.history.append(changed)
        self.tables.apply(changed)

    def read_less(self) -> None:
        """Be what another worker has read."""
        end = len(self.history) - self._rng.randrange(3)
        self.tables = ReferenceTables(self.history[:end])


def with_bad_records(logged: list[Logged], rng: Random) -> list[Logged]:
    """The same; what some lead to can't be written, for their time."""
    bad = set(rng.sample(range(len(logged)), min(2, len(logged))))
    far = 2**63 - 1
    return [
        Logged(msgspec.structs.replace(at.record, event_time=far), at.partition, at.offset)
        if nth in bad and not isinstance(at.record, Ticked)
        else at
        for nth, at in enumerate(logged)
    ]


@pytest.mark.parametrize("name", STAGES_THAT_LOOK_UP)
@pytest.mark.parametrize("seed", range(16))
def test_a_replay_is_equal_whatever_changed_meanwhile(
    seed: int, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng, stage = Random(seed), STAGES[name]
    monkeypatch.setattr(lookups, "MOST_FACTS", rng.choice([2, 3, 8_192]))
    logged = with_bad_records(lived(seed, batch=7).logged(stage.reads), rng)
    played = list(logged)
    work, store, shop = StageOfPartition(stage, 0, 1), StateStore(stage), Shop(rng)
    prefilter = TouchPrefilter(fewest=1) if name == "touch" and seed % 2 else None
    recorder = LookupRecorder(name, shop.tables)
    sent: dict[str, Counter[bytes | None]] = {}
    found: list[Logged] = []
    while logged:
        for _ in range(rng.choice([0, 0, 1, 2, 4])):
            shop.change()
        if rng.random() < 0.05:
            shop.read_less()
            recorder = LookupRecorder(name, shop.tables)
        size = rng.randrange(1, 12)
        part, logged[:size] = logged[:size], []
        (chunk,) = chunked(part, size, stage.reads)
        if rng.random() < 0.2:
            work.decide(chunk, store, shop.tables, prefilter, recorder)
            shop.change()
        outcome = work.decide(chunk, store, shop.tables, prefilter, recorder)
        store.apply(outcome.changes, outcome.due_times)
        recorder.accept()
        for (topic, _), messages in outcome.messages.items():
            values = [value for _, value in messages]
            if topic is LOOKUPS:
                found += [Logged(decode(value), 0, len(found)) for value in values]
            elif topic is not stage.changelog:
                sent.setdefault(topic.name, Counter()).update(values)
    assert found
    log = {stage.reads: played, LOOKUPS: found}
    again = {
        topic.name: Counter(map(encode, records))
        for topic, records in replay(log, [], 1, (stage,)).items()
        if records
    }
    assert again == sent
