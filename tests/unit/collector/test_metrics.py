"""The collector's metrics."""

from reftrail.collector.metrics import CollectorMetrics
from reftrail.edge.rejections import Rejection


def test_made_up_field_names_are_one_label() -> None:
    metrics = CollectorMetrics()
    metrics.count_rejected([Rejection(0, f"/made-up-{n}", "") for n in range(50)])
    metrics.count_rejected([Rejection(0, "/amount", ""), Rejection(1, "", "")])
    text = metrics.exposition().decode()
    assert 'rejected_total{field="unknown"} 50.0' in text
    assert 'rejected_total{field="amount"} 1.0' in text
    assert 'rejected_total{field="event"} 1.0' in text
    assert "made-up" not in text
