"""Small batches for tests of the service of codes."""

import pytest

from reftrail.codes.service import batches


@pytest.fixture
def chunks_of_100(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "CHUNK", 100)
