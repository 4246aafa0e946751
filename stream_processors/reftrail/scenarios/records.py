"""The records that reach an installation when something happens in a scenario, made as hosts do.

Events pass the collector's own judgement, under the key that they are sent with: it rejects what it
would reject over HTTP, and codes, addresses and e-mails become what they become there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID, uuid5

import msgspec

from reftrail.code_lookup.known_codes import KnownCodes
from reftrail.collector.accept import Circumstances, Sender, accept
from reftrail.collector.clock import clock_skew
from reftrail.contracts.codec import decode, encode_datum
from reftrail.contracts.decisions import RewardDecided
from reftrail.contracts.events import KeyKind
from reftrail.contracts.external_inputs import FulfilmentReported, Listed, Listing, Reviewed, Ticked
from reftrail.contracts.record import Millis, Record
from reftrail.contracts.reference import (
    CampaignDefined,
    CodeChanged,
    CodeFormatDefined,
    FormatKind,
    FormatStatus,
)
from reftrail.contracts.registry import latest
from reftrail.edge.field_formats import parse_address
from reftrail.edge.pseudonyms import HashKey, pseudonyms
from reftrail.lists import ListEntry, Subject, subject_value
from reftrail.scenarios.derived import SECRET, DerivedNames
from reftrail.scenarios.happening import SUBMITTED, Happening, What
from reftrail.scenarios.script import GivenCode, GivenFormat

_IDS: Final = UUID("5d1c7a56-0d9f-5c52-b6f5-706f6c696379")
_EVENT: Final = latest("Event")
_NAMES: Final = {
    "visitor": "visitor_id",
    "user": "user_id",
    "order": "order_id",
    "device": "device_id",
    "at": "event_time",
}
"""Fields that the collector knows under another name."""
_FIELDS: Final = {theirs: ours for ours, theirs in _NAMES.items()}


class CannotHappen(Exception):  # noqa: N818  (it says what is wrong)
    """What a scenario tells can't be; str() says why. field is the one at fault, if any is."""

    def __init__(self, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True, slots=True)
class RejectedEvent:
    """An event that the collector rejects; field is "" where the event as a whole is at fault."""

    type: What
    event_time: Millis
    field: str
    reason: str


class NotAccepted(CannotHappen):
    """The collector rejects an event."""

    def __init__(self, rejected: RejectedEvent) -> None:
        super().__init__(f"{rejected.field} {rejected.reason}", rejected.field or None)
        self.rejected = rejected


