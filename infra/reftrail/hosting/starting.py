"""Start of a host's process."""

import gc
import sys
from importlib import import_module


def start(module: str) -> None:
    """Import the module of a host, and run its `main`.

    Importing makes some 100,000 objects, none of them garbage. The collector would walk them
    several times meanwhile, and with each of its full runs later: a sixth of a worker's start.
    """
    gc.disable()
    without_httpx_command()
    host = import_module(module)
    gc.freeze()
    gc.enable()
    host.main()


def without_httpx_command() -> None:
    """Have httpx imported without its command line: a tenth of fulfilment's start.

    httpx imports it where rich, click and pygments are installed, as they are for reftrail's own.
    A name that is None in `sys.modules` can't be imported, and httpx goes on without it
    (https://docs.python.org/3/reference/import.html#the-module-cache).
    """
    sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]
