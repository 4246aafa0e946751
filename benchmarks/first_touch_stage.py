"""One worker with nothing but the touch stage."""

import sys

from reftrail.engine.settings import WorkerSettings
from reftrail.engine.topology import TOPOLOGY
from reftrail.engine.worker import create_app, run

app = create_app(WorkerSettings(), (TOPOLOGY[0],))
announced = False


@app.timer(interval=0.05)  # type: ignore[untyped-decorator]
async def announce() -> None:
    """Say when the work begins."""
    global announced  # noqa: PLW0603 - there is one worker in this process
    if app.work.is_ready and not announced:
        announced = True
        print("working", flush=True)


if __name__ == "__main__":
    sys.argv = sys.argv[:1]
    run(app)
