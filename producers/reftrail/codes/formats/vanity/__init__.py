"""Vanity codes: chosen by a person, and judged before the store is asked whether they are free."""

from reftrail.codes.formats.vanity.choice import (
    Acceptable,
    Choice,
    ChoiceReason,
    ChoiceRefused,
    choose,
    normalised,
)
from reftrail.codes.formats.vanity.confusables import skeleton
from reftrail.codes.formats.vanity.words import RESERVED, offensive_word, reserved_name

__all__ = [
    "RESERVED",
    "Acceptable",
    "Choice",
    "ChoiceReason",
    "ChoiceRefused",
    "choose",
    "normalised",
    "offensive_word",
    "reserved_name",
    "skeleton",
]
