"""Pages that Chromium renders ahead of a click, by speculation rules.

Chromium renders nothing ahead under a debugger, so none is attached here: pages tell the shop what
they see, and the shop tells them when to go on.
"""

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route
from support.metrics import wait_until

from browser.conftest import AGENT, OF_SHOP, chromium
from browser.shop import RunningShop, running_shop
from examples.shop.server import SDK
from reftrail.contracts.events import Click, View
from reftrail.local.held_process import HeldProcess

START = """<!doctype html><title>Start</title>
<script type="speculationrules">
{"prerender": [{"source": "list", "urls": ["/ahead?ref=AMY"], "eagerness": "immediate"}]}
</script>
<script>
const ask = async () => {
  const next = await (await fetch('/next')).text()
  if (next) location = next
  else setTimeout(ask, 100)
}
ask()
</script>"""
AHEAD = """<!doctype html><title>Ahead</title>
<script src="/sdk.js" data-endpoint="%s" data-key="pk"></script>
<script>
const say = (word) => fetch('/said/' + word)
addEventListener('load', () => say(document.prerendering ? 'ahead' : 'late'))
document.addEventListener('prerenderingchange', () => say('activated'))
</script>"""
ELSEWHERE = "<!doctype html><title>Elsewhere</title><script>fetch('/said/elsewhere')</script>"


@dataclass
class Stage:
    """The pages of a test: where the first goes next, and what they have said."""

    shop: RunningShop = field(init=False)
    script: Path = SDK
    next: str = ""
    said: list[str] = field(default_factory=list)

    def begin(self, script: str) -> None:
        """Forget what was, and give pages an SDK."""
        self.shop.forget()
        self.script, self.next = SDK.with_name(script), ""
        self.said.clear()

    def hear(self, word: str) -> None:
        """Wait until a page has said a word."""
        wait_until(lambda: word in self.said, seconds=20)

    def routes(self) -> list[Route]:
        async def start(_: Request) -> Response:
            return HTMLResponse(START)

        async def ahead(_: Request) -> Response:
            return HTMLResponse(AHEAD % self.shop.endpoint)

        async def elsewhere(_: Request) -> Response:
            return HTMLResponse(ELSEWHERE)

        async def sdk(_: Request) -> Response:
            return FileResponse(self.script, media_type="text/javascript")

        async def next_page(_: Request) -> Response:
            return PlainTextResponse(self.next)

        async def say(request: Request) -> Response:
            self.said.append(request.path_params["word"])
            return Response()

        return [
            Route("/start", start),
            Route("/ahead", ahead),
            Route("/elsewhere", elsewhere),
            Route("/sdk.js", sdk),
            Route("/next", next_page),
            Route("/said/{word}", say),
        ]


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    stage = Stage()
    with running_shop(tmp_path_factory.mktemp("ahead"), more=stage.routes()) as stage.shop:
        yield stage


@pytest.fixture(params=["reftrail.js", "reftrail.core.js"])
def stage(opened: Stage, request: pytest.FixtureRequest) -> Stage:
    """Pages with the whole SDK, and with the core alone."""
    opened.begin(request.param)
    return opened


@contextmanager
def visiting(url: str, profile: Path) -> Iterator[None]:
    """Chromium with a page, and nobody who looks into it."""
    command = [
        chromium(),
        "--headless=new",
        f"--user-data-dir={profile}",
        "--no-first-run",
        f"--user-agent={AGENT}",
        *OF_SHOP,
        url,
    ]
    process = HeldProcess[bytes](command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        process.wait(20)
        shutil.rmtree(profile, ignore_errors=True)


def test_a_prerendered_page_counts_once_when_somebody_sees_it(stage: Stage, tmp_path: Path) -> None:
    with visiting(stage.shop.url("/start"), tmp_path / "profile"):
        stage.hear("ahead")
        time.sleep(1)
        assert stage.shop.events() == []
        seen_at = time.time() * 1000
        stage.next = "/ahead?ref=AMY"
        stage.hear("activated")
        [view] = stage.shop.wait_for(1, View)
        time.sleep(1)
    assert stage.said == ["ahead", "activated"]
    [click] = stage.shop.events(Click)
    assert stage.shop.events(View) == [view]
    assert (click.code, view.code, click.visitor_id) == ("AMY", "AMY", view.visitor_id)
    for event in (click, view):
        assert event.event_time >= seen_at


def test_a_prerendered_page_that_nobody_opens_counts_nothing(stage: Stage, tmp_path: Path) -> None:
    with visiting(stage.shop.url("/start"), tmp_path / "profile"):
        stage.hear("ahead")
        stage.next = "/elsewhere"
        stage.hear("elsewhere")
        time.sleep(1)
    assert stage.said == ["ahead", "elsewhere"]
    assert stage.shop.received() == []
