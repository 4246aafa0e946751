"""Answers about the signals of an order, as its cell keeps them: the highest of each kind.

Once a review has approved the order in spite of them, they count no longer.
"""

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from reftrail.rules.fraud.case import SignalSeen

_FIGURES: Final = ("users_24h", "users_30d", "codes_30d", "insiders_30d", "users_365d")

_APPROVED: Final = SignalSeen("", "approved", 0, 0, 0)
"""The mark, in place of answers, of an order that a review has approved in spite of them."""

APPROVED: Final = (_APPROVED,)
"""The evidence of an order that a review has approved."""


def highest(answers: Iterable[SignalSeen]) -> Mapping[str, SignalSeen]:
    """The highest figures of each kind of signal, over several answers."""
    found: dict[str, SignalSeen] = {}
    for seen in answers:
        known = found.get(seen.kind)
        if known is None:
            found[seen.kind] = seen
            continue
        figures = {name: max(getattr(seen, name), getattr(known, name)) for name in _FIGURES}
        found[seen.kind] = msgspec.structs.replace(seen, **figures)
    return found


def together(answers: Iterable[SignalSeen]) -> tuple[SignalSeen, ...]:
    """Answers about an order from several referrals; the mark alone where one has it."""
    known = highest(answers)
    if _APPROVED.kind in known:
        return APPROVED
    return tuple(msgspec.structs.replace(seen, claim_id="") for seen in known.values())


def text_of(seen: SignalSeen, action: str) -> str:
    """An answer about an order as a message carries it."""
    figures = (str(getattr(seen, name)) for name in _FIGURES)
    return "|".join((seen.kind, *figures, action))


def of_text(text: str) -> tuple[str, SignalSeen]:
    """The action and answer of a text in a message."""
    kind, *figures, action = text.split("|", len(_FIGURES) + 1)
    return action, SignalSeen("", kind, *map(int, figures))
