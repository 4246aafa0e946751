"""Fixtures of `tests/support` for every test."""

pytest_plugins = ["support.clickhouse", "support.kafka"]
