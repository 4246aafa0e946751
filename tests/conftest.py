"""Fixtures of `tests/support` for every test."""

from hypothesis import settings

pytest_plugins = ["support.clickhouse", "support.codes", "support.kafka", "support.postgres"]

# How long an example takes depends on who else is using the machine.
settings.register_profile("reftrail", deadline=None)
settings.load_profile("reftrail")
