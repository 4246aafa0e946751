"""Supervisor of child processes: restarts what dies or hangs, and ends them all in order."""

import signal
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from reftrail.contracts.errors import ExpectedError
from reftrail.local.process import Child, Command
from reftrail.local.process_reaper import ProcessReaper
from reftrail.local.readiness import Readiness

_LOOK_EVERY: Final = 0.05
_ASK_EVERY: Final = 1.0
_LINES_SHOWN: Final = 12


def _see_log(output: str) -> str:
    lines = [line for line in output.splitlines() if line.strip()][-_LINES_SHOWN:]
    return "the end of its log:\n" + "\n".join(f"  {line}" for line in lines)


@dataclass(frozen=True, slots=True)
class Host:
    """A process to be kept running.

    answers says whether it serves. explain turns what it wrote before it ended into what a
    person can do about it. It has grace seconds to end after SIGTERM. Without the hosts named in
    needs it can't be ready. dump_signal has it write its stacks to its log.
    """

    name: str
    command: Command
    answers: Callable[[], bool]
    explain: Callable[[str], str] = _see_log
    grace: float = 10.0
    needs: tuple[str, ...] = ()
    dump_signal: signal.Signals = signal.SIGABRT


@dataclass(frozen=True, slots=True)
class BackOff:
    """The time before a host is started again: doubled with each failure in a row.

    A host that ran for settled seconds has not failed in a row. After max_failures the
    supervisor gives up; max_first of them, if the host never answered at all.
    """

    first: float = 0.5
    longest: float = 30.0
    settled: float = 10.0
    max_failures: int = 8
    max_first: int = 3

    def delay(self, failures: int) -> float:
        """Seconds to wait after so many failures in a row, counted from 1."""
        return min(self.longest, self.first * 2.0 ** (failures - 1))


@dataclass(slots=True)
class _Kept:
    """A host and how it fares. child is None while it waits to be started again at due."""

    host: Host
    child: Child | None = None
    started: float = 0.0
    due: float = 0.0
    failures: int = 0
    has_answered: bool = False
    readiness: Readiness = field(default_factory=Readiness)


