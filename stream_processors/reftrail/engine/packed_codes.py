"""Records of codes, packed: there are millions, and a worker is asked for few at a time."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Final
from zlib import crc32

import msgspec

from reftrail.contracts.code_spelling import canonical
from reftrail.contracts.codec import decode, encode
from reftrail.contracts.reference import CodeChanged

_PAGE: Final = 16
_RECENT: Final = 20_000

_pack: Final = msgspec.msgpack.Encoder().encode
_unpack: Final = msgspec.msgpack.Decoder(dict[str, list[bytes]]).decode


class PackedCodes:
    """The accepted record of each code, found by its registered spelling or its canonical form.

    An object for each record, or an entry of a dict for each code, would take several times the
    memory of what is in it. So pages of some codes are packed together, in buckets by checksum.
    Full pages never grow, so the memory of one is reused for another. What was looked up last is
    kept unpacked, what was in vain too; by the spelling that was looked up until the next record.
    """

    def __init__(self, buckets: int = 1 << 16) -> None:
        self._count = buckets
        self._buckets: defaultdict[int, list[bytes]] = defaultdict(list)
        self._recent: dict[str, Sequence[CodeChanged]] = {}
        self._as_spelled: dict[str, CodeChanged | None] = {}
        self._encoded: dict[str, tuple[CodeChanged, bytes]] = {}

    def put(self, record: CodeChanged, encoded: bytes | None = None) -> None:
        """Take a record in, unless there is one of that spelling with a higher revision.

        encoded is the same record as it was read, if it was.
        """
        form = canonical(record.code)
        known = self._find(form)
        same = next((code for code in known if code.code == record.code), None)
        if same is not None and same.revision > record.revision:
            return
        others = [encode(code) for code in known if code is not same]
        self._recent.pop(form, None)
        self._as_spelled.clear()
        records = [*others, encoded or encode(record)]
        if known:
            self._replace(form, records)
        else:
            self._add(form, records)

    def get(self, code: str) -> CodeChanged | None:
        """The record of a code: the one spelled so, or else the last one in another spelling."""
        try:
            return self._as_spelled[code]
        except KeyError:
            pass
        if len(self._as_spelled) >= _RECENT:
            self._as_spelled.clear()
        found = self._as_spelled[code] = self._by_form(code)
        return found

    def encoded(self, record: CodeChanged) -> bytes:
        """The message value of a record that was looked up: stages ask for it one after another."""
        known = self._encoded.get(record.code)
        if known is None or known[0] is not record:
            if len(self._encoded) >= _RECENT:
                self._encoded.clear()
            known = self._encoded[record.code] = record, encode(record)
        return known[1]

    def _by_form(self, code: str) -> CodeChanged | None:
        form = canonical(code)
        known = self._recent.get(form)
        if known is None:
            if len(self._recent) >= _RECENT:
                self._recent.clear()
            known = self._recent[form] = self._find(form)
        found: CodeChanged | None = None
        for record in known:
            if record.code == code:
                return record
            if record.code != form:
                found = record
        return found

    def _find(self, form: str) -> list[CodeChanged]:
        """The records of all spellings of a form, the last accepted one at the end."""
        text = form.encode()
        for page in self._buckets.get(self._place(text), ()):
            if text in page and (packed := _unpack(page).get(form)):
                return [_record(encoded) for encoded in packed]
        return []

    def _replace(self, form: str, records: list[bytes]) -> None:
        text = form.encode()
        pages = self._buckets[self._place(text)]
        for nth, page in enumerate(pages):
            if text in page and form in (entries := _unpack(page)):
                pages[nth] = _pack(entries | {form: records})

    def _add(self, form: str, records: list[bytes]) -> None:
        pages = self._buckets[self._place(form.encode())]
        entries = _unpack(pages[-1]) if pages else {}
        if entries and len(entries) < _PAGE:
            entries[form] = records
            pages[-1] = _pack(entries)
        else:
            pages.append(_pack({form: records}))

    def _place(self, text: bytes) -> int:
        return crc32(text) % self._count


def _record(packed: bytes) -> CodeChanged:
    record = decode(packed)
    assert isinstance(record, CodeChanged)
    return record
