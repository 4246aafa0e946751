"""Packed cells of one group lie together, and are found by key as in a dict."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reftrail.engine.grouped_cells import GroupedCells

keys = st.sampled_from(["u1", "u2", "u1:w:a", "u1:w:ab", "u1:w:a:b", "u2:w:a", "u3:w:a", "ü:w:é"])
changes = st.lists(st.tuples(keys, st.none() | st.binary(min_size=1, max_size=9)), max_size=40)


@given(changes)
def test_they_are_what_a_dict_would_have(found: list[tuple[str, bytes | None]]) -> None:
    cells, expected = GroupedCells(), dict[str, bytes]()
    for key, packed in found:
        if packed is None:
            assert cells.pop(key, None) == expected.pop(key, None)
        else:
            cells[key] = expected[key] = packed
        assert len(cells) == len(expected)
    assert cells == expected
    for group in ("u1", "u2", "u3"):
        under = [key for key in expected if key.startswith(f"{group}:")]
        assert sorted(cells.under(group)) == sorted(under)


@pytest.mark.parametrize("own", [b"", b"o" * 70_000])
def test_large_groups_are_kept_too_and_shrink_again(own: bytes) -> None:
    cells = GroupedCells()
    if own:
        cells["u1"] = own
    names = [f"u1:w:{number}" for number in range(1_000)]
    for name in names:
        cells[name] = name.encode()
    assert cells.get("u1") == (own or None)
    assert sorted(cells.under("u1")) == sorted(names)
    for name in names[1:]:
        assert cells[name] == name.encode()
        del cells[name]
    assert dict(cells) == {"u1:w:0": b"u1:w:0"} | ({"u1": own} if own else {})


def test_what_is_not_there_is_none_or_a_key_error() -> None:
    cells = GroupedCells()
    cells["u1:w:ab"] = b"value with w:a in it"
    assert cells.get("u1:w:a") is None
    assert cells.get("u1") is None
    assert cells.under("u2") == []
    for key in ("u1", "u1:w:a", "u2"):
        with pytest.raises(KeyError):
            cells[key]
        with pytest.raises(KeyError):
            del cells[key]
