"""Table of registered codes, kept up with their topic, and the formats that judge all others."""

import logging
from collections import defaultdict
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from reftrail.code_lookup.facts import CodeFacts
from reftrail.contracts.code_spelling import canonical, is_code, spelled
from reftrail.contracts.events import CodeEvidence
from reftrail.contracts.record import Millis
from reftrail.contracts.reference import CodeChanged, CodeFormatDefined

if TYPE_CHECKING:
    from reftrail.code_lookup.format_evidence import FormatEvidence
    from reftrail.codes.formats import CodeVerdict
    from reftrail.codes.formats.secrets import MasterSecret

logger = logging.getLogger(__name__)

_MOST_FOUND: Final = 65_536
"""The most texts whose facts are remembered: few codes are in most events."""


class CodeStanding(NamedTuple):
    """The present status of a registered code, and the first moment at which it isn't good."""

    status: str
    expires_at: Millis | None


class _Known(NamedTuple):
    facts: CodeFacts
    revision: int
    status: str


@lru_cache(maxsize=65_536)
def _known(
    campaign_id: str, category: str | None, channel: str | None, revision: int, status: str
) -> _Known:
    """One for all codes of which the same is known: there may be millions."""
    return _Known(CodeFacts(campaign_id, category, channel), revision, status)


def _named(facts: CodeFacts, code: str) -> CodeFacts:
    """The facts with their code; `_replace` takes three times as long."""
    return CodeFacts(facts.campaign_id, facts.category, facts.channel, code)


class KnownCodes:
    """The table of registered codes, whatever their status, and what is known of the others."""

    def __init__(self, secret: "MasterSecret | None") -> None:
        self._secret = secret
        self._codes: dict[str, _Known] = {}
        self._expiries: dict[str, Millis] = {}  # apart: each code may have its own
        # The registered spellings that aren't the canonical form themselves, by that form. The
        # store has one at most; a topic that an older version wrote may have more.
        self._spellings: dict[str, tuple[str, ...]] = {}
        # Values that records name, by field: they are few, and are kept when their codes are gone.
        self._values: dict[str, set[str | None]] = defaultdict(set)
        self._definitions: dict[str, CodeFormatDefined] = {}
        self._evidence: FormatEvidence | None = None
        self._warned_of: frozenset[str] = frozenset()
        # The facts about registered texts that were asked for since a code or a format changed.
        self._found: dict[str, CodeFacts] = {}

    def __len__(self) -> int:
        return len(self._codes)

    def take(self, code: CodeChanged) -> bool:
        """Take in a revision of a code, unless a later one is here already; whether it was."""
        before = self._codes.get(code.code)
        if before is not None and before.revision > code.revision:
            return False
        self._found.clear()
        self._codes[code.code] = _known(
            code.campaign_id, code.category, code.channel, code.revision, code.status
        )
        if code.expires_at is None:
            self._expiries.pop(code.code, None)
        else:
            self._expiries[code.code] = code.expires_at
        self._values["campaign_id"].add(code.campaign_id)
        self._values["category"].add(code.category)
        self._values["channel"].update((code.channel, *code.channels))
        if before is None and (form := canonical(code.code)) != code.code:
            alike = (*self._spellings.get(form, ()), code.code)
            self._spellings[form] = tuple(sorted(alike))
        return True

    def names_value(self, name: str, value: str) -> bool:
        """Whether the record of a code names this campaign_id, category or channel."""
        return value in self._values[name]

    def drop(self, code: str) -> None:
        """A code was taken out of the topic."""
        self._found.clear()
        self._expiries.pop(code, None)
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
            self._found.clear()

    def drop_format(self, name: str) -> None:
        """A format was taken out of the topic."""
        self._definitions.pop(name, None)
        self._evidence = None
        self._found.clear()

    def lookup(self, text: str) -> CodeFacts:
        """The facts about a code: by its record, if there is one, but for a retired format.

        A code is found in any case of its letters, and as its format would write it, where one can
        read it.
        """
        known = self._found.get(text)
        return self._look_up(text) if known is None else known

    def _look_up(self, text: str) -> CodeFacts:
        evidence = self._judging()
        registered = self._registered(text)
        retired = evidence.retired
        if registered is not None and not (retired and canonical(registered).startswith(retired)):
            facts = _named(self._codes[registered].facts, registered)
            if len(self._found) >= _MOST_FOUND:
                self._found.clear()
            self._found[text] = facts
            return facts
        found = evidence.of(spelled(text))
        if registered is None and found.code is not None:
            registered = self._registered(found.code)
        if registered is None:
            return found
        facts = _named(self._codes[registered].facts, registered)
        if found.evidence == CodeEvidence.RETIRED:
            return facts._replace(known=False, evidence=found.evidence)
        return facts

    def standing(self, text: str) -> CodeStanding | None:
        """The standing of a code; None if it isn't registered."""
        registered = self._registered(text)
        if registered is None:
            found = self._judging().of(spelled(text))
            registered = None if found.code is None else self._registered(found.code)
        if registered is None:
            return None
        return CodeStanding(self._codes[registered].status, self._expiries.get(registered))

    def spelling(self, text: str) -> str:
        """The spelling of a code in events and reviews: as registered, else the canonical form."""
        return self.lookup(text).code or canonical(text)

    def unregistered(self, text: str) -> "CodeVerdict | None":
        """The formats' verdict on a text; None if it is registered, so that its record counts."""
        evidence = self._judging()
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
        if text in self._found or self._is_registered(text) or not is_code(text := spelled(text)):
            return True
        found = self._judging().of(text)
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

    def _judging(self) -> "FormatEvidence":
        """Evidence by all formats known by now; made when first asked for: many may come at once.

        Formats whose codes can't be checked for want of the secret are logged once each.
        """
        if self._evidence is not None:  # without formats it is empty, and so false
            return self._evidence
        # It computes with numpy, which takes longer to import than all else here.
        from reftrail.code_lookup.format_evidence import FormatEvidence  # noqa: PLC0415

        self._evidence = evidence = FormatEvidence(self._definitions.values(), self._secret)
        if evidence.unchecked - self._warned_of:
            logger.warning(
                "codes of %s can't be checked: REFTRAIL_CODES_SECRET must be the secret that "
                "made them (%s)",
                ", ".join(sorted(evidence.unchecked)),
                ", ".join(
                    sorted({self._definitions[name].key_id or "?" for name in evidence.unchecked})
                ),
            )
            self._warned_of |= evidence.unchecked
        return evidence
