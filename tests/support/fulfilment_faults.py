"""A fulfilment with a fault put in."""

from collections.abc import Callable
from typing import ClassVar

from reftrail.fulfilment.answers import Delivered
from reftrail.fulfilment.fulfilment import Fulfilment
from reftrail.fulfilment.outcomes import Settled
from reftrail.fulfilment.reports import delivered


class ReportsFirst(Fulfilment):
    """Reports as delivered what it then asks for, whatever is answered.

    between is called before it asks.
    """

    between: ClassVar[Callable[[], None]] = lambda: None

    def _judge(self) -> None:
        list(self.workers.answered())

    def _ask(self) -> None:
        now = self.clock()
        begun = [
            due
            for kind, free in self.workers.free().items()
            for due in self.journal.begin(kind, free, now, self._committed).due
        ]
        if begun:
            reports = [delivered(due.order, Delivered(), due.attempts, now) for due in begun]
            self.journal.record([Settled(report) for report in reports])
            assert self._log is not None
            self._write_reports(self._log)
            type(self).between()
        for due in begun:
            self.workers.ask(due)
