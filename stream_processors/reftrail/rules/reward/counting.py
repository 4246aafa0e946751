"""Counts under a code: its users, in total and by day, and the baselines of its usage."""

from typing import Final

import msgspec

from reftrail.contracts.decisions import (
    RewardDecided,
)
from reftrail.rules.cells import Cells
from reftrail.rules.decider import fingerprint
from reftrail.rules.fraud.baselines import with_amount, with_claim, with_judged
from reftrail.rules.fraud.scoring import is_suspicious
from reftrail.rules.limit_names import LimitReservation, forgotten_at
from reftrail.rules.reward.case import RewardCase
from reftrail.rules.reward.keys import code_key, day_key
from reftrail.rules.reward.queue import AssessedReward
from reftrail.rules.reward.state import (
    ActionCell,
    CarriedPlace,
    CodeCell,
    CountCell,
    ReferralCell,
)
from reftrail.rules.reward.state_events import PlaceCarried, PlacesLeft

_replace: Final = msgspec.structs.replace


def count_usage(cells: Cells, key: str, referral: ReferralCell, earned: AssessedReward) -> None:
    """Update the baselines of the code: amounts of orders, referrals by hour, suspicious referrals.

    A referral counts once, with its first decision, however often the user buys.
    """
    case = earned.case
    assert case is not None
    if case.campaign_version is None or case.is_bonus:
        return
    code = key.partition(":")[0]
    usage = cells.get(code, CodeCell)
    amounts = with_amount(usage.amounts, earned.amount_micros, earned.amount_currency)
    usage = _replace(usage, amounts=amounts)
    if not referral.latest:
        usage = _replace(
            usage,
            hours=with_claim(usage.hours, case.action_time),
            claims=with_judged(usage.claims, is_suspicious=is_suspicious(case.evidence)),
        )
    cells.put(code, usage)


def count_qualified(
    cells: Cells, key: str, referral: ReferralCell, entry: RewardDecided, *, by: int
) -> None:
    """Count one reward of the referrer more (or less) that makes the referral qualify.

    The referral counts towards the tiers of its code and campaign while there is one, whosever it
    is, and for each beneficiary while one of theirs is there.
    """
    campaign_id = entry.campaign_id
    before = referral.qualified_in(campaign_id)
    counts = dict(referral.qualified) | {campaign_id: before + by}
    whose = campaign_id, fingerprint(entry.beneficiary or "")
    own = {(campaign, beneficiary): count for campaign, beneficiary, count in referral.qualified_of}
    own[whose] = max(0, own.get(whose, 0) + by)
    referral = _replace(
        referral,
        qualified=_without_zero(counts),
        qualified_of=tuple((*of, count) for of, count in own.items() if count),
    )
    cells.put(key, referral)
    of_code = (before + by > 0) - (before > 0)
    if of_code:
        usage = cells.get(code_key(entry.code), CodeCell)
        counts = dict(usage.qualified)
        counts[campaign_id] = counts.get(campaign_id, 0) + of_code
        cells.put(code_key(entry.code), _replace(usage, qualified=_without_zero(counts)))


def _without_zero(counts: dict[str | None, int]) -> tuple[tuple[str | None, int], ...]:
    return tuple((campaign, count) for campaign, count in counts.items() if count)


def count_reward(cells: Cells, key: str, code: str, case: RewardCase | None, *, by: int) -> None:
    """Count one reward of the user more (or less), and the user under the code with the first."""
    if case is not None and not case.is_bonus:
        count_user(cells, key, code, case.day if case.counts_by_day else None, by=by)


def count_user(cells: Cells, key: str, code: str, day: int | None, *, by: int) -> None:
    """Let one thing more (or less) make the user count under the code, and on a UTC day."""
    referral = cells.get(key, ReferralCell)
    counted = referral.counted + by
    cells.put(key, _replace(referral, counted=counted))
    users = (counted > 0) - (referral.counted > 0)
    if users:
        usage = cells.get(code_key(code), CodeCell)
        cells.put(code_key(code), _replace(usage, users=usage.users + users))
    if day is None:
        return
    own_key = f"{key}:l:day {day}"
    own = cells.get(own_key, CountCell)
    cells.put(own_key, CountCell(own.count + by))
    users = (own.count + by > 0) - (own.count > 0)
    if users:
        its_day = day_key(code, day)
        on_day = max(0, cells.get(its_day, CountCell).count + users)
        forget_at = forgotten_at(day) if on_day else None
        cells.put(its_day, CountCell(on_day, forget_at=forget_at))


def count_reservations(cells: Cells, key: str, case: RewardCase | None, *, by: int) -> None:
    """Let one reward more (or less) rest on its reservations under limits that count users.

    A reward that asks for reservations rests on them like one that is decided, so that a review of
    another reward doesn't release them meanwhile.
    """
    for text in () if case is None else case.user_reservations:
        _count_reservation(cells, key, text, by=by)


def _count_reservation(cells: Cells, key: str, text: str, *, by: int) -> None:
    limit_cell_key = f"{key}:l:{LimitReservation.parse(text).key}"
    held = cells.get(limit_cell_key, CountCell)
    cells.put(limit_cell_key, CountCell(held.count + by, text))


def carry_places(cells: Cells, key: str, event: PlaceCarried | PlacesLeft) -> None:
    """Keep a place that an action has from a referral that has ended, or give up all of them."""
    cell_key = f"{key}:a:{event.action}"
    cell = cells.get(cell_key, ActionCell)
    if isinstance(event, PlaceCarried):
        cells.put(cell_key, _replace(cell, places=(*cell.places, event.place)))
        _count_place(cells, key, event.code, event.place, by=1)
        return
    cells.put(cell_key, _replace(cell, has_left_places=True))
    for place in cell.places:
        _count_place(cells, key, event.code, place, by=-1)


def _count_place(cells: Cells, key: str, code: str, place: CarriedPlace, *, by: int) -> None:
    if place.key:
        _count_reservation(cells, key, str(LimitReservation(place.key, 1, place.most)), by=by)
    else:
        count_user(cells, key, code, place.day if place.day >= 0 else None, by=by)
