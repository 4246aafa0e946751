"""Interfaces of what the collector's handlers work with: Kafka behind them, or memory."""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, Protocol, runtime_checkable

from reftrail.adjustments import KnownAdjustments
from reftrail.code_lookup.facts import CodeFacts
from reftrail.code_lookup.links import LinkTerms
from reftrail.contracts.record import Millis


class Message(NamedTuple):
    """A key and a value, as on the topic."""

    key: str
    value: bytes


class Signals(NamedTuple):
    """Signals of an event, as they were sent."""

    device_id: str | None
    ip: str | None
    email: str | None


class Backlog(NamedTuple):
    """Messages that were accepted and are on this machine's disk alone.

    oldest is when the first of them was accepted, None if there is none.
    """

    events: int
    bytes: int
    oldest: Millis | None


class MessageWriter(Protocol):
    """Writer of one topic."""

    async def publish(self, messages: Sequence[Message], /) -> None:
        """Return when all of them are in the log, or the spool; else raise `Unavailable`."""


class MessagePublisher(MessageWriter, Protocol):
    """Writer of one topic that tells beforehand whether it takes messages."""

    @property
    def refusal(self) -> str | None:
        """The reason for which a message wouldn't be taken now; None if it would."""

    @property
    def is_away(self) -> bool:
        """Whether the log itself doesn't take messages now, as far as is known."""

    @property
    def spooled(self) -> Backlog | None:
        """The messages kept on the disk while the log is away; None where none ever are."""


@runtime_checkable
class SingleWriter(Protocol):
    """A writer that takes one message in a call: see `Publisher`."""

    @property
    def refusal(self) -> str | None:
        """The reason for which a message wouldn't be taken now; None if it would."""

    def publish_one(self, message: Message, proceed: Callable[[Exception | None], None], /) -> None:
        """Write a message, and go on then, with the error if there is one.

        Raises `Unavailable` for one that can't be taken.
        """


class CodeTable(Protocol):
    """The codes that the collector knows: see `CodesReader`."""

    def lookup(self, text: str, /) -> CodeFacts:
        """The facts about a code."""

    def link_terms(self, text: str, at: Millis, /) -> LinkTerms:
        """Where the link of a code leads now, and what is wrong with it."""

    def spelling(self, text: str, /) -> str:
        """The spelling of a code in events and reviews."""

    def names_value(self, name: str, value: str, /) -> bool:
        """Whether the record of a code names this campaign_id, category or channel."""

    async def know(self, codes: Iterable[str], patience: float, /) -> None:
        """Return when the table can tell what each code is. Raises `Unavailable`."""

    async def refresh(self, patience: float, /) -> None:
        """Return when the table has all codes of now. Raises `Unavailable`."""


@runtime_checkable
class SettledCodes(Protocol):
    """A table of codes that tells of which it can say at once what they are."""

    def lookup(self, text: str, /) -> CodeFacts:
        """The facts about a code."""

    def knows(self, code: str | None, /) -> bool:
        """Whether what a code is needn't be waited for; so it is for none."""


class OwnerRenewal(Protocol):
    """Renewal of owners' hashes under another key: see `owners`."""

    @property
    def is_idle(self) -> bool:
        """Whether no owner's signals can be renewed."""

    async def renew(self, seen: Iterable[Signals], /) -> None:
        """Renew the owners whom signals show."""


class AdjustmentTable(Protocol):
    """The adjustments that were sent before."""

    known: KnownAdjustments

    async def refresh(self, patience: float, /) -> None:
        """Return when the table has all adjustments of now. Raises `Unavailable`."""
