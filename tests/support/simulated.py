"""Events of a simulated programme, as a collector writes them."""

from typing import Final

import msgspec

from reftrail.code_lookup.facts import CodeFacts
from reftrail.collector.accept import Circumstances, Sender, accept
from reftrail.contracts.events import AnyEvent, KeyKind
from reftrail.contracts.record import Millis, Record
from reftrail.edge.pseudonyms import parse_hash_key, pseudonyms
from reftrail.simulator.simulation import Simulation

_HASHED: Final = pseudonyms(parse_hash_key(f"k1:{'ab' * 32}"))


def accepted(simulation: Simulation) -> list[Record]:
    """The records that a collector would write, a message every ten milliseconds."""
    codes = simulation.programme.codes

    def lookup(text: str) -> CodeFacts | None:
        code = codes.get(text)
        return CodeFacts(code.campaign_id, code.category, code.channel) if code else None

    def taken(step_json: dict[str, object], now: Millis) -> Record:
        sender = Sender(KeyKind.SECRET)
        outcome = accept([step_json], Circumstances(sender, now, _HASHED, lookup))
        assert not outcome.rejected
        record: Record = msgspec.convert(outcome.accepted[0].datum, AnyEvent)
        return record

    return [
        taken(step.event.as_json(), simulation.ends + 10 * nth)
        for nth, step in enumerate(simulation.steps())
    ]
