"""Files of events through the collector.

Input: JSON lines or CSV, with an optional mapping. Output: events over HTTP; lines that were not
taken, with reasons, in a file. Guarantee: however often it is interrupted and run again, each line
counts once, because its event_id follows from the file's content.
"""

from reftrail.ingestion.ingest import IngestOutcome, IngestProgress, Plan, ingest
from reftrail.ingestion.mapping import FileMapping, read_mapping

__all__ = ["FileMapping", "IngestOutcome", "IngestProgress", "Plan", "ingest", "read_mapping"]
