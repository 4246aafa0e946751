"""Input of a decision of the attribution stage."""

import msgspec

from reftrail.contracts.conversions import ConversionKind, Converted
from reftrail.contracts.record import Derived
from reftrail.contracts.stage_messages import Forwarded
from reftrail.rules.attribution.bounds import DEFAULT, Bounds
from reftrail.rules.attribution.state import AttributionState, ended_of, user_key
from reftrail.rules.attribution.waiting import KNOWN, Referral
from reftrail.rules.cells import Cells
from reftrail.rules.decider import Cause, Reference
from reftrail.rules.packing import unpacked


class Question(msgspec.Struct, frozen=True):
    """A conversion that is decided on, and its user: their key and their state before.

    identified_by is set where the touch of a signup is one on another device: the kind of the
    record that said so. first_user is the user of the record before it was forwarded, if it was;
    has_claimed says that it has claimed under that user's own attribution. now_ended are the
    referrals that this decision ends, or hears of, besides those that had ended before.
    """

    key: str
    state: AttributionState
    cells: Cells
    record: Converted
    cause: Cause
    reference: Reference
    identified_by: str | None = None
    identified_in: str | None = None
    first_user: str = ""
    has_claimed: bool = False
    forwarded: Forwarded | None = None
    now_ended: tuple[Referral, ...] = ()
    bounds: Bounds = DEFAULT

    @property
    def ended(self) -> tuple[Referral, ...]:
        """The referrals of the user, and of those merged into them, that merging has ended.

        There may be very many: what needs one user's alone asks for these (`past_of`).
        """
        return tuple(referral for referral in self.past if referral[1] not in ("", KNOWN))

    @property
    def past(self) -> tuple[Referral, ...]:
        """The same, with the marks of users who have signed up, or are known without that."""
        return tuple(dict.fromkeys((*ended_of(self.cells, self.key), *self.now_ended)))

    def past_of(self, user_id: str) -> tuple[Referral, ...]:
        """Those of one user, who may have been merged into this one."""
        own = (referral for referral in self.now_ended if referral[0] == user_id)
        return tuple(dict.fromkeys((*ended_of(self.cells, self.key, user_id), *own)))

    @property
    def signed_up_as(self) -> str:
        """The user of a signup or late touch, who may have been merged into this one since."""
        return self.first_user or self.record.user_id

    def about(self, record: Converted, identified: Converted | None = None) -> "Question":
        """The same question about another record of the user."""
        by = None if identified is None else identified.kind
        visitor = None if identified is None else identified.visitor_id
        return msgspec.structs.replace(self, record=record, identified_by=by, identified_in=visitor)


def question(
    cells: Cells,
    record: Converted | Forwarded,
    cause: Cause,
    reference: Reference,
    bounds: Bounds = DEFAULT,
) -> Question:
    """The question about a conversion, as of the user whom it was forwarded to, if it was."""
    key = user_key(record.user_id)
    state = cells.get(key, AttributionState)
    if isinstance(record, Converted):
        return Question(key, state, cells, record, cause, reference, bounds=bounds)
    conversion = _conversion(record)
    return Question(
        key,
        state,
        cells,
        msgspec.structs.replace(conversion, user_id=record.user_id),
        cause,
        reference,
        first_user=conversion.user_id,
        has_claimed=record.has_claimed,
        forwarded=record,
        bounds=bounds,
    )


def _conversion(forwarded: Forwarded) -> Converted:
    """The conversion that was forwarded; with a history, that of the merge."""
    if forwarded.record is not None:
        return unpacked(forwarded.record, Converted)
    return Converted(
        **{name: getattr(forwarded, name) for name in Derived.__struct_fields__},
        kind=ConversionKind.USERS_MERGED,
        user_id=forwarded.trail[-1],
        conversion_event_id=forwarded.event_id,
    )
