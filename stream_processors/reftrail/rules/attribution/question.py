"""Input of a decision of the attribution stage."""

import msgspec

from reftrail.contracts.decisions import Converted
from reftrail.rules.attribution.state import AttributionState
from reftrail.rules.cells import Cells
from reftrail.rules.decider import Cause, Reference


class Question(msgspec.Struct, frozen=True):
    """A conversion that is decided on, and its user: their key and their state before."""

    key: str
    state: AttributionState
    cells: Cells
    record: Converted
    cause: Cause
    reference: Reference
