"""Parts of a collector for tests of single handlers: what it writes to, and the codes it knows."""

from collections.abc import Iterable

from reftrail.code_lookup.known_codes import KnownCodes
from reftrail.collector.interfaces import Message
from reftrail.testing import code


class Written:
    """A publisher that keeps what it is given."""

    def __init__(self) -> None:
        self.messages: list[Message] = []

    async def publish(self, messages: list[Message]) -> None:
        self.messages += messages


class Known:
    """The codes that the collector knows, as `CodesReader` tells of them."""

    def __init__(self) -> None:
        codes = KnownCodes(None)
        codes.take(code("AMY"))
        codes.take(code("Eve"))
        self.spelling = codes.spelling
        self.asked: set[str] = set()

    async def know(self, codes: Iterable[str], patience: float) -> None:
        assert patience == 5
        self.asked |= {*codes}
