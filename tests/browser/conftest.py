"""A shop's pages in headless Chromium, before a collector over real HTTP."""

import shutil
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from browser.shop import SHOP, RunningShop, running_shop

CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/156.0.0.0 Safari/537.36"


OF_SHOP = (
    f"--host-resolver-rules=MAP *.{SHOP} 127.0.0.1",
    "--no-sandbox",
    "--disable-dev-shm-usage",
)
"""Arguments with which Chromium finds the shop, and runs in a container."""


def chromium() -> str:
    """The path of Chromium."""
    for name in CHROMIUM:
        if path := shutil.which(name):
            return path
    pytest.exit(
        "no Chromium here: `apt-get install chromium`, or another of " + ", ".join(CHROMIUM), 3
    )


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningShop]:
    with running_shop(tmp_path_factory.mktemp("edge")) as running:
        yield running


@pytest.fixture(scope="session")
def browser(shop: RunningShop) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium(), args=[*OF_SHOP])
        yield running
        running.close()


@pytest.fixture
def visitor(browser: Browser, shop: RunningShop) -> Iterator[Callable[..., BrowserContext]]:
    """Makes visitors: browsers without anything stored."""
    made: list[BrowserContext] = []

    def new(**options: object) -> BrowserContext:
        context = browser.new_context(user_agent=AGENT, **options)
        context.set_default_timeout(10_000)
        made.append(context)
        return context

    shop.forget()
    yield new
    for context in made:
        context.close()


@pytest.fixture
def page(visitor: Callable[..., BrowserContext]) -> Page:
    return visitor().new_page()
