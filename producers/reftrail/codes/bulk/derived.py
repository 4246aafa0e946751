"""Derived codes by the million: computed while they are written, and kept nowhere."""

from collections.abc import Callable, Iterator
from typing import Final

import polars as pl

from reftrail.codes.bulk.files import Columns
from reftrail.codes.derived import DerivedCodes

COLUMNS: Final[Columns] = {"code": pl.String, "campaign_id": pl.String, "sequence": pl.Int64}


def derived_frames(
    codes: DerivedCodes, first: int, last: int, written: Callable[[int], None]
) -> Iterator[pl.DataFrame]:
    """The codes from first to last, in order, a batch at a time.

    written is called with the size of each batch once it has been taken.
    """
    for batch in codes.batches(first, last):
        yield pl.DataFrame({"code": batch}, schema={"code": pl.String}).select(
            "code",
            pl.lit(codes.campaign_id).alias("campaign_id"),
            pl.int_range(first, first + len(batch), dtype=pl.Int64).alias("sequence"),
        )
        first += len(batch)
        written(len(batch))
