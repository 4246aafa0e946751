"""Process of a host, from its settings to its exit code."""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final, NoReturn, TypeVar

from pydantic import ValidationError
from pydantic_settings import BaseSettings

from reftrail.contracts.errors import ExpectedError

S = TypeVar("S", bound=BaseSettings)

_LOG_FORMAT: Final = "%(asctime)s %(levelname)s %(name)s: %(message)s"


def run_host(
    settings: type[S],
    run: Callable[[S], Coroutine[Any, Any, None]],
    *,
    quiet: Mapping[str, int] | None = None,
) -> NoReturn:
    """Run with settings from the environment, log to stderr, and end the process with exit code 0.

    quiet names libraries with the level from which their messages are logged. Faults in settings
    and other `ExpectedError`s end the process with a sentence and exit code 1; anything unexpected
    with a traceback.
    """
    logging.basicConfig(level=logging.INFO, format=_LOG_FORMAT)
    for library, level in (quiet or {}).items():
        logging.getLogger(library).setLevel(level)
    try:
        asyncio.run(run(_read(settings)))
    except ExpectedError as error:
        sys.exit(f"error: {error}")
    end_process()


def stop_on_signals() -> asyncio.Event:
    """An event that SIGTERM and SIGINT set, in the running loop."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


async def run_until_stopped(
    stop: asyncio.Event,
    *parts: Coroutine[Any, Any, None],
    finishing: Coroutine[Any, Any, None] | None = None,
) -> None:
    """Run parts until stop is set or one of them ends; then end all.

    finishing watches stop itself: it is waited for first. The other parts are cancelled one after
    the other, in this order. The first error of a part is raised; a part that ends without one
    before stop was set raises RuntimeError.
    """
    first = [] if finishing is None else [asyncio.create_task(finishing)]
    others = [asyncio.create_task(part) for part in parts]
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait((stopping, *first, *others), return_when=asyncio.FIRST_COMPLETED)
    was_asked = stop.is_set()
    ended = [task for task in (*first, *others) if task.done()]
    stop.set()
    await asyncio.wait((stopping, *first))
    for task in others:
        task.cancel()
        await asyncio.wait((task,))
    for task in (*ended, *first, *others):
        if not task.cancelled():
            task.result()
    if not was_asked:
        raise RuntimeError(f"{ended[0].get_coro()} has ended")


def end_process() -> NoReturn:
    """End with exit code 0, now that everything is answered, written and closed.

    Without the interpreter's own ending: the HTTP server's native threads may still let go of the
    last request's objects then, and a thread that asks a finalizing interpreter (before 3.14) for
    its lock is unwound through Rust frames, which aborts the process (seen: 8 of 120 endings under
    load). https://github.com/python/cpython/issues/87135
    """
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def _read(settings: type[S]) -> S:
    prefix = settings.model_config.get("env_prefix", "")
    try:
        return settings()
    except ValidationError as error:
        faults = [
            f"{_variable(prefix, fault['loc'])}{fault['msg']}"
            for fault in error.errors(include_url=False, include_input=False)
        ]
        raise ExpectedError(f"settings are missing or wrong: {'; '.join(faults)}") from None


def _variable(prefix: str, place: tuple[int | str, ...]) -> str:
    return f"{prefix}{place[0]}: ".upper() if place else ""
