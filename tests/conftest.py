"""Fixtures of `tests/support` for every test, and how all of them are run."""

from support.bytecode import compile_once
from support.java import begin_quickly

pytest_plugins = [
    "support.clickhouse",
    "support.codes",
    "support.draws",
    "support.fake_collector",
    "support.garbage",
    "support.import_shares",
    "support.kafka",
    "support.order",
    "support.postgres",
    "support.profiles",
    "support.stores",
    "explore.replaying",
]

compile_once()
begin_quickly()
