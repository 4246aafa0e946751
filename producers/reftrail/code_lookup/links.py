"""Targets of the links of codes, by the campaigns' rules, and the problems that codes have."""

import logging
from enum import StrEnum
from operator import attrgetter
from typing import Final, NamedTuple

import msgspec

from reftrail.code_lookup.known_codes import KnownCodes
from reftrail.contracts.events import CodeEvidence
from reftrail.contracts.links import NO_LINKS, Links
from reftrail.contracts.policy import policy_in
from reftrail.contracts.record import Millis
from reftrail.contracts.reference import CampaignDefined, CodeStatus

logger = logging.getLogger(__name__)


class LinkProblem(StrEnum):
    """Reason why a link doesn't work, as the fallback page gets it."""

    UNKNOWN = "unknown"
    SUSPENDED = "suspended"
    REVOKED = "revoked"
    EXPIRED = "expired"
    NOT_STARTED = "not_started"
    ENDED = "ended"


class LinkTerms(NamedTuple):
    """The addresses of a code's campaign, and what is wrong with the code, if anything is."""

    links: Links = NO_LINKS
    problem: LinkProblem | None = None


NO_TERMS: Final = LinkTerms()
"""The terms of a code of which nothing is known now."""

_BY_STATUS: Final = {
    CodeStatus.SUSPENDED: LinkProblem.SUSPENDED,
    CodeStatus.REVOKED: LinkProblem.REVOKED,
    CodeStatus.EXPIRED: LinkProblem.EXPIRED,
}


class _Version(NamedTuple):
    """The part of a campaign's version that links need."""

    version: int
    effective_from: Millis
    starts_at: Millis | None
    ends_at: Millis | None
    links: Links


class KnownLinks:
    """The table of campaigns' versions, beside that of codes."""

    def __init__(self, codes: KnownCodes) -> None:
        self._codes = codes
        self._campaigns: dict[str, list[_Version]] = {}

    def take(self, defined: CampaignDefined) -> None:
        """Take in a version of a campaign; one that comes again replaces itself.

        Raises `NewerVersionNeeded` for rules in a newer version of the policy language.
        """
        try:
            links = policy_in(defined.policy).links
        except msgspec.ValidationError as error:
            logger.error(  # noqa: TRY400  the traceback tells nothing more
                "the links of campaign %s, version %d, can't be read, and lead where the "
                "installation says: %s",
                defined.campaign_id,
                defined.version,
                error,
            )
            links = NO_LINKS
        taken = _Version(
            defined.version, defined.effective_from, defined.starts_at, defined.ends_at, links
        )
        others = self._others(defined.campaign_id, defined.version)
        self._campaigns[defined.campaign_id] = sorted(
            [*others, taken], key=attrgetter("effective_from", "version")
        )

    def drop(self, key: str) -> None:
        """A version was taken out of the topic."""
        campaign_id, _, version = key.rpartition("@")
        if campaign_id in self._campaigns and version.isdecimal():
            self._campaigns[campaign_id] = self._others(campaign_id, int(version))

    def of(self, text: str, at: Millis) -> LinkTerms:
        """The terms of a code at a time, which is now: its record has its present state alone."""
        facts = self._codes.lookup(text)
        if facts.known is False:
            is_retired = facts.evidence == CodeEvidence.RETIRED
            return LinkTerms(problem=LinkProblem.REVOKED if is_retired else LinkProblem.UNKNOWN)
        version = self._version(facts.campaign_id, at)
        links = NO_LINKS if version is None else version.links
        standing = self._codes.standing(text)
        if standing is not None and standing.status in _BY_STATUS:
            return LinkTerms(links, _BY_STATUS[CodeStatus(standing.status)])
        if standing is not None and standing.expires_at is not None and at >= standing.expires_at:
            return LinkTerms(links, LinkProblem.EXPIRED)
        if version is not None and version.starts_at is not None and at < version.starts_at:
            return LinkTerms(links, LinkProblem.NOT_STARTED)
        if version is not None and version.ends_at is not None and at >= version.ends_at:
            return LinkTerms(links, LinkProblem.ENDED)
        return LinkTerms(links)

    def _version(self, campaign_id: str | None, at: Millis) -> _Version | None:
        """The version in force at a time; of several since the same moment the highest."""
        versions = self._campaigns.get(campaign_id or "", [])
        return next(
            (version for version in reversed(versions) if version.effective_from <= at), None
        )

    def _others(self, campaign_id: str, version: int) -> list[_Version]:
        known = self._campaigns.get(campaign_id, [])
        return [other for other in known if other.version != version]
