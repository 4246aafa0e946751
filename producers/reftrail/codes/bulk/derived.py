"""Derived codes by the million: computed while they are written, and kept nowhere."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import polars as pl

from reftrail.codes.bulk.files import Columns, kind_of, room_for, write_table
from reftrail.codes.formats.derived import DerivedCodes
from reftrail.codes.model import DerivedRange
from reftrail.contracts.errors import ExpectedError

COLUMNS: Final[Columns] = {"code": pl.String, "campaign_id": pl.String, "sequence": pl.Int64}


def write_derived(
    path: Path,
    issue: Callable[[], tuple[DerivedCodes, DerivedRange]],
    written: Callable[[int], None],
) -> DerivedRange:
    """Issue derived codes, and write them to a new file.

    That the file can be made is seen before they are issued. If it can't be filled after all, the
    error says how to write the same codes again. written is called with the size of each batch.
    """
    with room_for(path) as beside:
        codes, issued = issue()
        frames = _frames(codes, issued.first, issued.last, written)
        try:
            write_table(beside, kind_of(path), COLUMNS, frames)
        except (OSError, pl.exceptions.PolarsError) as error:
            raise ExpectedError(
                f"the codes are issued, but {path} cannot be written: {error}; write them with: "
                f"reftrail codes issue --format {issued.format} --again "
                f"{issued.first}-{issued.last} --out FILE"
            ) from error
    return issued


def _frames(
    codes: DerivedCodes, first: int, last: int, written: Callable[[int], None]
) -> Iterator[pl.DataFrame]:
    for batch in codes.batches(first, last):
        yield pl.DataFrame({"code": batch}, schema={"code": pl.String}).select(
            "code",
            pl.lit(codes.campaign_id).alias("campaign_id"),
            pl.int_range(first, first + len(batch), dtype=pl.Int64).alias("sequence"),
        )
        first += len(batch)
        written(len(batch))
