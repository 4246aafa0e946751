"""Plan of an import: what it would change in the ledger, and how balances compare.

Of a commission the ledger is to have what is open of it, in its currency, under its earner's code.
What was booked for it before counts, so that an import which is repeated changes nothing, and one
whose commission was paid elsewhere since takes the rest back. What was rejected or refused doesn't
count; while something isn't decided yet, nothing is posted.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from reftrail.contracts.decisions import RewardStatus, Role
from reftrail.contracts.money import amount_text
from reftrail.contracts.record import Micros
from reftrail.imports.commission import Commission, Programme
from reftrail.imports.history import History, Outcome, Written
from reftrail.imports.matching import Match, Owners, Rule

REASON: Final = "imported"


class Place(NamedTuple):
    """Where a commission is booked: for an owner, in a currency; code is one of that owner."""

    code: str
    owner: str
    currency: str


class Posting(NamedTuple):
    """An adjustment that the import would write; why says what it follows from."""

    adjustment_id: str
    place: Place
    rule: Rule
    user_id: str
    micros: Micros
    why: str

    def fields(self, kind: str | None) -> dict[str, str]:
        """It as an operator would send it."""
        found = {
            "adjustment_id": self.adjustment_id,
            "code": self.place.code,
            "user_id": self.user_id,
            "role": Role.REFERRER.value,
            "amount": amount_text(self.micros, self.place.currency),
            "currency": self.place.currency,
            "reason": REASON,
            "note": self.why,
        }
        return found | ({"kind": kind} if kind else {})


class Balance(NamedTuple):
    """What an earner is owed: theirs by the file, ledger by what was imported and booked so far.

    posted is what this import would add. waiting was written before and isn't booked yet: the rules
    haven't come to it, hold it for an approval, or its delivery failed. differing are the
    commissions that aren't booked as the file says, or of which something is posted or waits.
    """

    earner: str
    place: Place
    rule: Rule
    theirs: Micros = 0
    ledger: Micros = 0
    posted: Micros = 0
    waiting: Micros = 0
    differing: int = 0

    @property
    def matches(self) -> bool:
        """Whether the ledger has now what the file says of each commission, to the cent."""
        return not self.differing


@dataclass(slots=True)
class Plan:
    """What an import would do.

    without_code are the earners of whom no code is known, faults what else must be put right first,
    notes what isn't posted and why.
    """

    postings: list[Posting] = field(default_factory=list)
    balances: list[Balance] = field(default_factory=list)
    without_code: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def plan_import(
    programme: Programme,
    commissions: Iterable[Commission],
    owners: Owners,
    history: History,
    *,
    asks_again: bool = False,
) -> Plan:
    """The plan for a file. With asks_again, amounts that were declined are posted once more."""
    plan = Plan()
    balances: dict[tuple[str, Place, Rule], Balance] = {}
    for commission in commissions:
        match = owners.match(commission)
        if match is None and commission.open_micros:
            if commission.earner not in plan.without_code:
                plan.without_code.append(commission.earner)
            continue
        account = _Account(commission, match, owners, history.of(commission.commission_id))
        differences = account.differences(plan, asks_again=asks_again)
        for place, micros in sorted(differences.items(), key=lambda item: item[1]):
            adjustment_id = history.free_id(commission.commission_id)
            plan.postings.append(account.posting(programme, adjustment_id, place, micros))
        for place in account.places:
            key = (commission.earner, place, account.rule(place))
            known = balances.get(key) or Balance(*key)
            balances[key] = account.added(known, differences.get(place, 0))
    plan.balances = list(balances.values())
    return plan


class _Account:
    """A commission's places: what is wanted, booked and undecided at each."""

    def __init__(
        self, commission: Commission, match: Match | None, owners: Owners, past: list[Written]
    ) -> None:
        self._commission = commission
        self._match = match
        self._owners = owners
        self._wanted: defaultdict[Place, Micros] = defaultdict(int)
        self._booked: defaultdict[Place, Micros] = defaultdict(int)
        self._waiting: defaultdict[Place, Micros] = defaultdict(int)
        self._undecided: list[Written] = []
        self._codes = {} if match is None else {match.owner: match.code}
        self._past = past
        self._last: dict[Place, Written] = {}
        if match is not None:
            place = Place(match.code, match.owner, commission.currency)
            self._wanted[place] = commission.open_micros
        for written in past:
            place = self._place(written)
            self._last[place] = written
            if written.outcome == Outcome.BOOKED:
                self._booked[place] += written.adjusted.value_micros
            elif written.outcome == Outcome.UNDECIDED:
                self._waiting[place] += written.adjusted.value_micros
                self._undecided.append(written)
        self.places = list(dict.fromkeys([*self._wanted, *self._booked, *self._waiting]))

    def _place(self, written: Written) -> Place:
        """Where an adjustment counts: one place for each owner and currency.

        Its code is one by which what the owner got can be changed now.
        """
        code, currency = written.adjusted.code, written.adjusted.currency
        now = self._owners.owner_of(code)
        owner = written.beneficiary or now or ""
        usable = code if now == owner else self._owners.code_of(owner) or code
        return Place(self._codes.setdefault(owner, usable), owner, currency)

    def rule(self, place: Place) -> Rule:
        """How it is known that a place is the earner's."""
        return self._match.rule if self._match and place in self._wanted else Rule.BEFORE

    def differences(self, plan: Plan, *, asks_again: bool) -> dict[Place, Micros]:
        """What is to be posted. Why something isn't is added to the plan."""
        name = self._commission.commission_id
        for written in self._undecided:
            plan.notes.append(
                f"commission {name}: {_undecided_text(written)}; nothing more is posted for it"
            )
        plan.notes += self._moved()
        found: dict[Place, Micros] = {}
        for place in self.places:
            difference = self._wanted.get(place, 0) - self._booked.get(place, 0)
            if not difference or self._undecided:
                continue
            text = f"{amount_text(difference, place.currency)} {place.currency}"
            last = self._last.get(place)
            if last and self._was_declined(last, difference) and not asks_again:
                plan.notes.append(
                    f"commission {name}: {text} for {place.owner} ({place.code}) was declined "
                    f"({last.adjusted.adjustment_id}); it is posted again only with --ask-again"
                )
            elif self._owners.owner_of(place.code) != place.owner:
                now = self._owners.owner_of(place.code) or "nobody"
                plan.faults.append(
                    f"commission {name}: {text} would go to {place.owner}, but the code "
                    f"{place.code} is owned by {now} now; give {place.owner} a code "
                    f"(reftrail codes add), and import again"
                )
            else:
                found[place] = difference
        return found

    def _moved(self) -> Iterator[str]:
        """What is said of credits under another code of the same owner: they are left there."""
        match, name = self._match, self._commission.commission_id
        left: defaultdict[tuple[str, str], Micros] = defaultdict(int)
        for adjusted, beneficiary, _ in self._booked_entries():
            if match and beneficiary == match.owner and adjusted.code != match.code:
                left[adjusted.code, adjusted.currency] += adjusted.value_micros
        for (code, currency), micros in left.items():
            if micros and match:
                yield (
                    f"commission {name}: {amount_text(micros, currency)} {currency} of "
                    f"{match.owner} stay under {code}; only changes are posted under {match.code}"
                )

    def _booked_entries(self) -> list[Written]:
        return [written for written in self._past if written.outcome == Outcome.BOOKED]

    @staticmethod
    def _was_declined(last: Written, difference: Micros) -> bool:
        return last.outcome == Outcome.REJECTED and last.adjusted.value_micros == difference

    def posting(
        self, programme: Programme, adjustment_id: str, place: Place, micros: Micros
    ) -> Posting:
        """The posting of a difference, about the customer of those before it at its place."""
        commission, last = self._commission, self._last.get(place)
        user_id = last.adjusted.user_id if last else commission.customer
        why = f"commission {commission.commission_id} of {programme} is {commission.state}"
        if commission.open_micros and place not in self._wanted:
            why += ", and owed under " + ", ".join(
                f"{other.code} in {other.currency}" for other in self._wanted
            )
        return Posting(adjustment_id, place, self.rule(place), user_id, micros, why)

    def added(self, known: Balance, posted: Micros) -> Balance:
        """A balance with what this commission has at its place."""
        place = known.place
        theirs, booked = self._wanted.get(place, 0), self._booked.get(place, 0)
        waits = any(self._place(written) == place for written in self._undecided)
        return known._replace(
            theirs=known.theirs + theirs,
            ledger=known.ledger + booked,
            posted=known.posted + posted,
            waiting=known.waiting + self._waiting.get(place, 0),
            differing=known.differing + (theirs != booked or waits),
        )


def _undecided_text(written: Written) -> str:
    """What an adjustment waits for, and how to end that."""
    its_id = written.adjusted.adjustment_id
    if written.status == RewardStatus.HELD:
        return f"{its_id} waits for a second person (reftrail rewards pending)"
    if written.status == RewardStatus.FAILED:
        return f"the delivery of {its_id} failed, and may be tried again"
    return f"{its_id} isn't decided yet"
