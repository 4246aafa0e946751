"""Whether a reader's position still lies within its partition's log."""

from dataclasses import dataclass

from reftrail.contracts.errors import ExpectedError


@dataclass(frozen=True, slots=True)
class LogBounds:
    """Positions of a partition's first message and after its last committed one."""

    begin: int
    end: int

    def holds(self, position: int) -> bool:
        """Whether reading can go on at a position without a gap."""
        return self.begin <= position <= self.end

    def nearest(self, position: int) -> int:
        """The position itself, or the end of the log that is nearest to it."""
        return min(max(position, self.begin), self.end)


@dataclass(frozen=True, slots=True)
class PositionAdvice:
    """Words for error messages: the host, its work, and the remedies for a lost position."""

    host: str
    done: str
    if_removed: str
    if_truncated: str


def check_position(
    topic: str, partition: int, position: int, bounds: LogBounds, advice: PositionAdvice
) -> None:
    """Raise `ExpectedError` if the messages at a position are no longer, or not yet, in the log.

    A position beyond the end means that the log lost messages which were read: the messages that
    come now would be taken for those, and silently left out.
    """
    if position > bounds.end:
        raise ExpectedError(
            f"{advice.host} has {advice.done} {topic}/{partition} up to position {position}, but "
            f"the log ends at {bounds.end}: messages were lost (an unclean election, a power cut, "
            f"a restored disk), or the topic was emptied or made again; {advice.if_truncated}"
        )
    if position < bounds.begin:
        raise ExpectedError(
            f"messages {position} to {bounds.begin - 1} of {topic}/{partition} were removed from "
            f"Kafka before they were {advice.done}; {advice.if_removed}"
        )
