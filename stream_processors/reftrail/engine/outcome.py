"""Outcome of a batch: the messages to be sent, and the changes of state."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from reftrail.contracts.record import Millis
from reftrail.contracts.topic import Topic

Message = tuple[bytes, bytes | None]
"""Key and value."""


@dataclass(slots=True)
class Outcome:
    """The outcome of a batch: messages by topic and partition, and the changed state.

    due_times are the times for which changed keys wait. decided counts the questions to the
    decider, dead the dead letters by reason. silenced are keys whose timers fired in vain, with
    the times at which they don't fire again; None: they do.
    """

    messages: dict[tuple[Topic, int], list[Message]] = field(
        default_factory=lambda: defaultdict(list)
    )
    changes: Mapping[str, bytes | None] = field(default_factory=dict)
    due_times: Mapping[str, Millis] = field(default_factory=dict)
    decided: int = 0
    dead: Counter[str] = field(default_factory=Counter)
    silenced: Mapping[str, Millis | None] = field(default_factory=dict)

    def add(self, part: "Outcome") -> None:
        """Take in what follows from a part of the batch."""
        for place, messages in part.messages.items():
            self.messages[place].extend(messages)
        self.dead.update(part.dead)
