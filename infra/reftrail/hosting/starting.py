"""Start of a host's process."""

import gc
import ssl
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from importlib import import_module


def start(module: str, *, imports_with_certificates: bool = True) -> None:
    """Import the module of a host, and run its `main`.

    Without imports_with_certificates, TLS contexts that are made meanwhile trust nobody (see
    `without_certificates`).

    Importing makes some 100,000 objects, none of them garbage. The collector would walk them
    several times meanwhile, and with each of its full runs later: a sixth of a worker's start.
    """
    gc.disable()
    without_httpx_command()
    with nullcontext() if imports_with_certificates else without_certificates():
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


@contextmanager
def without_certificates() -> Iterator[None]:
    """Have TLS contexts made without the system's certificates, so that they trust nobody.

    aiohttp makes two for its client when it is imported, and reads the certificates for each: a
    twentieth of a worker's imports. A worker has only its server. Those for Kafka are made later.
    """
    ssl.SSLContext.set_default_verify_paths = _trust_nobody  # type: ignore[method-assign]
    try:
        yield
    finally:
        del ssl.SSLContext.set_default_verify_paths  # that of its base class holds again


def _trust_nobody(context: ssl.SSLContext) -> None:
    """Add no certificates."""
