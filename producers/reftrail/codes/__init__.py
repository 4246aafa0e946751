"""Codes: who registers them, and how they stand.

Input: calls and CSV files. Output: the topic `codes`. Guarantee: a code belongs to one campaign and
owner; registering the same again writes nothing, registering something else under it is refused.
"""

from reftrail.codes.file import read_codes
from reftrail.codes.registration import (
    NewCode,
    Registered,
    find_code,
    register_codes,
    revoke_code,
)

__all__ = ["NewCode", "Registered", "find_code", "read_codes", "register_codes", "revoke_code"]
