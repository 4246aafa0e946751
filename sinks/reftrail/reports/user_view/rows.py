"""Rows of `queries/user`: lines of JSON, lists that begin with their kind."""

import msgspec

from reftrail.contracts.record import Micros, Millis


class EntryRow(msgspec.Struct, frozen=True, array_like=True, gc=False, tag="entry"):
    """An entry of the ledger: the column line of `warehouse/ddl/045_user_page.sql`.

    effect_micros is what it adds to the balance, see `warehouse/ddl/019_balances.sql`;
    clawback_micros what the user owes by it, 0 for nothing.
    position is its cause's in the log, where a reward's entries stand in one partition. Of several
    under one event_id the one with the highest precedence was received first.
    """

    event_id: str
    ms: Millis
    position: int
    precedence: int
    reward_id: str
    status: str
    value_micros: Micros
    currency: str
    kind: str
    role: str
    action: str
    code: str
    user_id: str
    campaign_id: str | None
    order_id: str | None
    item: str | None
    reasons: tuple[str, ...]
    supersedes: str | None
    due_ms: Millis | None
    effect_micros: Micros
    clawback_micros: Micros


class CodeRow(msgspec.Struct, frozen=True, array_like=True, tag="code"):
    """A revision of a code."""

    code: str
    owner_user_id: str | None
    campaign_id: str
    status: str
    created_ms: Millis
    expires_ms: Millis | None
    max_uses: int | None
    revision: int


class MilestoneRow(msgspec.Struct, frozen=True, array_like=True, tag="milestone"):
    """That a milestone was reached, or lost, by the user or one who was merged into them."""

    beneficiary: str
    campaign_id: str
    name: str
    kind: str
    grants: int
    reached: bool
    position: int


class MergeRow(msgspec.Struct, frozen=True, array_like=True, tag="merge"):
    """That a user was merged into another account. position is that of its cause in the log."""

    user_id: str
    merged_into: str
    position: int
    event_id: str


class Decision(msgspec.Struct, frozen=True, array_like=True, tag="decision"):
    """That a code referred a user."""

    code: str
    user_id: str
    event_id: str


class Correction(msgspec.Struct, frozen=True, array_like=True, tag="correction"):
    """That a decision no longer counts."""

    corrects: str


class AttributedCount(msgspec.Struct, frozen=True, array_like=True, tag="attributed"):
    """Number of users that a code referred."""

    code: str
    users: int


class FulfilmentRow(msgspec.Struct, frozen=True, array_like=True, tag="report"):
    """Report on a reward: the column report of `warehouse/ddl/015_fulfilments.sql`."""

    reward_id: str
    is_delivered: bool
    ms: Millis
    event_id: str
    carrier: str | None = None
    tracking_number: str | None = None
    reference: str | None = None
    detail: str | None = None


class StatementRow(msgspec.Struct, frozen=True, array_like=True, tag="statement"):
    """A revision of a statement of pay-outs."""

    statement_id: str
    revision: int
    currency: str
    from_ms: Millis
    until_ms: Millis
    total_micros: Micros
    carried_over: str | None
    prepared_ms: Millis


class StatementChangeRow(msgspec.Struct, frozen=True, array_like=True, tag="statement_change"):
    """A change of a statement's status; the one with the highest number was the last."""

    statement_id: str
    number: int
    status: str
    ms: Millis


class PolicyRow(msgspec.Struct, frozen=True, array_like=True, tag="policy"):
    """A version of a campaign's policy. Of several of one version the latest counts."""

    campaign_id: str
    version: int
    effective_ms: Millis
    policy: str | None
    defined_ms: Millis


Row = (
    EntryRow
    | CodeRow
    | MilestoneRow
    | MergeRow
    | Decision
    | Correction
    | AttributedCount
    | FulfilmentRow
    | PolicyRow
    | StatementRow
    | StatementChangeRow
)
