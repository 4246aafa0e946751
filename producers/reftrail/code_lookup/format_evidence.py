"""Evidence about a code that has no record, from its symbols under the formats of codes."""

import logging
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final, assert_never

from reftrail.code_lookup.facts import UNKNOWN, CodeFacts
from reftrail.codes.formats import (
    CodeVerdict,
    Forged,
    Formats,
    Retired,
    Unchecked,
    UncheckedFormat,
    UnknownFormat,
    Valid,
    WellFormed,
)
from reftrail.codes.formats.definitions import formats_of, latest
from reftrail.codes.formats.patterns import Malformed, Mistyped
from reftrail.codes.formats.secrets import MasterSecret
from reftrail.contracts.code_spelling import canonical
from reftrail.contracts.events import CodeEvidence
from reftrail.contracts.reference import CodeFormatDefined, FormatStatus

logger = logging.getLogger(__name__)

_REMEMBERED: Final = 65_536


class FormatEvidence:
    """The formats as defined at one time, and how codes are judged under them.

    A judgement takes some 15 to 80 us; the last ones are remembered. unchecked names the derived
    formats whose secret isn't here. retired has the prefixes of those whose codes count no longer,
    in canonical form.
    """

    def __init__(
        self, definitions: Iterable[CodeFormatDefined], secret: MasterSecret | None
    ) -> None:
        self._defined = latest(definitions)
        self._formats = _those_that_go_together(self._defined.values(), secret)
        self.of = lru_cache(maxsize=_REMEMBERED)(self._of)
        self.unchecked = frozenset(
            known.name for known in self._formats.formats if isinstance(known, UncheckedFormat)
        )
        self.retired = tuple(
            canonical(prefix)
            for known in self._formats.formats
            if self._defined[known.name].status == FormatStatus.RETIRED
            for prefix in known.pattern.prefixes
        )

    def __len__(self) -> int:
        return len(self._formats.formats)

    def verdict(self, text: str) -> CodeVerdict:
        """Judge a text under the formats, with a suggestion where one is safe."""
        return self._formats.verify(text)

    def _of(self, text: str) -> CodeFacts:
        """The facts about a text that isn't registered; code is its canonical spelling."""
        match self._formats.verify(text, suggest=False):
            case UnknownFormat():
                found = UNKNOWN
            case Malformed():
                found = CodeFacts(known=False, evidence=CodeEvidence.MALFORMED)
            case Mistyped():
                found = CodeFacts(known=False, evidence=CodeEvidence.MISTYPED)
            case Forged(code):
                found = CodeFacts(code=code, known=False, evidence=CodeEvidence.FORGED)
            case Retired(reading):
                found = CodeFacts(code=reading.code, known=False, evidence=CodeEvidence.RETIRED)
            case Unchecked(reading):
                found = CodeFacts(code=reading.code, known=None)
            case WellFormed(reading):
                found = CodeFacts(code=reading.code, known=False)
            case Valid() as proven:
                found = self._derived(proven)
            case verdict:
                assert_never(verdict)
        return found

    def _derived(self, proven: Valid) -> CodeFacts:
        defined = self._defined[proven.format]
        return CodeFacts(
            proven.campaign_id,
            defined.category,
            defined.channel,
            code=proven.code,
            evidence=CodeEvidence.DERIVED,
        )


def _those_that_go_together(
    definitions: Iterable[CodeFormatDefined], secret: MasterSecret | None
) -> Formats:
    """The formats without those that are invalid, alone or beside those before them.

    The definition of a format reports such a clash; to stop for it here would stop all codes.
    """
    wanted: Mapping[str, CodeFormatDefined] = {
        definition.name: definition for definition in definitions
    }
    try:
        return formats_of(wanted.values(), secret)
    except ValueError:
        kept: list[CodeFormatDefined] = []
    for defined in wanted.values():
        try:
            formats_of([*kept, defined], secret)
        except ValueError as error:
            logger.error("left out a format of codes: %s", error)  # noqa: TRY400
        else:
            kept.append(defined)
    return formats_of(kept, secret)
