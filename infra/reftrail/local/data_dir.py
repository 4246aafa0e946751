"""The directory of a local stack: locked by the one that runs, with keys that stay the same."""

import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TextIO

import msgspec

from reftrail.contracts.errors import ExpectedError
from reftrail.hosting.private_files import make_private_directory, private
from reftrail.local.private_files import close_to_others

_ROOM: Final = 512 * 1024 * 1024


class Keys(msgspec.Struct, frozen=True):
    """The keys of one installation, made once.

    secret_key is for servers, publishable_key for browsers and apps. hash_key ("id:hex") turns
    what identifies a person into pseudonyms: with another one, earlier pseudonyms no longer match.
    codes_secret ("id:hex") makes derived codes: with another one, earlier ones are no longer known.
    """

    secret_key: str
    publishable_key: str
    hash_key: str
    codes_secret: str


@contextmanager
def locked_data_dir(path: Path, room: int = _ROOM) -> Iterator[Path]:
    """Make the directory, if need be, and hold it for one stack or broker; for its owner alone.

    room is how many bytes must be free. Raises `ExpectedError` when the directory can't be
    written to, is in use, or its disk is nearly full.
    """
    directory = path.absolute()
    with _open_lock(directory) as lock:
        _take(lock.fileno(), directory)
        close_to_others(directory)
        _check_room(directory, room)
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield directory


def keys_of(directory: Path) -> Keys:
    """The directory's keys; made at the first time, readable by the owner alone.

    Those that an earlier reftrail has made get the key that it didn't know.
    """
    path = directory / "keys.json"
    if path.exists():
        return _read_keys(path)
    keys = Keys(
        secret_key=f"sk_local_{secrets.token_urlsafe(24)}",
        publishable_key=f"pk_local_{secrets.token_urlsafe(24)}",
        hash_key=f"local1:{secrets.token_hex(32)}",
        codes_secret=_codes_secret(),
    )
    _write_keys(path, keys)
    return keys


def _read_keys(path: Path) -> Keys:
    try:
        found = msgspec.json.decode(path.read_bytes(), type=dict[str, str])
        is_earlier = "secret_key" in found and "codes_secret" not in found
        keys = msgspec.convert(
            {"codes_secret": _codes_secret()} | found if is_earlier else found, Keys
        )
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise ExpectedError(
            f"{path} cannot be read as keys ({error}); put back the file that was there, or "
            f"start on a new data directory"
        ) from error
    if is_earlier:
        beside = path.with_name("keys.json.new")
        beside.unlink(missing_ok=True)
        _write_keys(beside, keys)
        beside.replace(path)
    return keys


def _write_keys(path: Path, keys: Keys) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        out.write(msgspec.json.encode(keys))


def _codes_secret() -> str:
    return f"local1:{secrets.token_hex(32)}"


def _open_lock(directory: Path) -> TextIO:
    try:
        make_private_directory(directory)
        return open(directory / "lock", "a+", encoding="utf-8", opener=private)
    except OSError as error:
        raise ExpectedError(
            f"the data directory {directory} cannot be used: {error.strerror}; choose another "
            f"one, make room there, or change its owner or rights"
        ) from error


def _take(lock: int, directory: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        holder = (directory / "lock").read_text("utf-8").strip() or "unknown"
        raise ExpectedError(
            f"something of reftrail already runs on {directory} (pid {holder}); stop it, or "
            f"choose another directory"
        ) from error


def _check_room(directory: Path, room: int) -> None:
    free = shutil.disk_usage(directory).free
    if free < room:
        raise ExpectedError(
            f"only {free // 1024**2} MB are free on the disk of {directory}, {room // 1024**2} "
            f"are needed; make room there, or choose another directory"
        )
