"""The directory of ClickHouse in this process: held by one process, for its owner alone."""

from pathlib import Path

import pytest

from reftrail.contracts.errors import ExpectedError
from reftrail.warehouse.clickhouse import lock


def test_a_directory_is_held_once_and_read_by_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "data" / "clickhouse"
    with lock(path) as held:
        assert path.stat().st_mode & 0o777 == path.parent.stat().st_mode & 0o777 == 0o700
        assert Path(held.name).stat().st_mode & 0o777 == 0o600
        with pytest.raises(ExpectedError, match=r"another process has .* open, and only one may"):
            lock(path)
    lock(path).close()
