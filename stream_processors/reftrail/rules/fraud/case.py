"""What checks look at, and what they find."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import msgspec

from reftrail.contracts.decisions import Claimed
from reftrail.contracts.life import Listed
from reftrail.contracts.record import Millis
from reftrail.contracts.reference import CodeChanged
from reftrail.rules.fraud.baselines import Amounts, Claims, Hours

Figures: TypeAlias = dict[str, int | str]
"""What a check found, in numbers and words: enough to say to somebody why it matters."""


class SignalSeen(msgspec.Struct, frozen=True, array_like=True):
    """What is known of a signal of a claim: `SignalChecked` without where it comes from."""

    claim_id: str
    kind: str
    users_24h: int
    users_30d: int
    codes_30d: int
    insiders_30d: int = 0
    users_365d: int = 0


class Signals(msgspec.Struct, frozen=True, array_like=True):
    """The hashed signals of a claim, a signup or a touch."""

    device_hash: str | None = None
    ip_hash: str | None = None
    network_hash: str | None = None
    email_hash: str | None = None
    email_disposable: bool | None = None


class Evidence(msgspec.Struct, frozen=True):
    """A reason for suspicion, or against a claim altogether, with its weight and figures."""

    reason: str
    weight: int
    figures: Figures


class Case(msgspec.Struct, frozen=True):
    """A claim and what is known about it.

    seen has the highest answers of the velocity stage to the user's claims so far, by kind. signals
    are those of the claim, of the user's signup and of the touch, in this order; an occurrence that
    isn't known is left out. Purchases are often reported by a server without any signals, so that
    a claim alone doesn't say who is behind it. touch_received_at and touch_key_kind say when the
    touch came in and under which kind of API key. hours and amounts are what is usual
    for the code, claims how many under it were suspicious, without this one. listed looks up the
    lists by subject and value, at the time at which the claim came in.
    """

    claim: Claimed
    code: CodeChanged
    seen: Mapping[str, SignalSeen]
    hours: Hours
    amounts: Amounts
    claims: Claims
    listed: Callable[[str, str, Millis], Listed | None]
    signals: tuple[Signals, ...] = ()
    touch_received_at: Millis | None = None
    touch_key_kind: str | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """A row of the table of evidence.

    find tells the figures if the reason applies, else None; it is given the limit: a policy's own,
    or this one. unit says what the limit is in; empty where there is none. A decisive reason
    rejects whatever the score, unless a policy gives it the weight 0.
    """

    reason: str
    weight: int
    find: Callable[[Case, int], Figures | None]
    limit: int = 0
    unit: str = ""
    decisive: bool = False
