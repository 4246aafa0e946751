"""Campaigns to which codes may belong: those that were applied before.

A code of a campaign that isn't there would earn nothing, and nobody would notice that it was
mistyped. So campaigns come first, as for `reftrail codes issue`.
"""

import asyncio
from collections.abc import Callable, Mapping

from reftrail.codes_api.issuing import AnyIssue
from reftrail.codes_api.models import IssueEach, IssueOne, TakeOver
from reftrail.codes_api.store_access import RETRY_AFTER
from reftrail.contracts.errors import ExpectedError
from reftrail.contracts.installation import Installation
from reftrail.contracts.reference import CampaignDefined
from reftrail.contracts.topics import CAMPAIGNS
from reftrail.edge.http_errors import RequestRefused
from reftrail.reference.topic import read_all


class KnownCampaigns:
    """The campaigns that were found so far. None is ever removed.

    read returns the ids of all campaigns, and blocks meanwhile. It is called for campaigns that
    aren't known yet, by one request at a time.
    """

    def __init__(self, read: Callable[[], set[str]]) -> None:
        self._read = read
        self._known: set[str] = set()
        self._reading = asyncio.Lock()

    async def check(self, asked: AnyIssue) -> None:
        """Raises `RequestRefused` if codes are asked for whose campaign isn't there."""
        wanted = _wanted(asked)
        if wanted.keys() <= self._known:
            return
        async with self._reading:
            if not wanted.keys() <= self._known:
                await self._refresh()
        for campaign_id, pointer in wanted.items():
            if campaign_id not in self._known:
                known = ", ".join(sorted(self._known)[:10]) or "none"
                raise RequestRefused(
                    422,
                    f"there is no campaign {campaign_id} (known: {known}); define it first with: "
                    f"reftrail campaigns apply FILE.toml",
                    pointer=pointer,
                )

    async def _refresh(self) -> None:
        try:
            self._known |= await asyncio.to_thread(self._read)
        except ExpectedError as error:
            raise RequestRefused(
                503,
                f"whether the campaign is there can't be found out now: {error}",
                retry_after=RETRY_AFTER,
            ) from error


def campaigns_of(installation: Installation) -> Callable[[], set[str]]:
    """A function that reads the ids of all campaigns of an installation."""

    def read() -> set[str]:
        defined = read_all(installation, CAMPAIGNS, CampaignDefined)
        return {campaign.campaign_id for campaign in defined}

    return read


def _wanted(asked: AnyIssue) -> Mapping[str, str]:
    """The campaigns of codes that are asked for, each with the pointer to where it is named first.

    A derived format says itself which campaign it is of.
    """
    match asked:
        case IssueOne(campaign_id=campaign_id):
            return {campaign_id: "/campaign_id"}
        case IssueEach(codes=terms):
            name = "codes"
        case TakeOver(existing=terms):
            name = "existing"
        case _:
            return {}
    named = [
        (code_terms.campaign_id, f"/{name}/{nth}/campaign_id")
        for nth, code_terms in enumerate(terms)
    ]
    return dict(reversed(named))
