"""Pay-outs in memory: the ledger of a host, and a log of statements beside it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from reftrail.contracts.codec import decode, encode
from reftrail.contracts.decisions import RewardDecided
from reftrail.contracts.external_inputs import FulfilmentReported
from reftrail.contracts.record import Record
from reftrail.payouts.ledger import accounts_of
from reftrail.payouts.preparing import Ledger
from reftrail.payouts.statements import Statements, statements_of


@dataclass
class MemoryPayouts:
    """A log for the commands about pay-outs."""

    entries: Callable[[], Sequence[RewardDecided]]
    report: Callable[[Sequence[FulfilmentReported]], None] = lambda _: None
    records: list[Record] = field(default_factory=list)
    writes: int = 0

    def ledger(self, kinds: Sequence[str]) -> Ledger:
        entries = self.entries()
        return Ledger(accounts_of(entries, kinds), {0: len(entries)})

    def statements(self) -> Statements:
        return statements_of(self.records)

    def write(self, records: Sequence[Record], reports: Sequence[FulfilmentReported] = ()) -> None:
        self.writes += bool(records or reports)
        self.records += [decode(encode(record)) for record in records]
        self.report(reports)
