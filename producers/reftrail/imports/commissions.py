"""Files of other programmes' commissions: their APIs' answers in JSON, or CSV exports."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

import msgspec

from reftrail.contracts.errors import ExpectedError
from reftrail.imports.api_answers import answered
from reftrail.imports.columns import ColumnMapping, known_columns
from reftrail.imports.commission import Commission, NotCash, Programme, Unreadable
from reftrail.imports.csv_amounts import doubts
from reftrail.imports.csv_exports import commission_of, is_csv, parts_of, read_table

_Element = TypeVar("_Element")
_JSON_STARTS: Final = (b"[", b"{")


class Fault(NamedTuple):
    """A part of the file that isn't imported: its number from 1, its id, and why.

    counted says what has the number: an element of the answers, or a row of a table.
    """

    number: int
    commission_id: str
    why: str
    counted: str = "element"


class Found(NamedTuple):
    """The content of a file; left_out are commissions that aren't cash, counted by their unit.

    notes say what in it is read, and looks wrong.
    """

    commissions: list[Commission]
    faults: list[Fault]
    left_out: dict[str, int]
    notes: tuple[str, ...] = ()


def read_commissions(
    programme: Programme,
    path: Path,
    currency: str | None = None,
    columns: ColumnMapping | None = None,
) -> Found:
    """The commissions in a file, what in it isn't one, and what isn't money.

    currency is that of commissions that name none, columns the mapping of a CSV export. Raises
    `ExpectedError` for a file that can't be read.
    """
    try:
        text = path.read_bytes()
    except OSError as error:
        raise ExpectedError(f"{path} can't be read: {error.strerror}") from error
    if not text.strip(b"\xef\xbb\xbf \t\r\n"):
        raise ExpectedError(
            f"{path} is empty; give the answers of the programme's list of commissions, which is "
            f"[] where there are none, or a CSV export, which has its titles even then"
        )
    if columns is not None or is_csv(path, text):
        return _rows(programme, path, text, currency, columns)

    def read(element: Mapping[str, Any]) -> Commission:
        return answered(programme, element, currency)

    elements = (found if isinstance(found, Mapping) else {} for found in _elements(path, text))
    numbered = ((number, found, found.get("id")) for number, found in enumerate(elements, 1))
    return _found(numbered, read, "element")


def _rows(
    programme: Programme,
    path: Path,
    text: bytes,
    currency: str | None,
    columns: ColumnMapping | None,
) -> Found:
    if text.lstrip().startswith(_JSON_STARTS):
        raise ExpectedError(f"{path} is JSON; --columns is for CSV exports, leave it out")
    table = read_table(path, text, columns)
    mapping = columns or known_columns(programme, lambda title: table.place_of(title) is not None)
    if mapping is None:
        raise ExpectedError(
            f"{path} is a CSV file, and {programme} doesn't document the columns of its exports: "
            f"say with --columns COLUMNS.toml what they are (examples/imports has an example), or "
            f"give the answers of its API's list of commissions; the file's columns are "
            f"{', '.join(table.titles)}"
        )

    def read(values: Mapping[str, str]) -> Commission:
        return commission_of(values, mapping, currency)

    rows = list(parts_of(table, mapping, currency))
    title = mapping.columns.id
    found = _found(((number, values, values[title]) for number, values in rows), read, "row")
    amounts = [values[mapping.columns.amount] for _, values in rows]
    return found._replace(notes=tuple(doubts(amounts, mapping.amounts)))


def _found(
    numbered: Iterable[tuple[int, _Element, Any]],
    read: Callable[[_Element], Commission],
    counted: str,
) -> Found:
    """What a file's elements are; numbered are these with their numbers and ids."""
    commissions: dict[str, Commission] = {}
    numbers: dict[str, int] = {}
    faults: list[Fault] = []
    left_out: Counter[str] = Counter()
    for number, element, its_id in numbered:
        try:
            commission = read(element)
            first = numbers.setdefault(commission.commission_id, number)
            if first != number:
                raise Unreadable(f"it is in the file twice, first as {counted} {first}")  # noqa: TRY301
        except NotCash as unit:
            left_out[str(unit)] += 1
        except Unreadable as error:
            faults.append(Fault(number, str(its_id or ""), str(error), counted))
        else:
            commissions[commission.commission_id] = commission
    return Found(list(commissions.values()), faults, dict(left_out))


def _elements(path: Path, text: bytes) -> Iterator[Any]:
    """The commissions of an array, of `{"data": [...]}`, or of one such answer a line."""
    for answer in _answers(path, text):
        inside = answer.get("data", answer) if isinstance(answer, dict) else answer
        yield from inside if isinstance(inside, list) else [inside]


def _answers(path: Path, text: bytes) -> list[Any]:
    """The answers in a text: one a line, or else one in all. Raises `ExpectedError`."""
    lines = [line for line in text.splitlines() if line.strip()]
    try:
        return list(msgspec.json.decode(b"[" + b",".join(lines) + b"]", type=list[Any]))
    except RecursionError as error:
        raise _too_deep(path) from error
    except msgspec.DecodeError:
        pass
    try:
        return [msgspec.json.decode(text)]
    except RecursionError as error:
        raise _too_deep(path) from error
    except msgspec.DecodeError as error:
        raise ExpectedError(
            f"{path} is no JSON: {error}; give the answers of the programme's list of commissions"
        ) from error


def _too_deep(path: Path) -> ExpectedError:
    return ExpectedError(
        f"{path} is nested too deep; give the answers of the programme's list of commissions"
    )
