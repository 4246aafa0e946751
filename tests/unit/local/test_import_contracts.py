"""The import contracts know every package."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[3]
PORTIONS = ("schemas", "producers", "stream_processors", "sinks", "infra")


def test_no_package_is_outside_the_import_contracts() -> None:
    packages = {
        f"reftrail.{package.parent.name}"
        for portion in PORTIONS
        for package in (ROOT / portion / "reftrail").glob("*/__init__.py")
    }
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert set(project["tool"]["importlinter"]["root_packages"]) == packages


def test_the_namespace_is_nobodys_package() -> None:
    assert not [p for p in PORTIONS if (ROOT / p / "reftrail" / "__init__.py").exists()]
