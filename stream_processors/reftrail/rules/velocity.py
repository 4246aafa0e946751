"""Distinct users per signal: ip, network, device, browser, e-mail, and the pair of owner and user.

A claim asks about each of its signals. The answer counts the users who claimed from the signal in
the 24 hours and 30 days before the claim, the claim's own user included; for an e-mail address also
in 365 days, since an address belongs to one person. It names the latest other users, too, for those
who know which of them are one person. Older claims are dropped when the signal is
seen again, or by a timer.

Of a browser it is known, too, who signed up in it without a claim, and who was seen in it: a code's
owner rarely claims. The former count as users, the latter don't. The answer says whether the owner
of the claim's code was there. It is told of them once a browser has several users, and of
purchases; so a browser of one user is rarely asked about.
"""

from collections.abc import Iterable, Sequence
from typing import Final, TypeAlias, assert_never

import msgspec

from reftrail.contracts.record import DAY, Derived, Millis
from reftrail.contracts.stage_messages import CheckRequested, PersonKnown, SignalChecked, UserSeen
from reftrail.rules.decider import Cause, Reference, TimerFired, fingerprint, metadata

WINDOW_DAYS: Final = 30
"""The time for which a claim counts."""

EMAIL_WINDOW_DAYS: Final = 365
"""The time for which a claim counts for its e-mail address."""

EMAIL: Final = "email"

VISITOR: Final = "visitor"
"""The kind of signal that a browser is, by the fingerprint of its visitor id."""

MOST_SEEN: Final = 512
"""The most claims of a signal that are remembered, the latest ones: counts end there.

Where earlier ones may have fallen out of the time that is counted, the users are said to be so
many: they may be, and no limit finds fewer.

While all of these lie within a day, no more are taken in: a carrier's address behind which there
are more people says no more than one with 512, and isn't written anew for each.
"""

MOST_ONLY_SEEN: Final = 32
"""The most users of a browser who are known in it without a claim, the latest ones: a till has
hundreds, and they take no place from claims."""

MOST_NAMED: Final = 16
"""The most users whom an answer names, the latest ones."""

NAME_BYTES: Final = 8
"""The bytes of a user's name in an answer: the fingerprint."""


ONLY_SEEN: Final = 0

SIGNED_UP: Final = 1

_SIGHTINGS: Final = frozenset({ONLY_SEEN, SIGNED_UP})


class Claim(msgspec.Struct, frozen=True, array_like=True):
    """The last time at which a user claimed under a code. The texts are fingerprints.

    Instead of a code, ONLY_SEEN or SIGNED_UP says that the user was in a browser, and didn't claim.
    Instead of an owner it then has the time since when: from then on, until at, the user was seen
    there at least every 30 days.

    since is the time of the user's first claim under the code within the window, where there were
    several: a claim that comes in late counts it if the last one is later than itself. 0: of one.
    """

    user: int
    code: int
    owner: int
    at: Millis
    since: Millis = 0

    def up_to(self, time: Millis) -> "Claim | None":
        """The claim as it was known at a time; None if there was none."""
        if self.at <= time:
            return self
        is_earlier = 0 < self.since <= time
        return msgspec.structs.replace(self, at=self.since, since=0) if is_earlier else None


class VelocityState(msgspec.Struct, frozen=True, array_like=True):
    """The state of a signal: the last claim of each user and code, in the order of time.

    Each has the time of the first one, too, of those within the window.
    """

    claims: tuple[Claim, ...] = ()
    window_days: int = WINDOW_DAYS


class Seen(Derived, frozen=True, kw_only=True):
    """A user claimed from this signal. A state event."""

    claim: Claim
    window_days: int


class SeenOnly(Derived, frozen=True, kw_only=True):
    """A user was seen in this browser, or signed up in it, without a claim. A state event."""

    user: int
    has_signed_up: bool


class Joined(Derived, frozen=True, kw_only=True):
    """Users are one person: their claims are those of one user from now on. A state event."""

    user: int
    others: tuple[int, ...]


class Forgotten(Derived, frozen=True, kw_only=True):
    """Claims up to a time no longer count. A state event."""

    until: Millis


Event: TypeAlias = SignalChecked | Seen | SeenOnly | Joined | Forgotten


