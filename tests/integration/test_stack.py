"""The local stack on a real broker, with tiny hosts in place of the real ones."""

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest

from reftrail.contracts.errors import ExpectedError
from reftrail.contracts.topics import EVENTS
from reftrail.local.data_dir import keys_of, locked_data_dir
from reftrail.local.hosts import StackConfig, is_ready, url_of, worker_name
from reftrail.local.process import Command
from reftrail.local.stack import Ports, Stack, StackSettings
from reftrail.local.supervisor import Host
from reftrail.local.topics import admin

_ANSWERS_READY = """\
import http.server, sys
class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
    def log_message(self, *_): pass
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Page).serve_forever()
"""


def tiny_hosts(place: StackConfig, ports: Ports) -> list[Host]:
    named = {
        "collector": ports.collector,
        "warehouse": ports.reports,
        **{worker_name(n): port for n, port in enumerate(ports.workers, start=1)},
    }
    return [
        Host(
            name,
            Command((sys.executable, "-c", _ANSWERS_READY, str(port)), place.log(name)),
            answers=partial(is_ready, url_of(port)),
        )
        for name, port in named.items()
    ]


@dataclass
class Started:
    stack: Stack
    data_dir: Path
    said: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Started]:
    data_dir = tmp_path_factory.mktemp("stack")
    said: list[str] = []
    settings = StackSettings(data_dir, ready_file=data_dir / "given.json", workers=2, partitions=3)
    with Stack(settings, said.append, tiny_hosts) as stack:
        yield Started(stack, data_dir, said)
    assert not (data_dir / "ready.json").exists()
    assert not (data_dir / "given.json").exists()


def wait_for(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + 180
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.05)


def written(started: Started, name: str = "given.json") -> dict[str, object]:
    found: dict[str, object] = json.loads((started.data_dir / name).read_text())
    return found


def test_the_ready_files_say_where_everything_is(started: Started) -> None:
    found = written(started)
    assert found == written(started, "ready.json")
    assert is_ready(str(found["collector_url"]))
    assert is_ready(str(found["reports_url"]))
    assert found["bootstrap_servers"] == started.stack.installation.bootstrap_servers
    assert found["secret_key"] == started.stack.ready.secret_key
    assert set(started.stack.ready.pids) == {
        "broker",
        "collector",
        "warehouse",
        "worker-1",
        "worker-2",
    }


def test_the_topics_are_there_with_the_partitions_asked_for(started: Started) -> None:
    with admin(started.stack.installation) as client:
        (events,) = client.describe_topics([started.stack.installation.name_of(EVENTS)])
    assert len(events["partitions"]) == 3


def test_a_killed_host_comes_back_and_the_ready_file_knows_its_process(started: Started) -> None:
    before = started.stack.pid("worker-2")
    assert started.stack.kill("worker-2") == before
    wait_for(lambda: started.stack.ready.pids.get("worker-2", before) != before)
    started.stack.wait_until_ready()
    assert "worker-2 ended with signal SIGKILL" in started.said
    pids = written(started)["pids"]
    assert isinstance(pids, dict)
    assert pids["worker-2"] == started.stack.pid("worker-2")


def test_a_killed_broker_comes_back_where_it_was(started: Started) -> None:
    before = started.stack.pid("broker")
    os.kill(before, signal.SIGKILL)
    wait_for(lambda: started.stack.ready.pids.get("broker", before) != before)
    started.stack.wait_until_ready()
    with admin(started.stack.installation) as client:
        assert started.stack.installation.name_of(EVENTS) in client.list_topics()


def test_a_second_stack_on_the_directory_is_refused(started: Started) -> None:
    with (
        pytest.raises(
            ExpectedError, match=rf"something of reftrail already runs on .* \(pid {os.getpid()}\)"
        ),
        Stack(StackSettings(started.data_dir), print, tiny_hosts),
    ):
        pass
    assert (started.data_dir / "ready.json").exists()


def test_a_restart_keeps_keys_and_partitions(tmp_path: Path) -> None:
    with Stack(StackSettings(tmp_path, partitions=2), print, tiny_hosts) as stack:
        made = stack.ready.secret_key
    assert keys_of(tmp_path).secret_key == made
    expected = "3 workers need at least as many partitions, but there are 2; give fewer"
    with (
        pytest.raises(ExpectedError, match=expected),
        Stack(StackSettings(tmp_path, workers=3), print, tiny_hosts),
    ):
        pass


def test_a_host_that_cannot_start_ends_the_start_and_leaves_nothing(tmp_path: Path) -> None:
    def broken(place: StackConfig, ports: Ports) -> list[Host]:
        command = Command((sys.executable, "-c", "raise SystemExit('no key')"), place.log("bad"))
        return [Host("bad", command, answers=lambda: False)]

    stack = Stack(StackSettings(tmp_path), print, broken)
    with pytest.raises(ExpectedError, match=r"(?s)bad ended 3 times in a row.*no key"), stack:
        pass
    assert not (tmp_path / "ready.json").exists()
    with locked_data_dir(tmp_path):
        pass
