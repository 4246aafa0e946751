"""Value of a touch on another device, by who says that it is the user's."""

from reftrail.contracts.conversions import ConversionKind, Converted
from reftrail.rules.attribution.user_action import UserAction


def is_by_page(record: Converted) -> bool:
    """Whether a touch is the user's by the word of a page or app, under a publishable key."""
    return record.kind == ConversionKind.IDENTIFIED_BY_PAGE


def shows_same(identified: Converted, signup: UserAction) -> bool:
    """Whether a page's word is borne out by the signup: the same ip address, or device.

    A publishable key's address is that of its connection. A server's word needs no such evidence.
    """
    if not is_by_page(identified):
        return True
    pairs = (
        (identified.ip_hash, signup.ip_hash),
        (identified.device_hash, signup.device_hash),
    )
    return any(shown is not None and shown == known for shown, known in pairs)
