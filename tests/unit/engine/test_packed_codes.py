"""Records of codes in little memory."""

import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from reftrail.contracts.code_spelling import canonical
from reftrail.contracts.codec import encode
from reftrail.contracts.reference import CodeChanged
from reftrail.engine.packed_codes import PackedCodes
from reftrail.testing import code

SPELLINGS = ("AMY", "Amy", "amy", "BOB", "bob", "A", "AM", "AMYBOB")


class PlainCodes:
    """The same with an object for each record."""

    def __init__(self) -> None:
        self._codes: dict[str, CodeChanged] = {}
        self._spellings: dict[str, CodeChanged] = {}

    def put(self, record: CodeChanged) -> None:
        known = self._codes.get(record.code)
        if known is None or known.revision <= record.revision:
            self._codes[record.code] = record
            if (form := canonical(record.code)) != record.code:
                self._spellings[form] = record

    def get(self, text: str) -> CodeChanged | None:
        return self._codes.get(text) or self._spellings.get(canonical(text))


_PUTS = st.tuples(st.sampled_from(SPELLINGS), st.integers(0, 3), st.sampled_from(["eve", None]))


@given(st.lists(st.one_of(st.sampled_from(SPELLINGS), _PUTS), max_size=40))
def test_packed_records_are_found_as_plain_ones_are(
    steps: list[str | tuple[str, int, str | None]],
) -> None:
    packed, plain = PackedCodes(), PlainCodes()
    for step in steps:
        if isinstance(step, str):
            assert packed.get(step) == plain.get(step)
        else:
            text, revision, owner = step
            record = code(text, revision=revision, owner=owner)
            packed.put(record, encode(record) if revision % 2 else None)
            plain.put(record)
    assert [packed.get(text) for text in SPELLINGS] == [plain.get(text) for text in SPELLINGS]


def test_a_code_is_found_among_very_many_in_few_bytes() -> None:
    count, packed = 10_000, PackedCodes(buckets=100)
    tracemalloc.start()
    for n in range(count):
        packed.put(code(f"CODE{n}", owner=f"owner-{n}"))
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size / count < 200
    for n in (0, 1, count // 2, count - 1):
        found = packed.get(f"CODE{n}")
        assert found is not None
        assert found.owner_user_id == f"owner-{n}"
    assert packed.get(f"CODE{count}") is None
