"""A host's process from its settings to its exit code."""

import asyncio
import logging
import os
import sys
from collections.abc import Callable, Coroutine
from typing import Any, NoReturn, TypeVar

from pydantic import ValidationError
from pydantic_settings import BaseSettings

from reftrail.contracts.errors import ExpectedError

S = TypeVar("S", bound=BaseSettings)


def run_host(settings: type[S], run: Callable[[S], Coroutine[Any, Any, None]]) -> NoReturn:
    """Run with settings from the environment; then end the process, with exit code 0.

    Settings at fault and whatever is expected to go wrong are told in a sentence, with exit code 1;
    anything unexpected by a traceback.
    """
    try:
        asyncio.run(run(_read(settings)))
    except ExpectedError as error:
        sys.exit(f"error: {error}")
    end_process()


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
