"""Fixtures of `tests/support` for every test, and how all of them are run."""

from hypothesis import settings
from support.bytecode import compile_once
from support.java import begin_quickly

pytest_plugins = [
    "support.clickhouse",
    "support.codes",
    "support.kafka",
    "support.order",
    "support.postgres",
]

compile_once()
begin_quickly()

# How long an example takes depends on who else is using the machine.
settings.register_profile("reftrail", deadline=None)
settings.load_profile("reftrail")
