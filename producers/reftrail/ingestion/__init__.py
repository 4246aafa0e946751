"""Files of events through the collector.

Input: JSON lines or CSV, with an optional mapping. Output: events over HTTP; lines that were not
taken, with reasons, in a file. Guarantee: however often it is interrupted and run again, each line
counts once, because its event_id follows from the file's content.
"""

from reftrail.ingestion.ingest import IngestOutcome, Plan, Progress, ingest
from reftrail.ingestion.mapping import FileMapping, read_mapping

__all__ = ["FileMapping", "IngestOutcome", "Plan", "Progress", "ingest", "read_mapping"]
