"""Codes, campaigns and lists as a stage looks them up: the tables that their topics add up to."""

from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import Literal, TypeAlias

import msgspec

from reftrail.contracts.code_spelling import canonical
from reftrail.contracts.codec import encode
from reftrail.contracts.external_inputs import Listed
from reftrail.contracts.policy import Scope, policy_in
from reftrail.contracts.record import Millis, Record
from reftrail.contracts.reference import CampaignDefined, CodeChanged
from reftrail.engine.packed_codes import PackedCodes

Lookup: TypeAlias = tuple[Literal["campaign", "code"], str]


class ReferenceTables:
    """Tables of codes, campaigns and lists, as known so far.

    missed collects what was asked for and isn't known at all, until the caller clears it: a host
    may then read on and ask again. None is never missed.
    """

    def __init__(self, records: Iterable[Record] = ()) -> None:
        self.missed: set[Lookup] = set()
        self._codes = PackedCodes()
        self._campaigns: dict[str, list[CampaignDefined]] = {}
        self._lists: dict[tuple[str, str], list[Listed]] = {}
        self._by_campaign: set[str] = set()
        for record in records:
            self.apply(record)

    def apply(self, record: Record, encoded: bytes | None = None) -> None:
        """Take in a record of the topics `codes`, `campaigns` and `lists`, in their logs' order.

        A code is as its record with the highest revision says, the last of those. Of a campaign
        every version is kept; a version that comes again replaces itself. Of an entry of the
        lists everything that was ever said is kept. Other records raise TypeError. encoded is the
        same record as it was read, if it was.
        """
        match record:
            case CodeChanged():
                self._codes.put(record, encoded)
            case CampaignDefined():
                versions = self._campaigns.get(record.campaign_id, ())
                others = [version for version in versions if version.version != record.version]
                self._campaigns[record.campaign_id] = sorted(
                    [*others, record], key=attrgetter("effective_from", "version")
                )
                if any(_scope_of(campaign) == Scope.CAMPAIGN for campaign in (*others, record)):
                    self._by_campaign.add(record.campaign_id)
                else:
                    self._by_campaign.discard(record.campaign_id)
            case Listed():
                named = _named(record.subject, record.value)
                said = self._lists.get(named, ())
                self._lists[named] = sorted([*said, record], key=attrgetter("event_time"))
            case _:
                raise TypeError(
                    f"a {type(record).__name__} is neither a code, a campaign nor a list's entry"
                )

    def campaign(self, campaign_id: str | None, at: Millis) -> CampaignDefined | None:
        """The version of a campaign in force at a time; None if there is none.

        Where several came into force at once, the highest version counts.
        """
        if campaign_id is None:
            return None
        versions = self._campaigns.get(campaign_id)
        if versions is None:
            self.missed.add(("campaign", campaign_id))
            return None
        for known in reversed(versions):
            if known.effective_from <= at:
                return known
        return None

    def may_count_views(self, campaign_id: str) -> bool:
        """Whether views may be touches: False only if no version of a known campaign says so."""
        versions = self._campaigns.get(campaign_id)
        return versions is None or any(version.counts_views for version in versions)

    def refers_by_campaign(self) -> bool:
        """Whether a version of some campaign refers users once in the campaign."""
        return bool(self._by_campaign)

    def campaign_that_refers_by_itself(self) -> str | None:
        """The first campaign, by its id, that refers users once in the campaign."""
        return min(self._by_campaign) if self._by_campaign else None

    def versions(self, campaign_id: str) -> Sequence[CampaignDefined]:
        """All versions of a campaign, by the time at which they come into force.

        The same object until one is added or replaced.
        """
        return self._campaigns.get(campaign_id, ())

    @property
    def has_lists(self) -> bool:
        """Whether the lists have ever said anything."""
        return bool(self._lists)

    def entries(self, subject: str, value: str) -> Sequence[Listed]:
        """All that the lists have ever said of a value, in the order of time.

        The same object until something is added.
        """
        return self._lists.get(_named(subject, value), ())

    def seen_by_another(self) -> "ReferenceTables":
        """The same tables, now and later, for another who misses what they miss."""
        tables = ReferenceTables()
        tables._codes = self._codes
        tables._campaigns = self._campaigns
        tables._by_campaign = self._by_campaign
        tables._lists = self._lists
        return tables

    def code(self, code: str) -> CodeChanged | None:
        """The record of a code, in whatever case it is registered; None if it isn't registered."""
        found = self._codes.get(code)
        if found is None:
            self.missed.add(("code", code))
        return found

    def code_if_known(self, code: str) -> CodeChanged | None:
        """The record of a code, if it is here by now. Nothing is missed if it isn't."""
        return self._codes.get(code)

    def encoded(self, record: CodeChanged | CampaignDefined | Listed) -> bytes:
        """The message value of a record that was looked up here."""
        return self._codes.encoded(record) if isinstance(record, CodeChanged) else encode(record)

    def listed(self, subject: str, value: str, at: Millis) -> Listed | None:
        """The entry of the allow and block lists that is in force at a time, read by now.

        It is so from the moment it was made until it expires, or the next one is made. Nothing is
        missed: hardly anybody is on a list.
        """
        said = self._lists.get(_named(subject, value))
        if said is None:
            return None
        entry = next((change for change in reversed(said) if change.event_time <= at), None)
        if entry is None or entry.listing is None:
            return None
        return None if entry.expires_at is not None and entry.expires_at <= at else entry

    def has_any(self, lookups: Iterable[Lookup]) -> bool:
        """Whether any of these is known by now."""
        return any(
            name in self._campaigns if kind == "campaign" else self.code_if_known(name) is not None
            for kind, name in lookups
        )


def _scope_of(campaign: CampaignDefined) -> Scope | None:
    """The scope in which a campaign refers a user; None where its policy is none.

    Then whatever is decided by it goes to the dead letters, until a version that is one replaces
    it. Raises `NewerVersionNeeded` if it is one in a newer language.
    """
    try:
        return policy_in(campaign.policy).scope
    except msgspec.MsgspecError:
        return None


def _named(subject: str, value: str) -> tuple[str, str]:
    """The subject of an entry of the lists: a code in any case of its letters."""
    return subject, canonical(value) if subject == "code" else value
