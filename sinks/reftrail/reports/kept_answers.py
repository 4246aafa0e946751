"""Answers of reports that are kept, to be given again to those who ask the same."""

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from reftrail.reports.catalogue import ReportAnswer
from reftrail.reports.placed_facts import PlacedFacts
from reftrail.reports.questions import Question

_MOST: Final = 256
_MOST_ROWS: Final = 50_000
"""Rows of all answers together: about 80 MB. An answer of more than a fifth of it isn't kept."""
HOLDS_SECONDS: Final = 60.0
"""How long an answer holds while its facts do: some reports go by the time at which they are asked,
such as those of codes that expire soon."""
_LEAST_REST_SECONDS: Final = 60.0
_REST: Final = 9
"""How many times as long as a question took in vain it isn't asked again behind its readers."""

QuestionKey = tuple[str, Question]
"""A report and what it is asked."""


@dataclass(slots=True)
class KeptAnswer:
    """An answer, the facts that it is of, as far as they are known, and when it was asked for.

    rests_until is the time before which it isn't asked for again behind its readers.
    """

    facts: PlacedFacts
    asked_at: float
    answer: ReportAnswer
    rests_until: float = -math.inf

    def learn(self, facts: PlacedFacts) -> None:
        """Its facts were still of now at a later time, if these are the same."""
        if facts.version == self.facts.version and facts.at > self.facts.at:
            self.facts = facts


@dataclass(slots=True)
class KeptAnswers:
    """The latest answer of each of the questions that were read last. clock gives seconds.

    One thread keeps answers while another reads them.
    """

    clock: Callable[[], float] = time.monotonic
    _kept: OrderedDict[QuestionKey, KeptAnswer] = field(default_factory=OrderedDict)
    _rows: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def find(self, key: QuestionKey) -> KeptAnswer | None:
        """The latest answer to this question, whatever facts it is of; None if none is kept."""
        return self._kept.get(key)

    def was_read(self, key: QuestionKey) -> None:
        """Somebody was given the answer to this question: others are let go of before it."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)

    def age(self, kept: KeptAnswer) -> float:
        """Seconds since it was asked for."""
        return self.clock() - kept.asked_at

    def holds(self, kept: KeptAnswer, facts: PlacedFacts | None) -> bool:
        """Whether it is what would be answered now of these facts."""
        is_same = facts is not None and kept.facts.version == facts.version
        return is_same and self.age(kept) <= HOLDS_SECONDS

    def is_stale(self, kept: KeptAnswer, latest: PlacedFacts | None) -> bool:
        """Whether it is time to ask for it again, of the latest facts."""
        is_resting = self.clock() < kept.rests_until
        return latest is not None and not is_resting and not self.holds(kept, latest)

    def let_rest(self, key: QuestionKey, took: float) -> None:
        """Don't ask again for a while what was asked in vain, and took so many seconds."""
        kept = self._kept.get(key)
        if kept is not None:
            kept.rests_until = self.clock() + max(_LEAST_REST_SECONDS, _REST * took)

    def keep(self, key: QuestionKey, kept: KeptAnswer) -> None:
        """Keep an answer in place of the one before, and let go of those read longest ago."""
        with self._lock:
            former = self._kept.get(key)
            self._kept[key] = kept
            self._rows += len(kept.answer.rows) - (len(former.answer.rows) if former else 0)
            if len(kept.answer.rows) > _MOST_ROWS // 5:
                self._kept.move_to_end(key, last=False)
                self._let_go()
            while len(self._kept) > _MOST or self._rows > _MOST_ROWS:
                self._let_go()

    def _let_go(self) -> None:
        """Forget the first one: that which was read longest ago."""
        _, former = self._kept.popitem(last=False)
        self._rows -= len(former.answer.rows)
