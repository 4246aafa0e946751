"""Forwarding."""

from reftrail.engine.reference import ReferenceTables
from reftrail.rules.decider import Cause
from reftrail.rules.forwarding import Forwarder
from reftrail.testing import granted


def test_a_record_is_passed_on_as_it_is() -> None:
    record = granted("referee", "AMY").record()
    forwarder = Forwarder()
    (passed,) = forwarder.decide((), record, Cause("reviews", 0, 7), ReferenceTables())
    assert passed is record
    assert forwarder.evolve((), passed) == ()