class VelocityDecider:
    """The decider of the velocity stage. Its key is the signal."""

    def decide(
        self,
        state: VelocityState,
        record: CheckRequested | PersonKnown | UserSeen | TimerFired,
        cause: Cause,
        reference: Reference,  # noqa: ARG002
    ) -> Sequence[Event]:
        """The counts of a signal, this claim included; or the end of old claims."""
        match record:
            case TimerFired():
                until = record.event_time - state.window_days * DAY
                return [Forgotten(**metadata(record, cause, "forgotten"), until=until)]
            case PersonKnown():
                joined = _joined(record, cause)
                return [joined] if self.evolve(state, joined) != state else []
            case UserSeen():
                common = metadata(record, cause, "seen")
                user, has_signed_up = fingerprint(record.user_id), record.has_signed_up
                only = SeenOnly(**common, user=user, has_signed_up=has_signed_up)
                return [only] if self.evolve(state, only) != state else []
            case CheckRequested():
                claim = _claim(record)
                if _is_full(state, claim):
                    return [_answer(state, claim, record, cause)]
                common = metadata(record, cause, "seen")
                seen = Seen(**common, claim=claim, window_days=_window_days(record))
                return [seen, _answer(self.evolve(state, seen), claim, record, cause)]
            case _:
                assert_never(record)

    def evolve(self, state: VelocityState, record: Event) -> VelocityState:
        """The last claims within the window, in the order of time."""
        match record:
            case Seen(claim=claim, window_days=days):
                until = max((claim.at, *(known.at for known in state.claims))) - days * DAY
                return VelocityState(_kept(_with(state.claims, claim, until), until), days)
            case SeenOnly():
                how = SIGNED_UP if record.has_signed_up else ONLY_SEEN
                return _with_seen(
                    state, Claim(record.user, how, record.event_time, record.event_time)
                )
            case Joined():
                claims: Iterable[Claim] = ()
                for claim in state.claims:
                    known = tuple(claims)
                    claims = _with(known, _sighted(known, _as_joined(claim, record)))
                newest = max((claim.at for claim in state.claims), default=0)
                kept = _kept(claims, newest - state.window_days * DAY)
                return VelocityState(kept, state.window_days) if kept else state
            case Forgotten(until=until):
                claims = _kept(state.claims, until)
                return VelocityState(claims, state.window_days) if claims else VelocityState()
            case SignalChecked():
                return state
            case _:
                assert_never(record)


def name_of(user_id: str) -> bytes:
    """The name of a user in an answer."""
    return fingerprint(user_id).to_bytes(NAME_BYTES, "big")


def names_in(others: bytes) -> list[bytes]:
    """The names of users that stand one after the other in an answer, in their order."""
    return [others[start : start + NAME_BYTES] for start in range(0, len(others), NAME_BYTES)]


def visitor_value(browser: int) -> str:
    """The value of the signal that a browser is, by the fingerprint of its visitor id."""
    return f"{browser:016x}"


def visitor_signal(visitor_id: str) -> str:
    """The signal that a browser is."""
    return f"{VISITOR}:{visitor_value(fingerprint(visitor_id))}"


def visitor_in(signal: str) -> int:
    """The fingerprint of the browser that a signal is."""
    return int(signal.partition(":")[2], 16)


def wakes_at(state: VelocityState) -> Millis | None:
    """The time at which the last claim is out of the window; None without claims."""
    return state.claims[-1].at + state.window_days * DAY if state.claims else None


def _kind(asked: CheckRequested) -> str:
    return asked.signal.partition(":")[0]


def _window_days(asked: CheckRequested) -> int:
    return EMAIL_WINDOW_DAYS if _kind(asked) == EMAIL else WINDOW_DAYS


def _claim(asked: CheckRequested) -> Claim:
    owner = fingerprint(asked.owner_user_id) if asked.owner_user_id is not None else 0
    return Claim(fingerprint(asked.user_id), fingerprint(asked.code), owner, asked.event_time)


def _joined(known: PersonKnown, cause: Cause) -> Joined:
    return Joined(
        **metadata(known, cause, "joined"),
        user=fingerprint(known.user_id),
        others=tuple(int.from_bytes(name, "big") for name in names_in(known.others)),
    )


def _as_joined(claim: Claim, joined: Joined) -> Claim:
    """A claim as of the person: as its user, and as the owner of its code."""
    user = joined.user if claim.user in joined.others else claim.user
    owner = joined.user if claim.owner in joined.others else claim.owner
    return msgspec.structs.replace(claim, user=user, owner=owner)


def _with_seen(state: VelocityState, seen: Claim) -> VelocityState:
    """The state with a user who was seen; of those without a claim the latest ones are left."""
    newest = max((seen.at, *(known.at for known in state.claims)))
    seen = _sighted(state.claims, seen)
    kept = _kept(_with(state.claims, seen), newest - WINDOW_DAYS * DAY)
    only = [claim for claim in kept if claim.code in (ONLY_SEEN, SIGNED_UP)]
    gone = only[: max(0, len(only) - MOST_ONLY_SEEN)]
    return VelocityState(tuple(claim for claim in kept if claim not in gone), state.window_days)


