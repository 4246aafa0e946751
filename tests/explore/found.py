"""Files of failing examples: one property called with the arguments for which it failed.

Arguments are JSON, read by the types that the property declares for them, since blobs of Hypothesis
are valid for one version of it and one version of the strategies. Arguments that JSON doesn't give
back as they were are shown, not kept; such an example is to be written by hand.
"""

import json
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, get_type_hints

import msgspec

FOUND: Final = Path(__file__).with_name("found")
TESTS: Final = Path(__file__).parents[1]


class FoundFailure(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A failing example; `arguments` is None where JSON can't hold them."""

    test: str
    """Its file, as seen from tests/, and its function: `property/test_lives.py::test_x`."""
    seed: int
    raised: str
    arguments: dict[str, Any] | None
    shown: str | None = None

    def write(self, directory: Path) -> Path:
        """Write it to a file whose name follows from the property and the arguments."""
        content = json.dumps([self.arguments, self.shown], sort_keys=True)
        name = self.test.rpartition("::")[2].removeprefix("test_")
        path = directory / f"{name}-{sha256(content.encode()).hexdigest()[:8]}.json"
        directory.mkdir(parents=True, exist_ok=True)
        path.write_bytes(msgspec.json.format(msgspec.json.encode(self)) + b"\n")
        return path


def read(path: Path) -> FoundFailure:
    """Read such a file."""
    return msgspec.json.decode(path.read_bytes(), type=FoundFailure)


def found_in(directory: Path) -> dict[Path, FoundFailure]:
    """Read all files of a directory."""
    return {path: read(path) for path in sorted(directory.glob("*.json"))}


def test_name(path: Path, function: str) -> str:
    """Name a property as files do."""
    place = path.relative_to(TESTS) if path.is_relative_to(TESTS) else path
    return f"{place.as_posix()}::{function}"


def kept(property_: Callable[..., object], arguments: Mapping[str, Any]) -> dict[str, Any] | None:
    """Arguments as JSON has them, or None where the property wouldn't get the same ones back."""
    try:
        plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(dict(arguments)))
        same = given_back(property_, plain) == arguments
    except (TypeError, ValueError, OverflowError, NotImplementedError):
        return None
    return plain if same else None


def given_back(property_: Callable[..., object], plain: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments of the types that the property declares."""
    types = get_type_hints(property_)
    return {name: msgspec.convert(value, types[name]) for name, value in plain.items()}
