"""State and conclusions follow again from the events and the log."""

from typing import Any

import msgspec
from hypothesis import given, settings
from property.programmes import ISSUED, REGISTERED, Manner, logs, manners, played

from reftrail.contracts.events import AnyEvent
from reftrail.contracts.record import Record
from reftrail.engine.topology import TOPOLOGY
from reftrail.rules.cells import Cells
from reftrail.rules.decider import Refused
from reftrail.testing import Step, replay


def fold(step: Step, folded: dict[tuple[str, str], Any]) -> None:
    """Apply the events of one decision to the state of its stage."""
    stage = step.stage
    decided = (event for event in step.events if not isinstance(event, Refused))
    if stage.family is not None:
        kind_of = stage.family.kind_of
        cells = Cells(
            lambda key: folded.get((stage.name, key), kind_of(key)()),
            lambda group: [
                key for name, key in folded if name == stage.name and key.startswith(f"{group}:")
            ],
        )
        for output in decided:
            cells = stage.decider.evolve(cells, output)
        folded |= {(stage.name, key): cell for key, cell in cells.changed.items()}
        return
    keys = [(stage.name, cell.key_of(step.record)) for cell in stage.cells]
    kept = zip(keys, stage.cells, strict=True)
    values = tuple(folded.get(key, cell.state()) for key, cell in kept)
    state = values if len(values) != 1 else values[0]
    for output in decided:
        state = stage.decider.evolve(state, output)
    folded |= zip(keys, state if len(keys) != 1 else (state,), strict=True)


@given(logs(), manners)
def test_the_state_follows_from_the_conclusions_alone(
    events: list[AnyEvent], manner: Manner
) -> None:
    """Folding the events, without deciding again, gives the state of the live host."""
    host = played(events, manner)
    folded: dict[tuple[str, str], Any] = {}
    for step in host.steps:
        fold(step, folded)
    for stage in TOPOLOGY:
        live = host.states(stage)
        packed = {
            key: msgspec.msgpack.encode(value)
            for (name, key), value in folded.items()
            if name == stage.name and value != type(value)()
        }
        assert packed == live


@given(logs(), manners)
@settings(max_examples=50)
def test_what_was_concluded_once_follows_again_from_the_log(
    events: list[AnyEvent], manner: Manner
) -> None:
    """Each stage alone on its logged input writes what it wrote, byte for byte."""
    host = played(events, manner)
    log = {stage.reads: host.logged(stage.reads) for stage in TOPOLOGY}
    played_again = replay(log, [*REGISTERED, *ISSUED], manner.partitions)
    for topic, records in played_again.items():
        assert _sorted(records) == _sorted(host.log(topic))


def _sorted(records: list[Record]) -> list[bytes]:
    return sorted(msgspec.json.encode(record) for record in records)
