"""The records that reach an installation when something happens in a scenario, made as hosts do.

Events pass the collector's own judgement, under the key that they are sent with: it rejects what it
would reject over HTTP, and codes, addresses and e-mails become what they become there.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, TypeVar
from uuid import UUID, uuid5

import msgspec

from reftrail.adjustments import adjustments, decisions
from reftrail.code_lookup.known_codes import KnownCodes
from reftrail.collector.accept import Circumstances, accept
from reftrail.collector.clock import clock_skew
from reftrail.contracts.adjustments import Adjusted, AdjustmentDecided
from reftrail.contracts.codec import decode, encode_datum
from reftrail.contracts.decisions import RewardDecided, Role
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
from reftrail.edge.pseudonyms import HashKey, pseudonyms
from reftrail.edge.rejections import Rejection
from reftrail.lists import ListEntry, Subject, subject_value
from reftrail.scenarios.derived import SECRET, DerivedNames
from reftrail.scenarios.happening import Happening
from reftrail.scenarios.happening_types import HappeningType
from reftrail.scenarios.rejections import CannotHappen, NotAccepted, RejectedEvent
from reftrail.scenarios.script import GivenCode, GivenFormat
from reftrail.scenarios.submissions import field_at, sender_of, submission_of

R = TypeVar("R", bound=Record)

_IDS: Final = UUID("5d1c7a56-0d9f-5c52-b6f5-706f6c696379")
_EVENT: Final = latest("Event")


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
        """The record that says how late it is now."""
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
        """A code as it is written, of derived ones by their names."""
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

    def changed_code(self, happening: Happening, at: Millis) -> CodeChanged:
        """The record of a code from now on."""
        known = self._codes.get(str(happening.code))
        if known is None:
            raise CannotHappen(f"there is no code {happening.code}; give it", "code")
        changed: dict[str, Any] = self._common(at) | {"revision": known.revision + 1}
        if happening.status is not None:
            changed["status"] = happening.status.value
            changed["past_stops"] = known.past_stops_at(happening.status, at)
        if happening.owner is not None:
            changed["owner_user_id"] = happening.owner
        return self._registered(msgspec.structs.replace(known, **changed))

    def event(
        self, happening: Happening, at: Millis, sent_at: Millis | None, arrives: Millis
    ) -> Record:
        """The record that the collector makes of an event. Raises `NotAccepted`."""
        event_id = self._common(at)["event_id"]
        submission = submission_of(
            happening, at, event_id, currency=self._currency(), order=f"order {self._made}"
        )
        try:
            skew = clock_skew(sent_at, arrives)
        except ValueError as error:
            raise NotAccepted(RejectedEvent(happening.type, at, "sent_at", str(error))) from error
        circumstances = Circumstances(
            sender_of(happening), arrives, self._hash, self._known.lookup, clock_skew=skew
        )
        judged = accept([submission], circumstances)
        for rejection in judged.rejected:
            field = field_at(rejection.pointer)
            raise NotAccepted(RejectedEvent(happening.type, at, field, rejection.reason))
        return decode(encode_datum(_EVENT, judged.accepted[0].datum))

    def review(self, happening: Happening, at: Millis, reward: RewardDecided | None) -> Reviewed:
        """An analyst's decision on one reward, or on all of the user's under the code."""
        assert happening.decision is not None
        return Reviewed(
            **self._common(at),
            code=str(happening.code),
            user_id=str(happening.said("user")),
            reward_id=None if reward is None else reward.reward_id,
            decision=happening.decision.value,
            reviewer="reviewer",
            reason=happening.reason,
            note=happening.note,
        )

    def adjustment(
        self, happening: Happening, at: Millis, reward: RewardDecided | None
    ) -> Adjusted:
        """A credit or debit by hand. Its id, its side and who does it are made up where absent."""
        given: dict[str, Any] = {
            "adjustment_id": happening.adjustment_id or f"adjustment {self._made + 1}",
            "code": happening.code,
            "user_id": happening.said("user"),
            "role": happening.role or Role.REFERRER,
            "amount": happening.amount,
            "currency": happening.currency or self._currency_of_adjustments(),
            "kind": happening.kind,
            "reason": happening.reason,
            "note": happening.note,
            "order_id": happening.order,
        }
        if reward is not None:
            given |= {"role": None, "reward_id": reward.reward_id}
        return self._accepted(adjustments, given, at, happening.actor or "ann")

    def adjustment_decision(self, happening: Happening, at: Millis) -> AdjustmentDecided:
        """A second person's decision about an adjustment."""
        given: dict[str, Any] = {
            "adjustment_id": happening.adjustment_id,
            "code": happening.code,
            "user_id": happening.said("user"),
            "decision": happening.decision,
            "note": happening.note,
        }
        return self._accepted(decisions, given, at, happening.actor or "bea")

    def _accepted(
        self,
        accept: Callable[
            [Iterable[Any], Millis, str, Callable[[str], str]], tuple[list[R], list[Rejection]]
        ],
        given: dict[str, Any],
        at: Millis,
        by: str,
    ) -> R:
        """The record made of an item that somebody sends. Raises `CannotHappen` if rejected."""
        self._made += 1
        item = {name: str(value) for name, value in given.items() if value is not None}
        taken, rejected = accept([item], at, by, self._known.spelling)
        for rejection in rejected:
            field = field_at(rejection.pointer)
            raise CannotHappen(f"{field} {rejection.reason}", field)
        return taken[0]

    def report(
        self, happening: Happening, at: Millis, arrives: Millis, reward: RewardDecided
    ) -> FulfilmentReported:
        """The outcome of the order to fulfil a reward."""
        assert happening.outcome is not None
        return FulfilmentReported(
            **self._common(at) | {"received_at": arrives},
            code=reward.code,
            user_id=reward.user_id,
            reward_id=reward.reward_id,
            role=reward.role,
            outcome=happening.outcome.value,
            kind=reward.kind,
            attempts=1,
            action=reward.action,
        )

    def listed(self, happening: Happening, at: Millis, until: Millis | None) -> Listed:
        """An entry of the lists from now on."""
        assert happening.subject is not None
        entry = ListEntry(
            subject=happening.subject,
            value=subject_value(happening.subject, str(happening.value), self._hash),
            listing={HappeningType.ALLOW: Listing.ALLOW, HappeningType.BLOCK: Listing.BLOCK}.get(
                happening.type
            ),
            actor="scenario",
            expires_at=until,
            reason=happening.reason,
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

    def _currency_of_adjustments(self) -> str:
        """The currency of the campaigns' rewards."""
        return next((defined.reward_currency for defined in self._campaigns), "USD")

    def _currency(self) -> str:
        """The currency of the campaigns' rewards, unless they are paid in units."""
        found = [defined.reward_currency for defined in self._campaigns]
        return next((currency for currency in found if currency.isupper()), "USD")
