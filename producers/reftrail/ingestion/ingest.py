"""Sends a file batch by batch, and remembers how far it got."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Literal, NamedTuple, TypeAlias

import msgspec

from reftrail.client import Event, Receipt
from reftrail.contracts.errors import ExpectedError
from reftrail.hosting.private_files import private
from reftrail.ingestion.checkpoint import Checkpoint, checkpoint_path, load, store
from reftrail.ingestion.lines import Line, format_of, read_lines
from reftrail.ingestion.mapping import FileMapping, Unmapped

Send: TypeAlias = Callable[[Sequence[Event]], Receipt]


@dataclass(frozen=True, slots=True)
class Plan:
    """The file to send, and the manner.

    Without a mapping the columns are called like an event's fields.
    """

    file: Path
    rejected: Path
    mapping: FileMapping | None = None
    batch: int = 500
    resume: bool = True


class IngestProgress(NamedTuple):
    """Progress in bytes of the file, and in lines since its beginning."""

    bytes: int
    accepted: int
    rejected: int


@dataclass(frozen=True, slots=True)
class IngestOutcome:
    """The outcome of a file's records; resumed_at counts those that an earlier run had sent."""

    accepted: int
    rejected: int
    ignored: int
    resumed_at: int


class _Reject(msgspec.Struct, frozen=True):
    """A line in the file of rejected lines."""

    line: int
    pointer: str
    reason: str
    content: Any


def ingest(plan: Plan, send: Send, on_progress: Callable[[IngestProgress], None]) -> IngestOutcome:
    """Send a file to its end. send returns what became of events, in their order.

    After each batch the rejected lines and then the checkpoint are on disk; at the end the
    checkpoint is removed. Interrupted, or ended by an error of send, it can be called again.
    Raises `ExpectedError` if a file can't be read or written, or has changed since.
    """
    path = checkpoint_path(plan.file)
    begin = load(path) if plan.resume else Checkpoint()
    with _opened(plan.file) as file, _rejects(plan.rejected, begin.rejected_bytes) as rejects:
        lines = _after(begin, _lines(plan, file), plan.file)
        done = begin
        while batch := list(islice(lines, plan.batch)):
            done = _sent(done, batch, plan, send, rejects)
            store(path, done)
            on_progress(IngestProgress(batch[-1].end, done.accepted, done.rejected))
    path.unlink(missing_ok=True)
    if done.rejected == 0:
        plan.rejected.unlink(missing_ok=True)
    return IngestOutcome(done.accepted, done.rejected, done.ignored, begin.records)


def _lines(plan: Plan, file: BinaryIO) -> Iterator[Line]:
    if plan.mapping is None:
        return read_lines(file, format_of(plan.file))
    written = plan.mapping.csv
    return read_lines(file, format_of(plan.file, written.delimiter, written.encoding))


def _after(begin: Checkpoint, lines: Iterator[Line], file: Path) -> Iterator[Line]:
    """The lines after those that were sent, which must be what they were."""
    chain = ""
    for line in islice(lines, begin.records):
        chain = line.chain.hex()
    if chain != begin.chain:
        raise ExpectedError(
            f"{file} is not what it was when its first {begin.records} records were sent; "
            f"send the rest as a file of its own, or all of it with --no-resume"
        )
    return lines


def _sent(
    done: Checkpoint, batch: Sequence[Line], plan: Plan, send: Send, rejects: BinaryIO
) -> Checkpoint:
    """Send a batch, write down what was rejected, and tell how far that is."""
    events: list[Event] = []
    origins: list[Line] = []
    faults: list[_Reject] = []
    for line in batch:
        try:
            event = _event(line, plan.mapping)
        except Unmapped as error:
            faults.append(_Reject(line.number, error.pointer, str(error), line.content))
            continue
        if event is not None:
            events.append(event)
            origins.append(line)
    receipt = send(events) if events else Receipt()
    for rejected in receipt.rejected:
        line = origins[rejected.index]
        faults.append(_Reject(line.number, rejected.pointer, rejected.reason, line.content))
    faults.sort(key=lambda fault: fault.line)
    rejects.writelines(msgspec.json.encode(fault) + b"\n" for fault in faults)
    rejects.flush()
    return Checkpoint(
        records=done.records + len(batch),
        chain=batch[-1].chain.hex(),
        accepted=done.accepted + receipt.accepted,
        rejected=done.rejected + len(faults),
        ignored=done.ignored + len(batch) - receipt.accepted - len(faults),
        rejected_bytes=rejects.tell(),
    )


def _event(line: Line, mapping: FileMapping | None) -> Event | None:
    """The event in a line, with an id; None if the mapping leaves it out. Raises `Unmapped`."""
    if isinstance(line.content, str):
        raise Unmapped("", line.content)
    event = _unmapped(line.content) if mapping is None else mapping.event(line.content)
    if event is None or event.get("event_id") is not None:
        return event
    return {**event, "event_id": line.event_id}


def _unmapped(record: dict[str, Any]) -> dict[str, Any]:
    """A record whose names are those of the fields; in CSV, properties are JSON in a cell."""
    properties = record.get("properties")
    if not isinstance(properties, str):
        return record
    try:
        return {**record, "properties": msgspec.json.decode(properties)}
    except (msgspec.DecodeError, RecursionError) as error:
        raise Unmapped("/properties", f"is not JSON: {error}") from error


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    try:
        file = path.open("rb")
    except OSError as error:
        raise ExpectedError(f"cannot read {path}: {error.strerror}") from error
    with file:
        yield file


@contextmanager
def _rejects(path: Path, size: int) -> Iterator[BinaryIO]:
    """The file of rejected lines, cut to what it was at the checkpoint.

    Readable by its owner alone: lines have addresses and e-mails, as no topic has them.
    """
    try:
        mode: Literal["r+b", "wb"] = "r+b" if size and path.exists() else "wb"
        file = open(path, mode, opener=private)  # noqa: SIM115  closed below
        file.truncate(size)
        file.seek(size)
    except OSError as error:
        raise ExpectedError(
            f"cannot write {path} for the rejected lines: {error.strerror}; choose another "
            f"with --rejected"
        ) from error
    with file:
        yield file
