"""Steps of the plans that Hypothesis draws."""

from typing import NamedTuple


class Step(NamedTuple):
    """The next step of a plan; the numbers choose among what there is."""

    what: str
    one: int
    two: int
    three: int
