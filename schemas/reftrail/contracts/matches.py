"""Records of deferred deep links: clicks on phones, and the first openings of apps they led to."""

from enum import StrEnum

from reftrail.contracts.record import Millis, Record


class MatchKind(StrEnum):
    """The strength of a match.

    exact: the app showed the click itself, or the code that it was installed with. guess: somebody
    with the same address and kind of device clicked within the hour; it is never a touch.
    """

    EXACT = "exact"
    GUESS = "guess"


class LinkClicked(Record, frozen=True, kw_only=True):
    """A click on a phone or tablet, for guesses. event_id and event_time are the click's.

    device_hash is a keyed hash of the address, the operating system and the class of device, under
    the key hash_key_id. click_key names the click.
    """

    device_hash: str
    hash_key_id: str
    code: str
    click_key: str


class InstallMatched(Record, frozen=True, kw_only=True):
    """An app's visitor asks for a click. Of several that ask for one click the first has it.

    event_id follows from click and visitor. event_time is when it was asked, clicked_at the time of
    the click. kind is a value of `MatchKind`.
    """

    click_key: str
    visitor_id: str
    kind: str
    code: str
    clicked_at: Millis
