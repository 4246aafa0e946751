"""What the tests of the dashboard's requests must notice: pages and redirects that reflect."""

from typing import Final

import pytest
from support.page_requests import HOSTILE, check_page, check_stays_here

PAGE: Final = "<!doctype html><title>{}</title><a href=\"/codes/{}\" title='{}'>{}</a><!--{}-->"
TAGS: Final = tuple(text for text in HOSTILE if "zq7" in text and not text.startswith(("j", "/")))


def page(text: str) -> str:
    return PAGE.replace("{}", text)


@pytest.mark.parametrize("text", [text for text in TAGS if "<" in text or "=" in text])
def test_what_was_sent_must_not_become_part_of_a_page(text: str) -> None:
    with pytest.raises(AssertionError):
        check_page(page(text))


@pytest.mark.parametrize(
    "part",
    [
        '<a href="javascript:alert(1)">x</a>',
        '<form action="//zq7.example/x"></form>',
        '<img src="https://zq7.example/x">',
        '<b onclick="x()">x</b>',
        "<script>x()</script>",
    ],
)
def test_a_page_has_no_script_of_its_own_and_leads_nowhere_else(part: str) -> None:
    with pytest.raises(AssertionError):
        check_page(part)


def test_a_page_that_escapes_passes() -> None:
    check_page(page("&lt;zq7&gt; &#34; zq7=&#34;1").partition("<!--")[0])


@pytest.mark.parametrize(
    "address", ["//a.example", "/\\a.example", "https://a.example/", "data:,x"]
)
def test_a_redirect_leads_to_no_other_host(address: str) -> None:
    with pytest.raises(AssertionError):
        check_stays_here(address)
