"""Process of a host, from its settings to its exit code."""

import asyncio
import logging
import os
import signal
import sys
import threading
import traceback
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
    loop_factory: Callable[[], asyncio.AbstractEventLoop] | None = None,
) -> NoReturn:
    """Run with settings from the environment, log to stderr, and end the process with exit code 0.

    loop_factory makes another event loop than asyncio's own.

    quiet names libraries with the level from which their messages are logged. Faults in settings
    and other `ExpectedError`s end the process with a sentence and exit code 1; anything unexpected
    with a traceback.
    """
    logging.basicConfig(level=logging.INFO, format=_LOG_FORMAT)
    for library, level in (quiet or {}).items():
        logging.getLogger(library).setLevel(level)
    code = 1
    try:
        with asyncio.Runner(loop_factory=loop_factory) as runner:
            runner.run(run(settings_from_environment(settings)))
        code = 0
    except ExpectedError as error:
        sys.stderr.write(f"error: {error}\n")
    except Exception:  # noqa: BLE001 - the process ends with it
        traceback.print_exc()
    end_process(code)


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


async def run_in_thread(loop: Callable[[threading.Event], None], stop: asyncio.Event) -> None:
    """Run a loop that blocks in a thread of its own, until stop is set or it ends by itself.

    The loop gets an event of its thread and ends once that is set. Raises what the loop raises.
    """
    ending = threading.Event()
    running = asyncio.create_task(asyncio.to_thread(loop, ending))
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait((running, stopping), return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    ending.set()
    await running


def end_process(code: int) -> NoReturn:
    """End with an exit code, now that everything is answered, written and closed.

    Without the interpreter's own ending, in which threads that are still at work abort the process:
    native ones that ask a finalizing interpreter (before 3.14) for its lock are unwound through
    their frames. https://github.com/python/cpython/issues/87135. Those of Kafka's clients may be
    writing to stderr (seen: once, of a refusal).
    """
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def settings_from_environment(settings: type[S]) -> S:
    """Settings of the environment. Raises `ExpectedError`, with the variables that are wrong."""
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
