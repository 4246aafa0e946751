"""A table of a TOML file as a typed value, or every fault in it with its place."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from difflib import get_close_matches
from enum import StrEnum
from types import NoneType, UnionType
from typing import Any, Final, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from reftrail.campaigns.toml_file import FaultyFile, FileFault, TomlFile, Where
from reftrail.campaigns.units import Takes, quoted

M = TypeVar("M", bound=BaseModel)

_MISSPELT: Final = "extra_forbidden"


class FaultMessage(ValueError):  # noqa: N818  (its text is for people)
    """An error of a validator that says by itself all there is to say.

    at leads from the value that is validated to the one at fault in it.
    """

    def __init__(self, message: str, at: Where = ()) -> None:
        super().__init__(message)
        self.at = at


def validated(
    file: TomlFile, model: type[M], at: Where, moved: Mapping[str, Where] | None = None
) -> M:
    """The model of the table at a place. moved: fields of it that may be written under other names.

    Raises `FaultyFile`.
    """
    given: Any = file.content
    for part in at:
        given = given[part]
    try:
        return model.model_validate(given)
    except ValidationError as error:
        faults = error.errors(include_url=False)
        raise FaultyFile(_fault(file, model, at, fault, moved or {}) for fault in faults) from error


def field_at(model: type[BaseModel], where: Where) -> FieldInfo | None:
    """The field of a model, or of the models in its fields, that a place is about."""
    found = None
    inside: type[BaseModel] | None = model
    for part in where:
        if isinstance(part, int):
            continue
        if inside is None or part not in inside.model_fields:
            return found
        found = inside.model_fields[part]
        inside = model_in(found.annotation)
    return found


def model_in(annotation: Any) -> type[BaseModel] | None:
    """The model that a field holds, by itself, optionally or in a list."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if get_origin(annotation) in (list, tuple, Union, UnionType):
        inside = (
            model_in(argument) for argument in get_args(annotation) if argument is not NoneType
        )
        return next((model for model in inside if model is not None), None)
    return None


def takes(field: FieldInfo | None) -> Takes | None:
    """The values that a field takes, or that its items take; None for tables."""
    if field is None:
        return None
    found = (constraint for constraint in field.metadata if isinstance(constraint, Takes))
    return next(found, None) or _taken_by(field.annotation)


def _taken_by(annotation: Any) -> Takes | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return None
    if isinstance(annotation, type) and issubclass(annotation, StrEnum):
        choices = [f'"{choice}"' for choice in annotation]
        kind = ", ".join(f"`{choice}`" for choice in choices)
        return Takes(kind, f"one of {', '.join(choices)}", quoted)
    metadata = getattr(annotation, "__metadata__", ())
    annotated = [takes for takes in metadata if isinstance(takes, Takes)]
    inside = [_taken_by(argument) for argument in reversed(get_args(annotation)) if not metadata]
    return next((takes for takes in (*annotated, *inside) if takes is not None), None)


def shown(value: object) -> str:
    """A value as it may stand in TOML."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return quoted(value if len(value) <= 60 else value[:60] + "...")
        case datetime() | date() | time():
            return value.isoformat()
        case dict():
            return "a table"
        case list():
            return "an array"
        case _:
            return str(value)


def _fault(
    file: TomlFile,
    model: type[BaseModel],
    at: Where,
    fault: ErrorDetails,
    moved: Mapping[str, Where],
) -> FileFault:
    error = fault.get("ctx", {}).get("error")
    inside = error.at if isinstance(error, FaultMessage) else ()
    where = (*(part for part in fault["loc"] if part != "[key]"), *inside)
    spelt = next((name for name, to in moved.items() if to == where), None)
    if spelt is not None and not file.has((*at, *where)) and file.has((*at, spelt)):
        place: Where = (*at, spelt)
    else:
        place = (*at, *where)
        spelt = ".".join(map(str, where))
    message = _message(model, where, spelt, fault, tuple(moved))
    return file.fault(place, message, key=fault["type"] == _MISSPELT)


def _message(
    model: type[BaseModel], where: Where, name: str, fault: ErrorDetails, others: Sequence[str]
) -> str:
    kind, given = fault["type"], fault["input"]
    known = takes(field_at(model, where))
    expected = known.expected if known else None
    if kind == "missing":
        return f"{name} is missing" + (f"; give {expected}" if expected else "")
    if kind == _MISSPELT:
        return _unknown(model, where, name, others)
    error = fault.get("ctx", {}).get("error")
    if isinstance(error, FaultMessage):
        return str(error)
    if kind in ("model_type", "model_attributes_type", "dict_type"):
        return f"{name or 'this'} is {shown(given)}; expected a table"
    if kind == "list_type":
        return f"{name} is {shown(given)}; expected an array, in [ and ]"
    wanted = expected or f"{fault['msg'][:1].lower()}{fault['msg'][1:]}"
    return f"{name} is {shown(given)}; expected {wanted}"


def _unknown(model: type[BaseModel], where: Where, name: str, others: Sequence[str]) -> str:
    around = field_at(model, where[:-1])
    inside = model if not where[:-1] else model_in(around.annotation) if around else None
    fields = [*(inside.model_fields if inside else ()), *(others if not where[:-1] else ())]
    close = get_close_matches(str(where[-1]), fields, n=1)
    if close:
        return f"{name} is not a setting; did you mean {close[0]}?"
    return f"{name} is not a setting; there are {', '.join(fields)}"
