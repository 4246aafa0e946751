"""One worker with nothing but the touch stage."""

import sys

from faust.types import TP

from reftrail.engine.settings import WorkerSettings
from reftrail.engine.topology import TOPOLOGY
from reftrail.engine.worker import create_app, run

app = create_app(WorkerSettings(), (TOPOLOGY[0],))
take_over = app.work.take_over


async def announced(assigned: set[TP]) -> None:
    """Say when the work begins."""
    await take_over(assigned)
    print("working", flush=True)


app.work.take_over = announced  # type: ignore[method-assign]
if __name__ == "__main__":
    sys.argv = sys.argv[:1]
    run(app)
