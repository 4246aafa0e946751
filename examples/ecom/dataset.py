"""The clickstream that the package retentioneering ships, found without importing the package.

The package's own dependencies (pandas, scipy, gensim and more) serve its plots: it is installed
without them, from requirements.lock, and would fail on import.
"""

import sys
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Final

_FILE: Final = "retentioneering/datasets/ecom.csv.gz"


def dataset() -> Path:
    """The gzipped CSV file. Raises SystemExit if the package isn't there."""
    try:
        return Path(str(distribution("retentioneering").locate_file(_FILE)))
    except PackageNotFoundError:
        sys.exit("the example's clickstream isn't installed; start it with: make example-ecom")
