"""Links that people share, and their QR codes."""

from io import BytesIO
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, parse_qsl, quote, urlencode, urlsplit, urlunsplit

import segno

from reftrail.contracts.errors import ExpectedError

LONGEST_PAGE: Final = 1_500
"""Characters: with the code still what a QR code holds."""
_PIXELS: Final = 8
"""To a module; at the usual 29 to 37 modules a picture is about 300 pixels wide."""
_QUIET_ZONE: Final = 4
"""Modules of margin; ISO/IEC 18004 asks for 4, without which readers fail beside other print."""
_SUFFIXES: Final = (".png", ".svg")


def landing_link(page: str, code: str) -> str:
    """A page of one's own with ?ref=CODE; another ref in it is replaced.

    Raises `ExpectedError` if the page isn't an absolute http or https address.
    """
    parts = _parts(page)
    query = [pair for pair in parse_qsl(parts.query, keep_blank_values=True) if pair[0] != "ref"]
    return urlunsplit(parts._replace(query=urlencode([*query, ("ref", code)])))


def _parts(page: str) -> SplitResult:
    example = "give one like https://shop.example/start"
    if len(page) > LONGEST_PAGE:
        raise ExpectedError(f"the address has {len(page)} characters, {LONGEST_PAGE} at most do")
    try:
        parts = urlsplit(page)
    except ValueError:
        parts = None
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname:
        raise ExpectedError(f"{page!r} is not an address; {example}")
    return parts


def redirect_link(collector_url: str, code: str) -> str:
    """The collector's own link, which counts the click itself and leads on to the landing page."""
    return f"{collector_url.rstrip('/')}/r/{quote(code, safe='')}"


def check_picture(path: Path) -> None:
    """Raises `ExpectedError` if the suffix is not one of a picture that can be written."""
    if path.suffix.lower() not in _SUFFIXES:
        raise ExpectedError(f"{path}: the name must end with .png or .svg")


def drawn_qr(link: str, kind: str) -> bytes:
    """A link as a QR code, kind being png or svg.

    Of error correction level M: a seventh of it may be soiled.
    """
    drawn = BytesIO()
    segno.make_qr(link, error="m").save(drawn, kind=kind, scale=_PIXELS, border=_QUIET_ZONE)
    return drawn.getvalue()


def write_qr(link: str, path: Path) -> None:
    """A link as a QR code, PNG or SVG by the suffix; a file that is there is replaced.

    Raises `ExpectedError` if the file can't be written.
    """
    check_picture(path)
    try:
        path.write_bytes(drawn_qr(link, path.suffix[1:].lower()))
    except OSError as error:
        raise ExpectedError(f"cannot write {path}: {error.strerror}") from error
