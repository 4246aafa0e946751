"""The allow and block lists: whom rules let pass, and whom they stop.

Input: entries by code, user, address, network, device or e-mail. Output: the topic `lists`.
Guarantee: an address, device or e-mail leaves only as the keyed hash that events carry.
"""

from reftrail.lists.entries import HASHED, ListEntry, Subject, subject_value
from reftrail.lists.keys import of_other_keys, told_of_other_keys
from reftrail.lists.topic import entries, write_entry

__all__ = [
    "HASHED",
    "ListEntry",
    "Subject",
    "entries",
    "of_other_keys",
    "subject_value",
    "told_of_other_keys",
    "write_entry",
]
