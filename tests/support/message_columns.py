"""Columns of message values, as the prefilter reads them in two steps."""

from collections.abc import Sequence

import polars as pl

from reftrail.engine.message_columns import columns_in, messages_of


def columns_of(
    values: Sequence[bytes | None],
    columns: Sequence[str] | None = None,
    *,
    symbols_as_numbers: bool = False,
) -> pl.DataFrame | None:
    """The same as `columns_in`, of message values. Raises `Undecodable` by the first."""
    messages = messages_of(values)
    if messages is None:
        return None
    return columns_in(messages, columns, symbols_as_numbers=symbols_as_numbers)
