"""Table of registered codes, kept up with their topic, and the formats that judge all others."""

import logging
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import NamedTuple

from reftrail.code_lookup.facts import CodeFacts
from reftrail.code_lookup.format_evidence import FormatEvidence
from reftrail.codes.formats import CodeVerdict
from reftrail.codes.formats.secrets import MasterSecret
from reftrail.contracts.code_spelling import canonical, is_code, spelled
from reftrail.contracts.events import CodeEvidence
from reftrail.contracts.installation import Installation
from reftrail.contracts.reference import CodeChanged, CodeFormatDefined
from reftrail.contracts.topics import CODE_FORMATS, CODES
from reftrail.edge.http_errors import Unavailable
from reftrail.hosting.kafka.compacted_topic_reader import (
    CompactedTopicReader,
    TopicTable,
    TopicUnavailable,
)

logger = logging.getLogger(__name__)


class _Known(NamedTuple):
    facts: CodeFacts
    revision: int


@lru_cache(maxsize=65_536)
def _known(campaign_id: str, category: str | None, channel: str | None, revision: int) -> _Known:
    """One for all codes of which the same is known: there may be millions."""
    return _Known(CodeFacts(campaign_id, category, channel), revision)


class KnownCodes:
    """The table of registered codes, whatever their status, and what is known of the others."""

    def __init__(self, secret: MasterSecret | None) -> None:
        self._secret = secret
        self._codes: dict[str, _Known] = {}
        # The registered spellings that aren't the canonical form themselves, by that form. The
        # store has one at most; a topic that an older version wrote may have more.
        self._spellings: dict[str, tuple[str, ...]] = {}
        self._definitions: dict[str, CodeFormatDefined] = {}
        self._evidence: FormatEvidence | None = None
        self._warned_of: frozenset[str] = frozenset()

    def __len__(self) -> int:
        return len(self._codes)

    def take(self, code: CodeChanged) -> None:
        """Take in a revision of a code, unless a later one is here already."""
        before = self._codes.get(code.code)
        if before is None or before.revision <= code.revision:
            self._codes[code.code] = _known(
                code.campaign_id, code.category, code.channel, code.revision
            )
            if before is None and (form := canonical(code.code)) != code.code:
                alike = (*self._spellings.get(form, ()), code.code)
                self._spellings[form] = tuple(sorted(alike))

    def drop(self, code: str) -> None:
        """A code was taken out of the topic."""
        if self._codes.pop(code, None) is None or (form := canonical(code)) == code:
            return
        left = tuple(alike for alike in self._spellings.pop(form) if alike != code)
        if left:
            self._spellings[form] = left

    def take_format(self, defined: CodeFormatDefined) -> None:
        """Take in a revision of a format, unless a later one is here already."""
        before = self._definitions.get(defined.name)
        if before is None or before.revision <= defined.revision:
            self._definitions[defined.name] = defined
            self._evidence = None

    def drop_format(self, name: str) -> None:
        """A format was taken out of the topic."""
        self._definitions.pop(name, None)
        self._evidence = None

    def lookup(self, text: str) -> CodeFacts:
        """The facts about a code: by its record, if there is one, but for a retired format.

        A code is found in any case of its letters, and as its format would write it, where one can
        read it.
        """
        evidence = self._evidence or self._judging()
        registered = self._registered(text)
        if registered is not None and not canonical(registered).startswith(evidence.retired):
            return self._codes[registered].facts._replace(code=registered)
        found = evidence.of(spelled(text))
        if registered is None and found.code is not None:
            registered = self._registered(found.code)
        if registered is None:
            return found
        facts = self._codes[registered].facts._replace(code=registered)
        if found.evidence == CodeEvidence.RETIRED:
            return facts._replace(known=False, evidence=found.evidence)
        return facts

    def spelling(self, text: str) -> str:
        """The spelling of a code in events and reviews: as registered, else the canonical form."""
        return self.lookup(text).code or canonical(text)

    def unregistered(self, text: str) -> CodeVerdict | None:
        """The formats' verdict on a text; None if it is registered, so that its record counts."""
        evidence = self._evidence or self._judging()
        if self._is_registered(text) or self._is_registered(evidence.of(spelled(text)).code):
            return None
        return evidence.verdict(spelled(text))

    def is_settled(self, text: str) -> bool:
        """Whether reading on can't change what becomes of an event with this code.

        A registered code is; so is what no code can be written like. A derived code that verifies
        is too, although a record of it may just have been written: the event would say the same
        of it, but for category and channel, and the reward stage goes by the record that it
        knows then. To read on here would cost nearly every event with such a code a round trip,
        since these codes are made so as not to be registered. All others may have been
        registered, or be of a campaign that has grown, a moment ago.
        """
        if self._is_registered(text) or not is_code(text := spelled(text)):
            return True
        found = (self._evidence or self._judging()).of(text)
        return found.evidence == CodeEvidence.DERIVED or self._is_registered(found.code)

    def _registered(self, text: str) -> str | None:
        """The registered spelling of a text; None if no case of its letters is registered.

        Of several, one written exactly so, else the canonical form, else the first.
        """
        if text in self._codes:
            return text
        form = canonical(text)
        if form in self._codes:
            return form
        alike = self._spellings.get(form)
        if alike is None:
            return None
        return exact if (exact := spelled(text)) in alike else alike[0]

    def _is_registered(self, text: str | None) -> bool:
        return text is not None and self._registered(text) is not None

    def _judging(self) -> FormatEvidence:
        """Under all formats known by now; made when first asked for, since many may come at once.

        Formats whose codes can't be checked for want of the secret are logged once each.
        """
        self._evidence = evidence = FormatEvidence(self._definitions.values(), self._secret)
        if evidence.unchecked - self._warned_of:
            logger.warning(
                "codes of %s can't be checked: REFTRAIL_CODES_SECRET must be the secret that "
                "made them (%s)",
                ", ".join(sorted(evidence.unchecked)),
                ", ".join(
                    sorted({self._definitions[one].key_id or "?" for one in evidence.unchecked})
                ),
            )
            self._warned_of |= evidence.unchecked
        return evidence


