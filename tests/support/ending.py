"""The end of tools that run for minutes and leave nothing to put in order."""

import signal


def end_at_once_on_sigint() -> None:
    """End the process on SIGINT, as SIGTERM does, whatever its threads are doing.

    Also where a script started it in the background, with SIGINT ignored. The processes that it
    holds end with it.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)
