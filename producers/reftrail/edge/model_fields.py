"""Fields that the models of several requests share, and the words for what is wrong with one."""

from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from typing import Annotated, Any, Final, TypeAlias, TypeVar
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints, ValidationError
from pydantic_core import ErrorDetails

from reftrail.contracts.code_spelling import CODE_PATTERN, spelled
from reftrail.contracts.names import LONGEST_NAME, NAME_PATTERN, seen
from reftrail.contracts.record import Record
from reftrail.edge.rejections import Rejection

R = TypeVar("R", bound=Record)

# A rejected item may carry any key that its sender made up.
_LONGEST_FIELD: Final = 100


def _uuid(text: str) -> str:
    return str(UUID(text))


Name: TypeAlias = Annotated[
    str,
    StringConstraints(strip_whitespace=True),
    Field(min_length=1, max_length=LONGEST_NAME, pattern=NAME_PATTERN),
    AfterValidator(seen),
]
"""An id or name that clients choose, without the blanks around it: `"O17 "` is the order `O17`."""
Uuid: TypeAlias = Annotated[str, Field(max_length=36), AfterValidator(_uuid)]
Code: TypeAlias = Annotated[str, AfterValidator(spelled), Field(pattern=CODE_PATTERN)]
ReasonWord: TypeAlias = Annotated[str, Field(pattern=r"^[a-z0-9_]{1,64}$")]
Note: TypeAlias = Annotated[str, Field(max_length=2000)]


def read_items(
    items: Iterable[Any], record: Callable[[Any], R], expected: Mapping[str, str], of: str
) -> tuple[list[R], list[Rejection]]:
    """The records of the items that are well formed, and why the others aren't taken.

    record raises pydantic's ValidationError where an item isn't. expected has its fields in words;
    of names an item.
    """
    taken: list[R] = []
    rejected: list[Rejection] = []
    for index, item in enumerate(items):
        try:
            taken.append(record(item))
        except ValidationError as error:
            fault = error.errors(include_url=False, include_context=False)[0]
            rejected.append(Rejection(index, *explained(fault, expected, of)))
    return taken, rejected


def noted(given: str | None, by: str, note: str | None) -> str | None:
    """A note with the name that a request gives for its actor, where that is another one's.

    The actor is the key's name: anybody may give any name.
    """
    if given in (None, by):
        return note
    return f"given as {given}" if note is None else f"given as {given}: {note}"


def pointer_to(field: str) -> str:
    """The JSON pointer (RFC 6901) to an item's field, of a long name its beginning."""
    return "/" + field[:_LONGEST_FIELD].replace("~", "~0").replace("/", "~1")


def closest(field: str, known: Iterable[str]) -> str | None:
    """The known field that one is most probably meant to be; None if none is like it."""
    return next(iter(get_close_matches(field[:_LONGEST_FIELD].lower(), known, n=1)), None)


def explained(fault: ErrorDetails, expected: Mapping[str, str], of: str) -> tuple[str, str]:
    """Pointer and reason for a fault in an item. expected has its fields in words; of names it."""
    if not fault["loc"]:
        if fault["type"] == "string_unicode":
            return (
                "",
                "has half of a UTF-16 surrogate pair in a field's name, which is no character",
            )
        return "", f"is not an object; expected the fields {', '.join(expected)}"
    field = str(fault["loc"][0])
    pointer = pointer_to(field)
    if fault["type"] == "extra_forbidden":
        close = closest(field, expected)
        known = f"did you mean {close}?" if close else f"there are {', '.join(expected)}"
        return pointer, f"is not a field of {of}; {known}"
    what = "is missing" if fault["type"] == "missing" or fault["input"] is None else "is wrong"
    return pointer, f"{what}; expected {expected[field]}"
