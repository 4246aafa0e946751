"""The clickstream that the package retentioneering ships, without importing the package.

Its imports (pandas, scipy, gensim) aren't needed for reading one file, so it is put into a
directory of its own, from the lock file, and not into the environment.
"""

import subprocess
import sys
from importlib.metadata import Distribution
from pathlib import Path
from typing import Final

_HERE: Final = Path(__file__).parent
_LOCK: Final = _HERE / "requirements.lock"
_FILE: Final = "retentioneering/datasets/ecom.csv.gz"


def dataset(directory: Path) -> Path:
    """The gzipped CSV file, installed into the directory unless it is there already.

    Raises SystemExit with what the installer said if the package can't be had.
    """
    found = _installed(directory)
    if found is None:
        install = ["pip", "install", "--quiet", "--no-deps", "--require-hashes"]
        done = subprocess.run(  # noqa: S603
            [sys.executable, "-m", "uv", *install, "--target", str(directory), "-r", str(_LOCK)],
            check=False,
        )
        found = _installed(directory)
        if done.returncode or found is None:
            sys.exit(f"the package in {_LOCK.name} could not be installed; see above")
    return found


def _installed(directory: Path) -> Path | None:
    for package in Distribution.discover(name="retentioneering", path=[str(directory)]):
        path = Path(str(package.locate_file(_FILE)))
        return path if path.exists() else None
    return None
