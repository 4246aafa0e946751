"""The case that checks look at, and the evidence that they find."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import msgspec

from reftrail.contracts.decisions import Claimed
from reftrail.contracts.external_inputs import Listed
from reftrail.contracts.record import Millis
from reftrail.contracts.reference import CodeChanged
from reftrail.rules.fraud.baselines import Amounts, Claims, Hours

Figures: TypeAlias = dict[str, int | str]
"""The finding of a check, in numbers and words that explain it to people."""


class SignalSeen(msgspec.Struct, frozen=True, array_like=True):
    """The velocity stage's answer about a signal of a claim.

    others are the names of the other users, eight bytes each, the latest first.
    """

    claim_id: str
    kind: str
    users_24h: int
    users_30d: int
    codes_30d: int
    insiders_30d: int = 0
    users_365d: int = 0
    others: bytes = b""


class Signals(msgspec.Struct, frozen=True, array_like=True):
    """The hashed signals of a claim, a signup or a touch. A touch doesn't say under which key.

    visitor_hash is the value of the browser's signal, of a browser that is asked about.
    """

    device_hash: str | None = None
    ip_hash: str | None = None
    network_hash: str | None = None
    email_hash: str | None = None
    email_disposable: bool | None = None
    hash_key_id: str | None = None
    visitor_hash: str | None = None


class Evidence(msgspec.Struct, frozen=True):
    """A reason for suspicion, or a broken rule, with its weight and figures."""

    reason: str
    weight: int
    figures: Figures


class Case(msgspec.Struct, frozen=True):
    """A claim with everything that checks look at.

    seen has the highest answers of the velocity stage about the user's claims so far, by kind.
    signals are those of the claim, of the user's signup and of the touch, in this order, as far as
    they are known: a server that reports a purchase rarely sends any. touch_received_at and
    touch_key_kind are the receipt of the touch and the kind of its API key. hours, amounts and
    claims are the baselines of the code, without this claim. listed looks up an entry of the lists
    by subject and value, at the claim's receipt. users are others who are known to be the user.
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
    users: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Check:
    """A row of the table of evidence.

    find returns the figures if the reason applies, else None. It is given the policy's limit, or
    else the one here. unit is the unit of the limit, empty without a limit. A decisive reason
    rejects whatever the score, unless a policy gives it the weight 0. about is the kind of signal
    whose answer the figures are from: without one, nothing is found.
    """

    reason: str
    weight: int
    find: Callable[[Case, int], Figures | None]
    limit: int = 0
    unit: str = ""
    decisive: bool = False
    about: str = ""
