"""Signals that end a command of this machine in order."""

import signal


def interrupt_on_signals() -> None:
    """Raise KeyboardInterrupt in the main thread on SIGINT, SIGTERM and SIGHUP.

    On SIGINT too: a shell has what a script starts in the background ignore it.
    """
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
