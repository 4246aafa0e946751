"""Answers of reports that are kept, to be given again to those who ask the same."""

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Self

from reftrail.reports.catalogue import ReportAnswer
from reftrail.reports.placed_facts import PlacedFacts
from reftrail.reports.questions import Question

_MOST: Final = 256
_MOST_ROWS: Final = 50_000
"""Rows of all answers together: about 80 MB. An answer of more than a fifth of it isn't kept."""
HOLDS_SECONDS: Final = 60.0
"""How long an answer holds while its facts do: some reports go by the time at which they are asked,
such as those of codes that expire soon."""
_MOST_BEGINS: Final = 2048
"""More questions than can be answered of views between two placings, as a rule."""
_LEAST_REST_SECONDS: Final = 60.0
_REST: Final = 9
"""How many times as long as a question took in vain it isn't asked again behind its readers."""

QuestionKey = tuple[str, Question]
"""A report and what it is asked."""


@dataclass(frozen=True, slots=True)
class Source:
    """Source of an answer: placed facts or, without them, views.

    as_of, content, version and at as of placed facts; of views the version is that of the newest
    facts that were placed when they were read, -1 without any.
    """

    as_of: str | None
    content: str
    version: int
    at: float
    placed: PlacedFacts | None = None

    @classmethod
    def of(cls, placed: PlacedFacts) -> Self:
        """Placed facts as a source."""
        return cls(placed.as_of, placed.content, placed.version, placed.at, placed)


@dataclass(slots=True)
class KeptAnswer:
    """An answer, its source as far as that is known, and when it was asked for.

    rests_until is the time before which it isn't asked for again behind its readers.
    """

    source: Source
    asked_at: float
    answer: ReportAnswer
    rests_until: float = -math.inf

    def is_of(self, facts: PlacedFacts) -> bool:
        """Whether it is of these facts, though perhaps as of another time."""
        return self.source.placed is not None and self.source.version == facts.version

    def learn(self, facts: PlacedFacts) -> None:
        """Its facts were still of now at a later time, if these are the same."""
        if self.is_of(facts) and facts.at > self.source.at:
            self.source = Source.of(facts)


@dataclass(slots=True)
class KeptAnswers:
    """The latest answer of each of the questions that were read last. clock gives seconds.

    One thread keeps answers while another reads them.
    """

    clock: Callable[[], float] = time.monotonic
    _kept: OrderedDict[QuestionKey, KeptAnswer] = field(default_factory=OrderedDict)
    _rows: int = 0
    _begins: OrderedDict[QuestionKey, float] = field(default_factory=OrderedDict)
    _all_begin: float = -math.inf
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

    def begin(self, key: QuestionKey) -> float:
        """The time before which no source of an answer to this question may be."""
        with self._lock:
            return self._begin(key)

    def begin_with(self, key: QuestionKey, source: Source) -> None:
        """Somebody learns what is answered of this source: an older one would go back.

        The newest placed facts only become newer; views can be newer than these.
        """
        with self._lock:
            self._begins[key] = max(source.at, self._begin(key))
            self._begins.move_to_end(key)
            if len(self._begins) > _MOST_BEGINS:
                _, at = self._begins.popitem(last=False)
                self._all_begin = max(self._all_begin, at)

    def _begin(self, key: QuestionKey) -> float:
        return max(self._all_begin, self._begins.get(key, -math.inf))

    def holds(self, kept: KeptAnswer, facts: PlacedFacts) -> bool:
        """Whether it is what would be answered now of these facts."""
        return kept.is_of(facts) and self.age(kept) <= HOLDS_SECONDS

    def is_stale(self, kept: KeptAnswer, latest: PlacedFacts | None) -> bool:
        """Whether it is time to ask for it again, of the latest facts."""
        if latest is None or latest.at < kept.source.at or self.clock() < kept.rests_until:
            return False
        return not self.holds(kept, latest)

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
