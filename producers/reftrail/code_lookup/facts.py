"""Facts about a code, as events carry them."""

from collections.abc import Callable
from typing import Final, NamedTuple, TypeAlias

from reftrail.contracts.events import CodeEvidence


class CodeFacts(NamedTuple):
    """Facts about a code: from its record, or, where there is none, from its symbols.

    code is how events write it: in its registered spelling, or as its format does; None: in its
    canonical form. known and evidence are what events say of it (`contracts.events.Event`).
    """

    campaign_id: str | None = None
    category: str | None = None
    channel: str | None = None
    code: str | None = None
    known: bool | None = True
    evidence: CodeEvidence | None = None


UNKNOWN: Final = CodeFacts(known=False)
NOT_LOOKED_UP: Final = CodeFacts(known=None)

CodeLookup: TypeAlias = Callable[[str], CodeFacts | None]
"""The lookup of a code; None means that nobody knows the code."""
