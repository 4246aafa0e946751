"""The worker's settings."""

from typing import Annotated

from pydantic import Field

from reftrail.contracts.installation import Installation


class WorkerSettings(Installation):
    """Read from REFTRAIL_* variables.

    group is the consumer group, and part of every transactional id: workers of one installation
    share it. A batch has at most max_batch records, so that a worker never works on one for so
    long that it misses its heartbeats; while records keep coming, a batch gathers for
    gather_ms. A worker that is gone for session_timeout_seconds loses its partitions.
    """

    group: str = "reftrail"
    worker_web_host: str = "127.0.0.1"
    worker_web_port: Annotated[int, Field(ge=0, le=65535)] = 6066
    max_batch: Annotated[int, Field(ge=1)] = 20_000
    gather_ms: Annotated[float, Field(ge=0)] = 5.0
    idle_commit_seconds: Annotated[float, Field(gt=0)] = 0.5
    session_timeout_seconds: Annotated[float, Field(ge=1)] = 6.0
    sieve: bool = True
