"""Garbage collector of a process of tests: it leaves out what importing and collecting them made.

All of that lives as long as the process, and the collector looks through it again and again: 5 s of
processor time while the tests are collected, and 0.4 s each time afterwards.
"""

import gc
from collections.abc import Iterator

import pytest


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()