def _sighted(known: Iterable[Claim], seen: Claim) -> Claim:
    """A sighting, from the first to the last of the user there; any other claim as it is."""
    if seen.code not in _SIGHTINGS:
        return seen
    same = [other for other in known if (other.user, other.code) == (seen.user, seen.code)]
    since = min((seen.owner, *(other.owner for other in same)))
    until = max((seen.at, *(other.at for other in same)))
    return msgspec.structs.replace(seen, owner=since, at=until)


def _is_full(state: VelocityState, claim: Claim) -> bool:
    """Whether there is no capacity for a claim: the others are later, or hardly a day earlier."""
    return len(state.claims) == MOST_SEEN and claim.at < state.claims[0].at + DAY


def _with(claims: tuple[Claim, ...], claim: Claim, until: Millis = 0) -> Iterable[Claim]:
    """The claims with one more. Of the same user and code the first and the last time are kept.

    The first one is that after until: those before it are out of the window.
    """
    same = [known for known in claims if (known.user, known.code) == (claim.user, claim.code)]
    latest = max((claim, *same), key=lambda same_claim: same_claim.at)
    if same and claim.code not in _SIGHTINGS:
        times = (time for known in (claim, *same) for time in (known.since, known.at))
        first = min((time for time in times if time > until), default=latest.at)
        latest = msgspec.structs.replace(latest, since=first if first < latest.at else 0)
    return [*(known for known in claims if known not in same), latest]


def _kept(claims: Iterable[Claim], until: Millis) -> tuple[Claim, ...]:
    """The claims after a time, in the order of time; the last MOST_SEEN of them."""
    later = (_within(claim, until) for claim in claims if claim.at > until)
    return tuple(sorted(later, key=lambda claim: (claim.at, claim.user, claim.code))[-MOST_SEEN:])


def _within(claim: Claim, until: Millis) -> Claim:
    """A claim, without a first time that is before the window."""
    return msgspec.structs.replace(claim, since=0) if 0 < claim.since <= until else claim


def _answer(
    state: VelocityState, asked: Claim, request: CheckRequested, cause: Cause
) -> SignalChecked:
    """The counts for a claim. Claims with a later time don't count, even if they came in before."""
    kind = _kind(request)
    known = (claim.up_to(asked.at) for claim in (*state.claims, asked))
    before = [claim for claim in known if claim is not None]
    month = [claim for claim in before if claim.at > asked.at - WINDOW_DAYS * DAY]
    users = {claim.user for claim in month}
    owners = {claim.owner for claim in month}
    if kind == VISITOR:
        before += [
            claim
            for claim in state.claims
            if claim.code in _SIGHTINGS and claim.owner <= asked.at < claim.at
        ]
        month = [claim for claim in before if claim.at > asked.at - WINDOW_DAYS * DAY]
        users, owners = {claim.user for claim in month}, {asked.owner}
        before = [claim for claim in before if claim.code != ONLY_SEEN]
        month = [claim for claim in month if claim.code != ONLY_SEEN]
    is_email = kind == EMAIL
    return SignalChecked(
        **metadata(request, cause, "checked"),
        code=request.code,
        user_id=request.user_id,
        claim_id=request.claim_id,
        kind=kind,
        users_24h=_users(state, before, asked.at - DAY),
        users_30d=_users(state, before, asked.at - WINDOW_DAYS * DAY),
        codes_30d=len({claim.code for claim in month if claim.code != SIGNED_UP}),
        insiders_30d=len(users & owners),
        users_365d=_users(state, before, asked.at - EMAIL_WINDOW_DAYS * DAY) if is_email else 0,
        others=_others(before, asked, asked.at - _window_days(request) * DAY),
    )


def _others(before: Iterable[Claim], asked: Claim, since: Millis) -> bytes:
    """The names of the other users after a time, by their last claims, the latest first."""
    latest: dict[int, Millis] = {}
    for claim in before:
        if claim.at > since and claim.user != asked.user:
            latest[claim.user] = max(claim.at, latest.get(claim.user, claim.at))
    ordered = sorted(latest, key=lambda user: (-latest[user], user))
    return b"".join(user.to_bytes(NAME_BYTES, "big") for user in ordered[:MOST_NAMED])


def _users(state: VelocityState, before: Iterable[Claim], since: Millis) -> int:
    """The number of users after a time: at least `MOST_SEEN`, where claims may have fallen out."""
    users = len({claim.user for claim in before if claim.at > since})
    is_cut = len(state.claims) == MOST_SEEN and state.claims[0].at > since
    return max(users, MOST_SEEN) if is_cut else users
