"""Checkpoint of a file that is sent: a small file beside it, so that a later run goes on there."""

from pathlib import Path

import msgspec

from reftrail.contracts.errors import ExpectedError


class Checkpoint(msgspec.Struct, frozen=True):
    """Number of records up to which everything is answered.

    chain is the digest of those records; rejected_bytes the size of the file of rejected lines
    then.
    """

    records: int = 0
    chain: str = ""
    accepted: int = 0
    rejected: int = 0
    ignored: int = 0
    rejected_bytes: int = 0


def checkpoint_path(file: Path) -> Path:
    """Path of the checkpoint of a file."""
    return file.with_name(file.name + ".ingest.json")


def load(path: Path) -> Checkpoint:
    """The checkpoint in a file, else that of the beginning. Raises `ExpectedError`."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Checkpoint)
    except FileNotFoundError:
        return Checkpoint()
    except (OSError, msgspec.DecodeError) as error:
        raise ExpectedError(
            f"{path} does not tell how far the file was sent ({error}); --no-resume starts over, "
            f"which doubles nothing"
        ) from error


def store(path: Path, checkpoint: Checkpoint) -> None:
    """Replace the checkpoint in one step. Raises `ExpectedError` if it can't be written."""
    new = path.with_name(path.name + ".new")
    try:
        new.write_bytes(msgspec.json.encode(checkpoint))
        new.replace(path)
    except OSError as error:
        raise ExpectedError(
            f"cannot write {path}, which tells a later run where to go on: {error.strerror}"
        ) from error
