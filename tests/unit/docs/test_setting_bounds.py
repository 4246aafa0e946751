"""Numbers in settings of every host, and in options of every command, are finite and bounded."""

import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Final, Union, get_args, get_origin

import pytest
import typer
from pydantic import ValidationError
from pydantic_settings import BaseSettings

from reftrail.cli.main import COMMANDS, command_line
from reftrail.contracts.errors import ExpectedError
from reftrail.engine.settings import WorkerSettings
from reftrail.hosting.run import settings_from_environment

ROOT: Final = Path(__file__).parents[3]
PORTIONS: Final = ("schemas", "producers", "stream_processors", "sinks", "infra")
SETTINGS_CLASS: Final = re.compile(r"(?m)^class \w+\([^)]*(?:Settings|Installation)\b[^)]*\):")
DURATIONS: Final = ("_seconds", "_ms", "_days")
ENDLESS: Final = ("inf", "-inf", "nan", "1e999")
LONGEST: Final = 366 * 86_400
"""No time in settings is longer than a year; in milliseconds it is far shorter."""


def classes() -> list[type[BaseSettings]]:
    """All settings classes of the sources, found by their text, so that none is forgotten."""
    for portion in PORTIONS:
        for path in sorted((ROOT / portion / "reftrail").rglob("*.py")):
            if SETTINGS_CLASS.search(path.read_text("utf-8")):
                import_module(".".join(path.relative_to(ROOT / portion).with_suffix("").parts))
    return sorted(_below(BaseSettings), key=lambda found: found.__name__)


def _below(base: type[BaseSettings]) -> Iterator[type[BaseSettings]]:
    for derived in base.__subclasses__():
        if derived.__module__.startswith("reftrail."):
            yield derived
        yield from _below(derived)


def _types(annotation: Any) -> Iterator[Any]:
    if get_origin(annotation) is Annotated:
        yield from _types(get_args(annotation)[0])
    elif get_origin(annotation) in (Union, UnionType):
        for part in get_args(annotation):
            yield from _types(part)
    else:
        yield annotation


def numbers(kind: type[BaseSettings]) -> list[str]:
    return [
        name
        for name, field in kind.model_fields.items()
        if {float, int} & set(_types(field.annotation))
    ]


CLASSES: Final = [kind for kind in classes() if numbers(kind)]


def is_refused(kind: type[BaseSettings], name: str, value: str) -> bool:
    """Whether a setting may not have a value, whatever else is missing."""
    try:
        kind.model_validate({name: value})
    except ValidationError as error:
        return any(name in fault["loc"] for fault in error.errors())
    return False


def test_the_settings_of_all_hosts_are_found() -> None:
    names = {kind.__name__ for kind in CLASSES}
    assert names >= {"CollectorSettings", "CodesSettings", "WorkerSettings", "WarehouseSettings"}
    assert names >= {"FulfilmentSettings", "WebhooksSettings", "PartnersSettings"}


@pytest.mark.parametrize("kind", CLASSES)
def test_a_number_is_finite(kind: type[BaseSettings]) -> None:
    taken = [
        f"{name}={value}"
        for name in numbers(kind)
        for value in ENDLESS
        if not is_refused(kind, name, value)
    ]
    assert taken == []


@pytest.mark.parametrize("kind", CLASSES)
def test_a_time_is_neither_negative_nor_longer_than_makes_sense(kind: type[BaseSettings]) -> None:
    taken = [
        f"{name}={value}"
        for name in numbers(kind)
        if name.endswith(DURATIONS)
        for value in ("-1", str(LONGEST + 1))
        if not is_refused(kind, name, value)
    ]
    assert taken == []


def test_what_is_said_of_an_endless_time_names_the_variable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("REFTRAIL_BOOTSTRAP_SERVERS", "kafka:9092")
    monkeypatch.setenv("REFTRAIL_STOP_SECONDS", "inf")
    with pytest.raises(ExpectedError, match=r"REFTRAIL_STOP_SECONDS: .*finite number"):
        settings_from_environment(WorkerSettings)


def _fractions(command: Any, name: str) -> Iterator[tuple[str, Any]]:
    """The parameters of a command and of those below it that take any fraction."""
    for below, found in getattr(command, "commands", {}).items():
        yield from _fractions(found, f"{name} {below}")
    for parameter in command.params:
        if float in set(_types(parameter.type_descriptor.annotation)):
            yield f"{name} --{parameter.name}", parameter


def test_a_number_that_a_command_takes_is_finite() -> None:
    whole = typer.main.get_command(command_line(COMMANDS))
    found = dict(_fractions(whole, "reftrail"))
    assert "reftrail up --restart_after" in found
    for name, parameter in found.items():
        for value in ENDLESS:
            with pytest.raises(typer.BadParameter):
                raise AssertionError(
                    f"{name} takes {parameter.process_value(typer.Context(whole), value)}"
                )
