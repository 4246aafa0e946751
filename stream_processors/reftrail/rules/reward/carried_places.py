"""Places under limits that count users, which rewards keep that were taken back before a merge.

A reversal doesn't give the user's place back. So a person whose reward a review or refund took back
has a place also where the order is another referral's by now, and earns nothing there. The referral
that has ended releases its places when it ends; the one that is left takes such a place again, also
where somebody else has got the last one meanwhile. A person has one place under a limit, however
many actions it rests on.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from reftrail.rules.limit_names import LimitReservation
from reftrail.rules.reward.context import DecisionContext
from reftrail.rules.reward.dispute_reports import LARGEST_SUM
from reftrail.rules.reward.eligibility import still_earns
from reftrail.rules.reward.lifecycle import ask_limit, ended_by_review
from reftrail.rules.reward.state import CarriedPlace
from reftrail.rules.reward.state_events import LimitsReleased, PlaceCarried, PlacesLeft

_NO_DAY: Final = -1


def places_texts(context: DecisionContext, action: str) -> Iterator[str]:
    """The places that an action had which earns nothing under the referral that is left."""
    cell = context.action(action)
    yield from (_text(place, action) for place in cell.places)
    case = cell.case
    if case is None or case.is_bonus or not case.counts:
        return
    if not ended_by_review(context, action) and (cell.order is None or still_earns(cell.order)):
        return
    day = case.day if case.counts_by_day else _NO_DAY
    yield _text(CarriedPlace(case.received_at, day), action)
    for text in case.user_reservations:
        reservation = LimitReservation.parse(text)
        place = CarriedPlace(case.received_at, day, reservation.key, reservation.most)
        yield _text(place, action)


def keep_places(context: DecisionContext, texts: Iterable[str]) -> None:
    """Take the places of actions that were taken back under a referral that has ended."""
    if context.referral.is_merged:
        return
    for action, place in map(_of_text, texts):
        if place in context.action(action).places:
            continue
        is_first = bool(place.key) and context.limit(place.key).count <= 0
        context.apply(PlaceCarried(**context.noted(), action=action, place=place))
        if is_first:
            _ask(context, action, place, is_releasing=False)


def leave_places(context: DecisionContext, action: str) -> None:
    """Give up the places that an action was carried with: the referral has ended since.

    They stay known for a further merge, since claims may not get beyond this referral.
    """
    cell = context.action(action)
    if not cell.places or cell.has_left_places:
        return
    context.apply(PlacesLeft(**context.noted(), action=action))
    for place in cell.places:
        limit = context.limit(place.key)
        if place.key and limit.reservation and limit.count <= 0:
            released = (limit.reservation,)
            context.apply(LimitsReleased(**context.noted(), reservations=released))
            _ask(context, action, place, is_releasing=True)


def _ask(context: DecisionContext, action: str, place: CarriedPlace, *, is_releasing: bool) -> None:
    words = ("place_carried", context.record.event_id, context.user_id, action, place.key)
    reservation = LimitReservation(place.key, 1, place.most if is_releasing else LARGEST_SUM)
    ask_limit(context, words, reservation, is_releasing=is_releasing, received_at=place.received_at)


def _text(place: CarriedPlace, action: str) -> str:
    return "|".join((*map(str, place), action))


def _of_text(text: str) -> tuple[str, CarriedPlace]:
    received_at, day, key, most, action = text.split("|", 4)
    return action, CarriedPlace(int(received_at), int(day), key, int(most))
