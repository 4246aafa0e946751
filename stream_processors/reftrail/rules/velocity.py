"""Distinct users per signal: address, network, device, e-mail address, and pair of users.

A claim asks about each of its signals. The answer counts the users who claimed from it in the 24
hours and 30 days before, by the time at which they did, the asking one included; of an e-mail
address also those of 365 days, since an address is one person's and stays so. What is older is
forgotten when the signal is seen again, or when a tick says that it is time.
"""

from collections.abc import Iterable, Sequence
from typing import Final, TypeAlias, assert_never

import msgspec

from reftrail.contracts.life import CheckRequested, SignalChecked
from reftrail.contracts.record import DAY, Derived, Millis
from reftrail.rules.decider import Cause, Reference, Woken, because, fingerprint

WINDOW_DAYS: Final = 30
"""How long a claim counts."""

EMAIL_WINDOW_DAYS: Final = 365
"""How long a claim counts for its e-mail address."""

EMAIL: Final = "email"

MOST_SEEN: Final = 512
"""How many claims of different users or codes are remembered of a signal, the latest ones: counts
end there. While all of these lie within a day, no more are taken in: a carrier's address behind
which there are more people says no more than one with 512, and isn't written anew for each."""


class Claim(msgspec.Struct, frozen=True, array_like=True):
    """A user claimed under a code from this signal, last at a time. The three are fingerprints."""

    user: int
    code: int
    owner: int
    at: Millis


class VelocityState(msgspec.Struct, frozen=True, array_like=True):
    """What is kept of a signal: the last claim of each user and code, in the order of time."""

    claims: tuple[Claim, ...] = ()
    window_days: int = WINDOW_DAYS


class Seen(Derived, frozen=True, kw_only=True):
    """A user claimed from this signal. Concluded for the state alone."""

    claim: Claim
    window_days: int


class Forgotten(Derived, frozen=True, kw_only=True):
    """Claims up to a time count no longer. Concluded for the state alone."""

    until: Millis


Conclusion: TypeAlias = SignalChecked | Seen | Forgotten


class VelocityDecider:
    """The rule of the velocity stage; its key is the signal."""

    def decide(
        self,
        state: VelocityState,
        record: CheckRequested | Woken,
        cause: Cause,
        reference: Reference,  # noqa: ARG002
    ) -> Sequence[Conclusion]:
        """How often the signal was seen, this time included; or that it is time to forget."""
        match record:
            case Woken():
                until = record.event_time - state.window_days * DAY
                return [Forgotten(**because(record, cause, "forgotten"), until=until)]
            case CheckRequested():
                claim = _claim(record)
                if _is_full(state, claim):
                    return [_answer(state, claim, record, cause)]
                common = because(record, cause, "seen")
                seen = Seen(**common, claim=claim, window_days=_window_days(record))
                return [seen, _answer(self.evolve(state, seen), claim, record, cause)]
            case _:
                assert_never(record)

    def evolve(self, state: VelocityState, record: Conclusion) -> VelocityState:
        """The last claims within the window, by time."""
        match record:
            case Seen(claim=claim, window_days=days):
                newest = max((claim.at, *(known.at for known in state.claims)))
                return VelocityState(_kept(_with(state.claims, claim), newest - days * DAY), days)
            case Forgotten(until=until):
                claims = _kept(state.claims, until)
                return VelocityState(claims, state.window_days) if claims else VelocityState()
            case SignalChecked():
                return state
            case _:
                assert_never(record)


def wakes_at(state: VelocityState) -> Millis | None:
    """When there will be nothing left to remember."""
    return state.claims[-1].at + state.window_days * DAY if state.claims else None


def _kind(asked: CheckRequested) -> str:
    return asked.signal.partition(":")[0]


def _window_days(asked: CheckRequested) -> int:
    return EMAIL_WINDOW_DAYS if _kind(asked) == EMAIL else WINDOW_DAYS


def _claim(asked: CheckRequested) -> Claim:
    owner = fingerprint(asked.owner_user_id) if asked.owner_user_id is not None else 0
    return Claim(fingerprint(asked.user_id), fingerprint(asked.code), owner, asked.event_time)


def _is_full(state: VelocityState, claim: Claim) -> bool:
    """Whether there is no room for a claim: all there is is later or hardly older."""
    return len(state.claims) == MOST_SEEN and claim.at < state.claims[0].at + DAY


def _with(claims: tuple[Claim, ...], claim: Claim) -> Iterable[Claim]:
    """The claims and one more; the earlier one of the same user and code goes."""
    same = [known for known in claims if (known.user, known.code) == (claim.user, claim.code)]
    latest = max((claim, *same), key=lambda one: one.at)
    return [*(known for known in claims if known not in same), latest]


def _kept(claims: Iterable[Claim], until: Millis) -> tuple[Claim, ...]:
    """Those after a time, in the order of time, of which the last so many."""
    later = (claim for claim in claims if claim.at > until)
    return tuple(sorted(later, key=lambda claim: (claim.at, claim.user, claim.code))[-MOST_SEEN:])


def _answer(
    state: VelocityState, asked: Claim, request: CheckRequested, cause: Cause
) -> SignalChecked:
    """Claims after the asking one don't count for it, even those that came in before it."""
    before = [claim for claim in (*state.claims, asked) if claim.at <= asked.at]
    month = [claim for claim in before if claim.at > asked.at - WINDOW_DAYS * DAY]
    users = {claim.user for claim in month}
    return SignalChecked(
        **because(request, cause, "checked"),
        code=request.code,
        user_id=request.user_id,
        claim_id=request.claim_id,
        kind=_kind(request),
        users_24h=len({claim.user for claim in month if claim.at > asked.at - DAY}),
        users_30d=len(users),
        codes_30d=len({claim.code for claim in month}),
        insiders_30d=len(users & {claim.owner for claim in month}),
        users_365d=_users_in_a_year(before, asked.at) if _kind(request) == EMAIL else 0,
    )


def _users_in_a_year(before: Iterable[Claim], at: Millis) -> int:
    since = at - EMAIL_WINDOW_DAYS * DAY
    return len({claim.user for claim in before if claim.at > since})
