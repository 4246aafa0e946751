"""The journeys, interleaved as their events reach a collector, and the truth about them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count
from random import Random
from typing import Final

from reftrail.contracts.record import DAY, HOUR, MINUTE, SECOND, Millis
from reftrail.simulator.by_hand import Act, Staff
from reftrail.simulator.journey import Journey, Plot
from reftrail.simulator.occurrence import Step
from reftrail.simulator.plots import PLOTS
from reftrail.simulator.programme import LENGTH, Programme, programme
from reftrail.simulator.truth import Truth

_SENT_TWICE: Final = 0.02
_LATER: Final = (SECOND, MINUTE, HOUR, 10 * DAY)
_EVENTS_PER_JOURNEY: Final = 5.2
"""On average, over the plots: it sets how densely journeys start."""


@dataclass(slots=True)
class Simulation:
    """A programme played once; the same seed, number of events and end give the same bytes.

    steps() yields the events in the order of sending: so many distinct ones, of which some are
    sent twice. Only journeys that have begun and not ended are in memory, and of the rest the
    truth: a line for each user. truth is complete when steps() is exhausted.
    """

    seed: int
    events: int
    ends: Millis
    plots: Mapping[Plot, int] = field(default_factory=lambda: PLOTS)
    programme: Programme = field(init=False)
    truth: Truth = field(init=False)
    _rng: Random = field(init=False)
    _ahead: list[tuple[Millis, int, int, Step]] = field(default_factory=list)
    _histories: dict[int, list[Step]] = field(default_factory=dict)
    _left: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Make up the programme; the journeys follow as they are asked for."""
        self._rng = Random(self.seed)  # noqa: S311 - made to be repeated, not to be secret
        self.programme = programme(self._rng, self.ends, min(2_000, 20 + self.events // 500))
        self.truth = Truth(self.programme)

    def steps(self) -> Iterator[Step]:
        """Events in the order of sending, stragglers last. To be called once."""
        stragglers: list[Step] = []
        for step in self._until_enough(stragglers):
            yield step
            self._tell(step)
        for step in stragglers:
            yield step
            self._tell(step)
        for history in self._histories.values():
            self.truth.add(history)

    def adjustments(self) -> list[Act]:
        """Adjustments by hand in the order of sending, also to the truth. To be called after all.

        They are about people with one account, so they may arrive before what these did.
        """
        staff = Staff(self._rng, self.programme, self.ends)
        staff.settle(
            {
                user: by
                for user, by in self.truth.attributions.items()
                if user not in self.truth.people and by.code in self.programme.codes
            }
        )
        self.truth.by_hand |= staff.bookings
        return staff.acts

    def _until_enough(self, stragglers: list[Step]) -> Iterator[Step]:
        """Steps as they come, stragglers kept for later, until there are enough events."""
        journeys = self._journeys()
        coming, known = next(journeys), 0
        while known < self.events:
            while not self._ahead or coming.starts <= self._ahead[0][0]:
                self._begin(coming)
                coming = next(journeys)
            *_, step = heappop(self._ahead)
            known += not step.again
            if step.straggler:
                stragglers.append(step)
            else:
                yield step

    def _journeys(self) -> Iterator[Journey]:
        """Visitors in the order of coming; should they be too few, more come in the last days."""
        rng, owners_seen = self._rng, set[str]()
        expected = max(1, int(self.events / _EVENTS_PER_JOURNEY))
        plots, weights = list(self.plots), list(self.plots.values())
        for number in count():
            share = min(number / expected, 1 - rng.random() / 20)
            starts = self.programme.begins + int(LENGTH * share)
            journey = Journey(rng, self.programme, number, starts, owners_seen)
            rng.choices(plots, weights)[0](journey)
            yield journey

    def _begin(self, journey: Journey) -> None:
        """Put a journey's steps on their way, some of them twice, up to the programme's end."""
        steps = [step for step in journey.steps if step.event.event_time <= self.ends]
        twice = [
            step._replace(sent_at=step.sent_at + self._rng.choice(_LATER), again=True)
            for step in steps
            if self._rng.random() < _SENT_TWICE
        ]
        for nth, step in enumerate(steps + twice):
            heappush(self._ahead, (step.sent_at, journey.number, nth, step))
        if steps:
            self._histories[journey.number] = []
            self._left[journey.number] = len(steps) + len(twice)

    def _tell(self, step: Step) -> None:
        """Tell the truth about a journey once its last step is sent."""
        self._histories[step.journey].append(step)
        self._left[step.journey] -= 1
        if not self._left[step.journey]:
            del self._left[step.journey]
            self.truth.add(self._histories.pop(step.journey))
