"""Answers about the signals of an order or signup, as cells keep them: those that may count.

Answers that name others are kept one by one, since it may turn out that some of these are one
person: which of them is the highest is known when they are judged.
Once a review has approved the order in spite of them, they count no longer.
"""

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from reftrail.rules.fraud.case import SignalSeen
from reftrail.rules.fraud.persons import of_person

_FIGURES: Final = ("users_24h", "users_30d", "codes_30d", "insiders_30d", "users_365d")

_APPROVED: Final = SignalSeen("", "approved", 0, 0, 0)
"""The mark, in place of answers, of an order that a review has approved in spite of them."""

APPROVED: Final = (_APPROVED,)
"""The evidence of an order that a review has approved."""


MOST_OF_KIND: Final = 8
"""The most answers of a kind that are kept apart: of those beyond, the users count as several."""


def highest(
    answers: Iterable[SignalSeen], person: frozenset[bytes] = frozenset()
) -> Mapping[str, SignalSeen]:
    """The highest figures of each kind of signal, over several answers.

    The users in person count as one (`of_person`).
    """
    found: dict[str, SignalSeen] = {}
    for answer in answers:
        seen = of_person(answer, person)
        known = found.get(seen.kind)
        if known is None:
            found[seen.kind] = seen
            continue
        figures = {name: max(getattr(seen, name), getattr(known, name)) for name in _FIGURES}
        found[seen.kind] = msgspec.structs.replace(seen, **figures)
    return found


def together(answers: Iterable[SignalSeen]) -> tuple[SignalSeen, ...]:
    """Answers about an order from several referrals; the mark alone where one has it."""
    known = dict.fromkeys(msgspec.structs.replace(seen, claim_id="") for seen in answers)
    if len(known) == 1:  # as of nearly every signup
        return tuple(known)
    if any(seen.kind == _APPROVED.kind for seen in known):
        return APPROVED
    kept: list[SignalSeen] = []
    for kind in dict.fromkeys(seen.kind for seen in known):
        among = [seen for seen in known if seen.kind == kind and seen.others]
        beyond = [msgspec.structs.replace(seen, others=b"") for seen in among[MOST_OF_KIND:]]
        nameless = [seen for seen in known if seen.kind == kind and not seen.others]
        kept += [*among[:MOST_OF_KIND], *highest([*nameless, *beyond]).values()]
    return tuple(kept)


def text_of(seen: SignalSeen, action: str) -> str:
    """An answer about an order as a message carries it; without the others whom it names."""
    figures = (str(getattr(seen, name)) for name in _FIGURES)
    return "|".join((seen.kind, *figures, action))


def text_among(seen: SignalSeen, action: str) -> str:
    """An answer about an order that names others, as a message carries it."""
    return f"{seen.others.hex()}|{text_of(seen, action)}"


def of_text_among(text: str) -> tuple[str, SignalSeen]:
    """The action and answer of a text in a message that names others."""
    others, _, rest = text.partition("|")
    action, seen = of_text(rest)
    return action, msgspec.structs.replace(seen, others=bytes.fromhex(others))


def of_text(text: str) -> tuple[str, SignalSeen]:
    """The action and answer of a text in a message."""
    kind, *figures, action = text.split("|", len(_FIGURES) + 1)
    day, month, codes, insiders, year = map(int, figures)
    return action, SignalSeen("", kind, day, month, codes, insiders, year)
