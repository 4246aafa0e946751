"""Entries that were made under another hash key than events are now: they never match."""

from collections.abc import Iterable

from reftrail.contracts.external_inputs import Listed
from reftrail.lists.entries import HASHED


def of_other_keys(listed: Iterable[Listed], key_id: str) -> list[Listed]:
    """The entries whose hash is known to be of another key.

    Of some it isn't known: of those that were given as a hash where no key was.
    """
    return [
        entry
        for entry in listed
        if entry.subject in HASHED and entry.hash_key_id is not None and entry.hash_key_id != key_id
    ]


def told_of_other_keys(listed: Iterable[Listed], key_id: str) -> str | None:
    """Advice about the keys to a person; None if there is none."""
    others = of_other_keys(listed, key_id)
    if not others:
        return None
    keys = ", ".join(sorted({str(entry.hash_key_id) for entry in others}))
    entries = "1 entry was" if len(others) == 1 else f"{len(others)} entries were"
    return (
        f"{entries} made under another hash key ({keys}) than the one given here ({key_id}): no "
        f"event that is hashed under {key_id} matches. Add what it stood for again, and take the "
        f"old one off: reftrail lists remove SUBJECT HASH --hashed"
    )