class CodesReader:
    """`KnownCodes`, kept up with the topics `codes` and `code-formats`.

    `run` keeps it connected; `lookup` answers from memory; `refresh` makes sure that a code
    registered before the call is in it. on_progress takes the number of codes after each reading;
    on_undecodable is called for each message that is skipped since it is no record.
    """

    def __init__(
        self,
        installation: Installation,
        secret: MasterSecret | None,
        *,
        on_progress: Callable[[int], None],
        on_undecodable: Callable[[], None],
    ) -> None:
        self._known = KnownCodes(secret)
        self._read_once = False
        self._reader = CompactedTopicReader(
            installation,
            {
                installation.name_of(CODES): TopicTable(
                    CodeChanged, self._known.take, self._known.drop
                ),
                installation.name_of(CODE_FORMATS): TopicTable(
                    CodeFormatDefined, self._known.take_format, self._known.drop_format
                ),
            },
            on_progress=lambda: on_progress(len(self._known)),
            on_undecodable=on_undecodable,
        )
        self.lookup = self._known.lookup
        self.spelling = self._known.spelling
        self.unregistered = self._known.unregistered
        self.run = self._reader.run

    async def know(self, codes: Iterable[str], patience: float) -> None:
        """Return when the table can tell of each of these codes what it is (`is_settled`).

        Costs nothing while all of them are in it. Raises `Unavailable` when Kafka can't be asked
        within so many seconds.
        """
        if not self._read_once or not all(map(self._known.is_settled, codes)):
            await self.refresh(patience)

    async def refresh(self, patience: float) -> None:
        """Read both topics to their end. Raises `Unavailable` after so many seconds."""
        try:
            await self._reader.refresh(patience)
        except TopicUnavailable as error:
            raise Unavailable(f"the topic of codes {error}") from error
        if not self._read_once:
            logger.info("codes are read: %d", len(self._known))
            self._read_once = True
