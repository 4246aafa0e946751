"""Reviews and adjustments that are sent at once end as they do one after the other.

None of them waits until the stages have settled what the one before it led to, such as places
under a limit.
"""

from collections import Counter
from collections.abc import Iterable
from random import Random
from typing import Final

from hypothesis import given, settings
from hypothesis import strategies as st
from property.order_play import Input, Play
from property.order_programmes import PROGRAMMES
from property.order_steps import take_step
from property.plan_step import Step

from reftrail.contracts.decisions import DeadLettered
from reftrail.contracts.topics import ADJUSTMENTS, DEAD_LETTERS, REVIEWS
from reftrail.testing import MemoryHost

COMMANDS: Final = (REVIEWS, ADJUSTMENTS)
KINDS: Final = (
    *["buy"] * 5,
    *["pay back"] * 2,
    *["dispute"] * 3,
    *["review"] * 14,
    *["adjust"] * 7,
    *["decide"] * 7,
    "time",
)


class Noted(Play):
    """A play that notes all inputs, those that come again and ticks included."""

    def __init__(self, name: str) -> None:
        self.came = list[Input]()
        super().__init__(name)

    def come(self, made: Input) -> None:
        self.came.append(made)
        super().come(made)


def at_once(name: str, inputs: Iterable[Input]) -> MemoryHost:
    """A host to which commands come together, and all else when what was before is decided."""
    host, was_command = Play(name).host, False
    for made in inputs:
        is_command = made.topic in COMMANDS
        if not (is_command and was_command):
            host.run()
        host.publish(made.topic, made.record)
        was_command = is_command
    return host.run()


def outcome(play: Play, host: MemoryHost) -> Counter[tuple[object, ...]]:
    """The ledger's entries, and why commands were refused."""
    play.host = host
    entries = (
        (entry.reward_id, entry.status, entry.value_micros, *entry.reasons)
        for entry in play.entries()
    )
    letters = (record for record in host.log(DEAD_LETTERS) if isinstance(record, DeadLettered))
    return Counter([*entries, *(("refused", letter.reason) for letter in letters)])


@st.composite
def plans(draw: st.DrawFn) -> list[Step]:
    """Plans in which reviews and adjustments follow each other."""
    rng = Random(draw(st.integers(0, 2**32)))
    return [
        Step(rng.choice(KINDS), rng.randrange(12), rng.randrange(12), rng.randrange(12))
        for _ in range(rng.randrange(10, 50))
    ]


@given(st.sampled_from(sorted(PROGRAMMES)), plans())
@settings(max_examples=120)
def test_commands_sent_at_once_end_as_one_after_the_other(name: str, plan: list[Step]) -> None:
    play = Noted(name)
    for nth, step in enumerate(plan):
        take_step(play, step, nth)
    one_by_one = outcome(play, play.host)
    assert outcome(play, at_once(name, play.came)) == one_by_one
