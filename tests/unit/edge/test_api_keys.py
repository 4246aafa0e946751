"""API keys and their kinds."""

import pytest

from reftrail.contracts.errors import ExpectedError
from reftrail.contracts.events import KeyKind
from reftrail.edge.api_keys import keys


def test_keys_have_kinds() -> None:
    known = keys(["s1", "s2"], ["p1"])
    assert known.kind_of("Bearer s2") is KeyKind.SECRET
    assert known.kind_of("bearer  p1 ") is KeyKind.PUBLISHABLE
    for other in (None, "", "s1", "Basic s1", "Bearer", "Bearer ", "Bearer s", "Bearer \udcff"):
        assert known.kind_of(other) is None
    with pytest.raises(ExpectedError, match="no API key"):
        keys([], [])
    with pytest.raises(ExpectedError, match="both"):
        keys(["x"], ["x"])