class Records:
    """Makes the records of one scenario, and knows its codes. All raise `CannotHappen`."""

    def __init__(self, campaigns: Sequence[CampaignDefined]) -> None:
        self._campaigns = campaigns
        self._codes: dict[str, CodeChanged] = {}
        self._known = KnownCodes(SECRET)
        self._formats: dict[str, CodeFormatDefined] = {}
        self._derived = DerivedNames()
        self.named = self._derived.named
        self._hash = pseudonyms(HashKey("scenario", bytes(32)))
        self._made = 0

    def tick(self, at: Millis) -> Ticked:
        """It is so late now."""
        return Ticked(**self._common(at), partition=0, partitions=1)

    def given_format(self, given: GivenFormat, at: Millis) -> None:
        """A format of derived codes, of which the collector knows from the beginning."""
        defined = CodeFormatDefined(
            **self._common(at),
            name=given.name,
            kind=FormatKind.DERIVED.value,
            pattern=given.pattern,
            campaign_id=given.campaign or self._only_campaign(),
            category=given.category,
            channel=given.channel,
            count=given.count,
            key_id=SECRET.key_id,
            status=(FormatStatus.RETIRED if given.retired else FormatStatus.ACTIVE).value,
            revision=1,
        )
        try:
            self._derived.take(defined, self._formats.values())
        except ValueError as error:
            raise CannotHappen(str(error), "pattern") from error
        self._formats[given.name] = defined
        self._known.take_format(defined)

    def spelt(self, name: str) -> str:
        """A code as it is written, of derived ones told by their names."""
        try:
            return self._derived.spelt(name)
        except ValueError as error:
            raise CannotHappen(str(error), "code") from error

    def given_code(self, code: GivenCode, at: Millis, expires_at: Millis | None) -> CodeChanged:
        """A code that is there from the beginning."""
        return self._registered(
            CodeChanged(
                **self._common(at),
                code=self.spelt(code.code),
                campaign_id=code.campaign or self._only_campaign(),
                owner_user_id=code.owner,
                status=code.status.value,
                created_at=at,
                expires_at=expires_at,
                max_uses=code.max_uses,
                channels=code.channels,
                regions=code.regions,
                owner_ip_hash=self._hashed(Subject.IP, code.owner_ip),
                owner_network_hash=self._hashed(Subject.NETWORK, code.owner_ip),
                owner_device_hash=self._hashed(Subject.DEVICE, code.owner_device),
                owner_email_hash=self._hashed(Subject.EMAIL, code.owner_email),
            )
        )

    def changed_code(self, one: Happening, at: Millis) -> CodeChanged:
        """A code as it stands from now on."""
        known = self._codes.get(str(one.code))
        if known is None:
            raise CannotHappen(f"there is no code {one.code}; give it", "code")
        changed: dict[str, Any] = self._common(at) | {"revision": known.revision + 1}
        if one.status is not None:
            changed["status"] = one.status.value
            changed["past_stops"] = known.past_stops_at(one.status, at)
        if one.owner is not None:
            changed["owner_user_id"] = one.owner
        return self._registered(msgspec.structs.replace(known, **changed))

    def event(self, one: Happening, at: Millis, sent_at: Millis | None, arrives: Millis) -> Record:
        """The record that the collector makes of an event. Raises `NotAccepted`."""
        submission = self._submission(one, at)
        try:
            skew = clock_skew(sent_at, arrives)
        except ValueError as error:
            raise NotAccepted(RejectedEvent(one.type, at, "sent_at", str(error))) from error
        circumstances = Circumstances(
            _sender(one), arrives, self._hash, self._known.lookup, clock_skew=skew
        )
        judged = accept([submission], circumstances)
        for rejection in judged.rejected:
            theirs = rejection.pointer.removeprefix("/")
            field = _FIELDS.get(theirs, theirs)
            raise NotAccepted(RejectedEvent(one.type, at, field, rejection.reason))
        return decode(encode_datum(_EVENT, judged.accepted[0].datum))

    def _submission(self, one: Happening, at: Millis) -> dict[str, Any]:
        """The event as its client sends it. Its id, order and currency are made up where absent."""
        event_id = self._common(at)["event_id"]
        given = {name: one.said(name) for name in SUBMITTED} | {"at": _rfc3339(at)}
        given.pop("sent_at", None)  # the request's, not the event's
        given["source"] = None if one.source is None else one.source.value
        given["event_id"] = one.event_id or event_id
        if one.amount is not None:
            given["currency"] = one.currency or self._currency()
        if one.type == What.PURCHASE and one.order is None:
            given["order"] = f"order {self._made}"
        return {"type": one.type.value} | {
            _NAMES.get(name, name): value for name, value in given.items() if value is not None
        }

    def review(self, one: Happening, at: Millis, reward: RewardDecided | None) -> Reviewed:
        """An analyst's decision on one reward, or on all of the user's under the code."""
        assert one.decision is not None
        return Reviewed(
            **self._common(at),
            code=str(one.code),
            user_id=str(one.said("user")),
            reward_id=None if reward is None else reward.reward_id,
            decision=one.decision.value,
            reviewer="reviewer",
            reason=one.reason,
            note=one.note,
        )

    def report(
        self, one: Happening, at: Millis, arrives: Millis, reward: RewardDecided
    ) -> FulfilmentReported:
        """The outcome of the order to fulfil a reward."""
        assert one.outcome is not None
        return FulfilmentReported(
            **self._common(at) | {"received_at": arrives},
            code=reward.code,
            user_id=reward.user_id,
            reward_id=reward.reward_id,
            role=reward.role,
            outcome=one.outcome.value,
            kind=reward.kind,
            attempts=1,
        )

    def listed(self, one: Happening, at: Millis, until: Millis | None) -> Listed:
        """An entry of the lists, as it stands from now on."""
        assert one.subject is not None
        entry = ListEntry(
            subject=one.subject,
            value=subject_value(one.subject, str(one.value), self._hash),
            listing={What.ALLOW: Listing.ALLOW, What.BLOCK: Listing.BLOCK}.get(one.type),
            actor="scenario",
            expires_at=until,
            reason=one.reason,
        )
        return entry.record(at)

    def _registered(self, code: CodeChanged) -> CodeChanged:
        """The code, of which the collector knows now."""
        self._codes[code.code] = code
        self._known.take(code)
        return code

    def _hashed(self, subject: Subject, raw: str | None) -> str | None:
        return None if raw is None else subject_value(subject, raw, self._hash)

    def _common(self, at: Millis) -> dict[str, Any]:
        self._made += 1
        event_id = str(uuid5(_IDS, str(self._made)))
        return {"event_id": event_id, "event_time": at, "received_at": at}

    def _only_campaign(self) -> str:
        names = {defined.campaign_id for defined in self._campaigns}
        if len(names) != 1:
            there = ", ".join(sorted(names))
            raise CannotHappen(f"say which campaign the code is of; there are {there}", "campaign")
        return names.pop()

    def _currency(self) -> str:
        """That of the campaigns' rewards, unless they are paid in units."""
        found = [defined.reward_currency for defined in self._campaigns]
        return next((currency for currency in found if currency.isupper()), "USD")


def _sender(one: Happening) -> Sender:
    """The connection that an event comes through. A page's or app's is the visitor's own."""
    if one.key is KeyKind.SECRET:
        return Sender(one.key)
    try:
        ip = None if one.ip is None else str(parse_address(one.ip))
    except ValueError:
        ip = None  # the event says it too, and is rejected for it
    return Sender(one.key, ip, one.user_agent)


def _rfc3339(at: Millis) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).isoformat()
