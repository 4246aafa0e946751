"""The package reftrail-client: built from this tree, and used without anything else of it."""

import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from importlib.metadata import distribution, version
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[3]
CLIENT = ROOT / "producers" / "reftrail-client"

PROGRAM = """
import sys
sys.path[:0] = sys.argv[1:3]
from reftrail.client import AsyncReftrail, Reftrail
import reftrail.client
assert reftrail.client.__file__.startswith(sys.argv[1]), reftrail.client.__file__
with Reftrail(sys.argv[3], "sk") as client:
    client.signup("uma", visitor_id="v1")
    client.purchase("uma", "O1", "19.99", "EUR")
strangers = {"aiokafka", "kafka", "clickhouse_connect", "starlette", "pydantic", "reftrail.edge"}
assert not strangers & {*sys.modules}
"""


def metadata(path: Path) -> dict[str, Any]:
    project: dict[str, Any] = tomllib.loads(path.read_text())["project"]
    return project


def needed(names: list[str]) -> Iterator[str]:
    """The names of distributions with all that they need, as they are installed here."""
    for text in names:
        requirement = Requirement(text)
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            yield requirement.name
            yield from needed(distribution(requirement.name).requires or [])


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """The folder into which the wheel was unpacked."""
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "-d", str(tmp_path)],
        cwd=CLIENT,
        check=True,
        capture_output=True,
    )
    [wheel] = tmp_path.glob("reftrail_client-*.whl")
    zipfile.ZipFile(wheel).extractall(tmp_path / "built")
    return tmp_path / "built"


def test_it_has_the_version_of_reftrail_and_few_dependencies() -> None:
    client, whole = metadata(CLIENT / "pyproject.toml"), metadata(ROOT / "pyproject.toml")
    assert client["version"] == whole["version"]
    assert len(client["dependencies"]) <= 3
    for text in client["dependencies"]:
        requirement = Requirement(text)
        assert requirement.specifier.contains(version(requirement.name))


def test_it_sends_with_its_dependencies_alone(built: Path, tmp_path: Path, server: str) -> None:
    installed = tmp_path / "installed"
    installed.mkdir()
    for name in {*needed(metadata(CLIENT / "pyproject.toml")["dependencies"])}:
        for file in distribution(name).files or []:
            top = file.parts[0]
            link = installed / top
            if top != ".." and not link.exists():
                link.symlink_to(Path(str(distribution(name).locate_file(top))))
    run = subprocess.run(
        [sys.executable, "-I", "-S", "-c", PROGRAM, str(built), str(installed), server],
        check=False,
        capture_output=True,
        text=True,
    )
    assert (run.returncode, run.stderr) == (0, "")


def test_it_contains_the_client_and_what_that_needs(built: Path) -> None:
    files = {path.relative_to(built).as_posix() for path in built.rglob("*.py")}
    assert "reftrail/client/py.typed" in {
        path.relative_to(built).as_posix() for path in built.rglob("py.typed")
    }
    assert {name.rpartition("/")[0] for name in files} == {"reftrail/client", "reftrail/contracts"}
