"""Answers of reports, kept for a while for the same question about the same placed facts."""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

from reftrail.reports.catalogue import ReportAnswer
from reftrail.reports.placed_facts import PlacedFacts
from reftrail.reports.questions import Question

_MOST: Final = 256
_MOST_ROWS: Final = 1_000
"""An answer of more rows isn't kept."""
_SECONDS: Final = 60.0
"""Some reports go by the time at which they are asked."""

_Key = tuple[int, str, Question]


@dataclass(frozen=True, slots=True)
class KeptAnswers:
    """The latest answers. clock gives seconds."""

    clock: Callable[[], float] = time.monotonic
    _answers: OrderedDict[_Key, tuple[float, ReportAnswer]] = field(default_factory=OrderedDict)

    def get(self, placed: PlacedFacts, report: str, asked: Question) -> ReportAnswer | None:
        """The answer to this question, as of these facts; None if none is kept."""
        kept = self._answers.get((placed.version, report, asked))
        if kept is None or self.clock() - kept[0] > _SECONDS:
            return None
        return replace(kept[1], as_of=placed.as_of)

    def keep(self, placed: PlacedFacts, report: str, asked: Question, answer: ReportAnswer) -> None:
        """Keep an answer, and let go of the oldest beyond 256."""
        if len(answer.rows) > _MOST_ROWS:
            return
        self._answers[placed.version, report, asked] = (self.clock(), answer)
        self._answers.move_to_end((placed.version, report, asked))
        while len(self._answers) > _MOST:
            self._answers.popitem(last=False)
