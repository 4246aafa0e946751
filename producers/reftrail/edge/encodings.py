"""Compressed bodies, unpacked up to a limit: gzip (RFC 1952) and zstd (RFC 8878)."""

import sys
import zlib
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

__all__ = ["ENCODINGS", "TooLarge", "unpacked", "zstd"]

_GZIP: Final = 16 + zlib.MAX_WBITS
_LARGEST_WINDOW: Final = 23
"""As RFC 9659 has it for the content coding zstd: 8 MiB. A larger one costs its memory at once."""

_MOST_PARTS: Final = 64
"""Members of gzip, or frames of zstd. Each makes a decompressor and a copy of the rest: a body of
131,072 empty ones kept a collector busy for 13 seconds."""


class TooLarge(Exception):  # noqa: N818  named after what it says
    """What a body holds is larger than the limit; no more of it was unpacked."""


def unpacked(body: bytes, encoding: str, limit: int) -> bytes:
    """The content of a body. Raises ValueError for what isn't so encoded, `TooLarge`, KeyError."""
    make = _DECOMPRESSORS[encoding]
    content = bytearray()
    for _ in range(_MOST_PARTS):
        decompressor = make()
        try:
            content += decompressor.decompress(body, limit + 1 - len(content))
        except (zlib.error, zstd.ZstdError) as error:
            raise ValueError(f"the body isn't {encoding}: {error}") from error
        if len(content) > limit:
            raise TooLarge
        if not decompressor.eof:
            raise ValueError(f"the body ends in the middle of its {encoding}")
        body = decompressor.unused_data
        if not body:
            return bytes(content)
    raise ValueError(f"the body has more than {_MOST_PARTS} parts of {encoding}; send it as one")


def _zstd() -> Any:
    return zstd.ZstdDecompressor(
        options={zstd.DecompressionParameter.window_log_max: _LARGEST_WINDOW}
    )


_DECOMPRESSORS: Final[Mapping[str, Callable[[], Any]]] = MappingProxyType(
    {"gzip": lambda: zlib.decompressobj(_GZIP), "zstd": _zstd}
)
ENCODINGS: Final = tuple(_DECOMPRESSORS)