class Supervisor:
    """Keeps hosts running until it is stopped.

    say gets a line for a person whenever a host ends or is started again; changed is called
    after each start, when the processes are others than before. A thread looks after the hosts
    between start_watching() and stop(); look() does so once. failure is set when it has given up.

    A host that was ready and then isn't for hang_after seconds, with what it needs being ready, is
    killed, its stacks in its log, and restarted; 0: never. A second thread asks for that.
    """

    def __init__(
        self,
        say: Callable[[str], None],
        changed: Callable[[], None] = lambda: None,
        back_off: BackOff | None = None,
        clock: Callable[[], float] = time.monotonic,
        hang_after: float = 0.0,
    ) -> None:
        self.failure: Exception | None = None
        self._say = say
        self._changed = changed
        self._back_off = back_off or BackOff()
        self._clock = clock
        self._hang_after = hang_after
        self._kept: dict[str, _Kept] = {}
        self._lock = threading.RLock()
        self._stopping = threading.Event()
        self._reaper = ProcessReaper()
        self._watching = threading.Thread(target=self._watch, name="supervisor", daemon=True)
        self._asking = threading.Thread(target=self._ask, name="readiness", daemon=True)

    def add(self, host: Host) -> None:
        """Start a host and keep it running from now on."""
        with self._lock:
            self._kept[host.name] = _Kept(host)
            self._start(self._kept[host.name])

    def start_watching(self) -> None:
        """Look after the hosts in a thread, until stop()."""
        self._watching.start()
        if self._hang_after:
            self._asking.start()

    def look(self) -> None:
        """Notice what has ended; start again what is due."""
        with self._lock:
            for kept in self._kept.values():
                if kept.child is not None:
                    self._notice_end(kept, kept.child)
                elif self._clock() >= kept.due and self.failure is None:
                    self._start(kept)
                    self._say(f"{kept.host.name} runs again (pid {self.pid(kept.host.name)})")
                    self._changed()

    def look_for_hanging(self) -> None:
        """Ask all hosts whether they are ready, and end those that have hung for too long."""
        with self._lock:
            running = [(kept, kept.child) for kept in self._kept.values() if kept.child is not None]
        for kept, child in running:
            ready = kept.host.answers()
            with self._lock:
                if kept.child is not child or self._stopping.is_set():
                    continue  # it ended meanwhile, or ends
                needed = [self._kept[name].readiness.is_ready for name in kept.host.needs]
                now = self._clock()
                kept.readiness.note(now, ready=ready, has_what_it_needs=all(needed))
                if kept.readiness.seconds_not_ready(now) >= self._hang_after:
                    self._end_hanging(kept, child)

    def wait_until_ready(self, names: Iterable[str], timeout: float) -> None:
        """Wait until all the named hosts answer, each of them once the last one does.

        A worker that was ready isn't for a moment when another one joins its group.

        Raises `ExpectedError` when one fails again and again, or doesn't answer in so many
        seconds.
        """
        until = self._clock() + timeout
        named = [self._kept[name] for name in names]
        waiting = self._silent(named)
        while waiting:
            if self.failure is not None:
                raise self.failure
            if self._clock() > until:
                slow = ", ".join(f"{kept.host.name} ({kept.host.command.log})" for kept in waiting)
                raise ExpectedError(f"no answer within {timeout:.0f} s; see the log of: {slow}")
            time.sleep(_LOOK_EVERY)
            waiting = self._silent(waiting) or self._silent(named)

    def names(self) -> list[str]:
        """All hosts, in the order in which they were added."""
        with self._lock:
            return list(self._kept)

    def pids(self) -> dict[str, int]:
        """The processes of the hosts that run now, by name."""
        with self._lock:
            return {
                name: kept.child.pid for name, kept in self._kept.items() if kept.child is not None
            }

    def pid(self, name: str) -> int:
        """The process of a host. Raises `LookupError` if it doesn't run at the moment."""
        return self.pids()[name]

    def kill(self, name: str) -> int:
        """Kill -9 for a host and all it started; it is then treated like any that died.

        Returns the pid that it had. Raises `LookupError` if it doesn't run at the moment.
        """
        with self._lock:
            child = self._kept[name].child
            if child is None:
                raise LookupError(f"{name} does not run at the moment")
            child.kill()
            return child.pid

    def stop(self, *, last: Iterable[str] = ()) -> None:
        """End all hosts, those named as last after the others; then nothing is kept running."""
        self._stopping.set()
        if self._watching.is_alive():
            self._watching.join()
        with self._lock:
            at_the_end = [self._kept[name] for name in last if name in self._kept]
            first = [kept for kept in self._kept.values() if kept not in at_the_end]
            for group in (first, at_the_end):
                for kept in group:
                    if kept.child is not None:
                        kept.child.ask_to_end()
                for kept in group:
                    if kept.child is not None:
                        kept.child.stop(kept.host.grace)
                        kept.child = None
        self._reaper.close()

    def _watch(self) -> None:
        while not self._stopping.wait(_LOOK_EVERY) and self.failure is None:
            try:
                self.look()
            except Exception as error:  # noqa: BLE001 — handed to those who wait for the hosts
                self.failure = error

    def _ask(self) -> None:
        while not self._stopping.wait(_ASK_EVERY) and self.failure is None:
            try:
                self.look_for_hanging()
            except Exception as error:  # noqa: BLE001 — reported to those who wait for the hosts
                self.failure = error

    def _end_hanging(self, kept: _Kept, child: Child) -> None:
        self._say(
            f"{kept.host.name} has not been ready for {self._hang_after:g} s and is killed; its "
            f"stacks are in {child.log}"
        )
        child.dump_stacks(kept.host.dump_signal)
        child.kill()
        kept.readiness = Readiness()

    def _start(self, kept: _Kept) -> None:
        kept.readiness = Readiness()
        kept.child = Child(kept.host.command, self._reaper)
        kept.started = self._clock()

    def _silent(self, asked: Iterable[_Kept]) -> list[_Kept]:
        return [kept for kept in asked if not self._answers(kept)]

    def _answers(self, kept: _Kept) -> bool:
        if kept.child is not None and kept.host.answers():
            kept.has_answered = True
            return True
        return False

    def _notice_end(self, kept: _Kept, child: Child) -> None:
        code = child.exit_code()
        if code is None:
            return
        child.kill()  # what it started may still run, and hold its port
        now = self._clock()
        settled = now - kept.started >= self._back_off.settled
        kept.failures = 1 if settled else kept.failures + 1
        kept.child = None
        name, why = kept.host.name, kept.host.explain(child.output())
        allowed = self._back_off.max_failures if kept.has_answered else self._back_off.max_first
        if kept.failures >= allowed:
            self.failure = ExpectedError(
                f"{name} ended {kept.failures} times in a row, the last time with "
                f"{_manner(code)}; {why}"
            )
            return
        delay = self._back_off.delay(kept.failures)
        kept.due = now + delay
        # A killed process has nothing to explain.
        explained = "" if code < 0 else f": {why}"
        self._say(f"{name} ended with {_manner(code)}{explained}")
        self._say(f"{name} is started again in {delay:g} s")


def _manner(code: int) -> str:
    return f"exit code {code}" if code >= 0 else f"signal {signal.Signals(-code).name}"
