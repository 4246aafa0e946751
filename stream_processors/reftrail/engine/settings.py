"""The worker's settings."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from reftrail.contracts.installation import Installation
from reftrail.contracts.record import DAY, Millis
from reftrail.contracts.setting_types import PauseMillis, PauseSeconds, TimeoutSeconds
from reftrail.rules.attribution.bounds import DEFAULT, LARGEST_ROUTE, MOST_STEPS_SET, Bounds


class WorkerSettings(Installation):
    """Read from REFTRAIL_* variables.

    group is the consumer group that shares the partitions out; by default it is named after the
    prefix, as transactional ids are. The positions of the stages are in their changelogs; the
    group's offsets are for tools. Where messages were lost that a stage still had to read, or had
    read already, a worker refuses to start, unless accept_lost_records lets it go on with what is
    there. A batch has at most about max_batch records, so that a worker never works on one for
    so long that it misses its heartbeats. What no stage and nobody who fulfils rewards waits for
    is committed together with what they do wait for, or after linger_ms. While records keep
    coming, they gather for as long as the last commit took, but for at least gather_ms: the busier
    the broker, the fewer and larger transactions it is given. With nothing to write, the positions
    alone are committed after idle_commit_seconds. A worker that is gone for
    session_timeout_seconds loses its partitions; one that is to stop and can't finish within
    stop_seconds ends anyway. Ticks are written every tick_seconds by one of the
    workers; 0: by none. A purchase or refund waits for its user's signup for signup_wait_days from
    its receipt, then it is a dead letter. After merges of users, claims go through at most
    worker_most_ended_referrals in at most worker_most_referral_steps; what is beyond is a dead
    letter. All workers of an installation need the same values of these three.
    Each partition's state is kept up to date by so many standbys beside its owner, as far as there
    are workers; the worker that leads the group counts them.

    worker_store says where state is. In RocksDB it is in worker_state_dir, where each worker of the
    host takes a directory of its own, and takes worker_store_memory_mb of memory for all partitions
    together.
    """

    group: str = Field(default_factory=lambda given: f"{given['topic_prefix']}workers")
    accept_lost_records: bool = False
    worker_web_host: str = "127.0.0.1"
    worker_web_port: Annotated[int, Field(ge=0, le=65535)] = 6066
    max_batch: Annotated[int, Field(ge=1)] = 20_000
    linger_ms: PauseMillis = 100.0
    gather_ms: PauseMillis = 5.0
    idle_commit_seconds: TimeoutSeconds = 0.5
    session_timeout_seconds: Annotated[TimeoutSeconds, Field(ge=1, le=1800)] = 6.0
    stop_seconds: TimeoutSeconds = 10.0
    tick_seconds: PauseSeconds = 5.0
    signup_wait_days: Annotated[float, Field(gt=0, le=90)] = 30
    worker_most_ended_referrals: Annotated[int, Field(ge=1, le=LARGEST_ROUTE)] = DEFAULT.most_ended
    worker_most_referral_steps: Annotated[int, Field(ge=1, le=MOST_STEPS_SET)] = DEFAULT.most_steps
    sieve: bool = True
    standbys: Annotated[int, Field(ge=0)] = 0
    worker_store: Literal["memory", "rocksdb"] = "memory"
    worker_state_dir: Path = Path("worker-state")
    worker_store_memory_mb: Annotated[int, Field(ge=8)] = 256

    @property
    def signup_wait(self) -> Millis:
        """signup_wait_days in milliseconds."""
        return round(self.signup_wait_days * DAY)

    @property
    def bounds(self) -> Bounds:
        """The bounds of a decision about merged users."""
        return Bounds(self.worker_most_ended_referrals, self.worker_most_referral_steps)
