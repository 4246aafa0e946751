"""Reader of the topics `codes`, `code-formats` and `campaigns`."""

import logging
from collections.abc import Callable, Iterable
from typing import Protocol

from reftrail.code_lookup.known_codes import KnownCodes
from reftrail.code_lookup.links import KnownLinks
from reftrail.codes.formats.secrets import MasterSecret
from reftrail.contracts.installation import Installation
from reftrail.contracts.reference import CampaignDefined, CodeChanged, CodeFormatDefined
from reftrail.contracts.topics import CAMPAIGNS, CODE_FORMATS, CODES
from reftrail.edge.http_errors import Unavailable
from reftrail.hosting.kafka.compacted_topic_reader import (
    CompactedTopicReader,
    TopicTable,
    TopicUnavailable,
)

logger = logging.getLogger(__name__)


class CodeWatcher(Protocol):
    """A table of codes beside `KnownCodes`."""

    def take(self, code: CodeChanged) -> None:
        """A revision of a code."""

    def drop(self, code: str) -> None:
        """A code was taken out of the topic."""


class CodesReader:
    """`KnownCodes` and `KnownLinks`, kept up with the topics of codes, formats and campaigns.

    `run` keeps it connected; `lookup` answers from memory; `refresh` makes sure that a code
    registered before the call is in it. on_progress takes the number of codes after each reading;
    on_undecodable is called for each message that is skipped since it is no record. watching gets
    the revisions that are taken in too.
    """

    def __init__(
        self,
        installation: Installation,
        secret: MasterSecret | None,
        *,
        on_progress: Callable[[int], None],
        on_undecodable: Callable[[], None],
        watching: CodeWatcher | None = None,
    ) -> None:
        self._known = KnownCodes(secret)
        links = KnownLinks(self._known)
        self._watching = watching
        self._read_once = False
        self._reader = CompactedTopicReader(
            installation,
            {
                installation.name_of(CODES): TopicTable(CodeChanged, self._take, self._drop),
                installation.name_of(CODE_FORMATS): TopicTable(
                    CodeFormatDefined, self._known.take_format, self._known.drop_format
                ),
                installation.name_of(CAMPAIGNS): TopicTable(
                    CampaignDefined, links.take, links.drop
                ),
            },
            on_progress=lambda: on_progress(len(self._known)),
            on_undecodable=on_undecodable,
        )
        self.lookup = self._known.lookup
        self.link_terms = links.of
        self.spelling = self._known.spelling
        self.names_value = self._known.names_value
        self.unregistered = self._known.unregistered
        self.run = self._reader.run

    def _take(self, code: CodeChanged) -> None:
        if self._known.take(code) and self._watching is not None:
            self._watching.take(code)

    def _drop(self, code: str) -> None:
        self._known.drop(code)
        if self._watching is not None:
            self._watching.drop(code)

    def knows(self, code: str | None) -> bool:
        """Whether `know` returns at once for a code, or for none."""
        return self._read_once and (code is None or self._known.is_settled(code))

    async def know(self, codes: Iterable[str], patience: float) -> None:
        """Return when the table can tell of each of these codes what it is (`is_settled`).

        Costs nothing while all of them are in it. Raises `Unavailable` when Kafka can't be asked
        within so many seconds.
        """
        if not self._read_once or not all(map(self._known.is_settled, codes)):
            await self.refresh(patience)

    async def refresh(self, patience: float) -> None:
        """Read the topics to their end. Raises `Unavailable` after so many seconds."""
        try:
            await self._reader.refresh(patience)
        except TopicUnavailable as error:
            raise Unavailable(f"the topic of codes {error}") from error
        if not self._read_once:
            logger.info("codes are read: %d", len(self._known))
            self._read_once = True
