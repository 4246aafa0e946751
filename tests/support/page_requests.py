"""Requests for the dashboard's pages, of anything a browser or a stranger may send; and checks.

What is drawn for them has marks. A page that shows one as text is good; one in which a mark has
become a tag, or a name of an attribute, reflects its input unescaped.
"""

import json
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Final, Literal, TypeAlias
from urllib.parse import quote, urlencode, urlsplit

import httpx
from hypothesis import strategies as st

from reftrail.dashboard.rendering import HTML
from reftrail.dashboard.sessions import COOKIE, CSRF_FIELD
from reftrail.dashboard.view import ZONE_COOKIE
from reftrail.hosting.problems import PROBLEM_JSON
from reftrail.hosting.routes import Endpoint
from reftrail.reports.questions import FILTERS

MARK: Final = "zq7"
HOSTILE: Final = (
    f"<{MARK}>",
    f'"><{MARK} a="',
    f"'><{MARK} a='",
    f'" {MARK}="1',
    f"' {MARK}='1",
    f"--><{MARK}>",
    f"]]><{MARK}/>",
    f"</title></textarea><{MARK}>",
    f"javascript:{MARK}",
    f"//{MARK}.example/x",
    f"\r\n{MARK}: 1",
    f"{{{{ {MARK} }}}}",
    "' OR 1=1 --",
    "{x:String}",
    "a%2Fb?c#d",
    "../../etc/passwd",
    "\0",
    "\u202e\u2028é\U0001d4b3",
    "9" * 400,
    "-1",
)
QUERY: Final = (
    *("from", "to", "time_zone", *FILTERS),
    *("by", "compare", "weeks", "kinds", "user", "status", "before", "done", "next"),
)
"""The parameters that the pages look for."""
FORM: Final = (
    *("key", "next", "code", "user_id", "reward_id", "decision", "reason", "note", "event_id"),
)
KEYS: Final = ("everything", "reviewer", "people", "reports", "nothing", "unknown")
By: TypeAlias = Literal["session", "forged session", "header", "nothing"]
Values: TypeAlias = Mapping[str, tuple[str, ...]]
_BYTES: Final = "latin-1"
_ODD_TEXT: Final = st.one_of(
    st.sampled_from(HOSTILE), st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
)


@dataclass(frozen=True)
class PageRequest:
    """A request without its route.

    in_path are by the names of a path's parameters. body is sent instead of the form where there is
    one, a character for each byte.
    """

    in_path: dict[str, str]
    query: list[tuple[str, str]]
    form: list[tuple[str, str]]
    key: str
    by: By
    takes_html: bool
    is_head: bool
    csrf: Literal["own", "another", "none"]
    origin: str | None
    site: str | None
    zone: str | None
    body: str | None

    def path(self, endpoint: Endpoint) -> str:
        """The path and query on a route."""
        path = endpoint.template
        for name, value in self.in_path.items():
            path = path.replace(f"{{{name}}}", quote(value, safe=""))
        return f"{path}?{urlencode(self.query)}" if self.query else path

    def headers(self) -> dict[str, str]:
        """The headers but for those of the key and the session."""
        found = {"accept": HTML if self.takes_html else "*/*"}
        found |= {"origin": self.origin} if self.origin is not None else {}
        return found | ({"sec-fetch-site": self.site} if self.site is not None else {})

    def content(self, csrf: str) -> bytes:
        """The form under the CSRF text of the session."""
        if self.body is not None:
            return self.body.encode(_BYTES)
        texts = {"own": [(CSRF_FIELD, csrf)], "another": [(CSRF_FIELD, f"<{MARK}>")], "none": []}
        return urlencode([*self.form, *texts[self.csrf]]).encode()


def page_requests(known: Values) -> st.SearchStrategy[PageRequest]:
    """Requests in which about half of what is given is what the host knows by that name."""

    def text(name: str) -> st.SearchStrategy[str]:
        return st.sampled_from(known[name]) | _ODD_TEXT if name in known else _ODD_TEXT

    def fields(names: tuple[str, ...]) -> st.SearchStrategy[list[tuple[str, str]]]:
        field = st.sampled_from(names).flatmap(lambda name: st.tuples(st.just(name), text(name)))
        return st.lists(field, max_size=5)

    paths = ("campaign", "code", "user", "name", "reward", "token", "file")
    return st.builds(
        PageRequest,
        in_path=st.fixed_dictionaries({name: text(name) for name in paths}),
        query=fields((*QUERY, MARK)),
        form=fields(FORM),
        key=st.sampled_from(KEYS),
        by=st.sampled_from(["session", "session", "header", "forged session", "nothing"]),
        takes_html=st.booleans(),
        is_head=st.sampled_from([False, False, False, True]),
        csrf=st.sampled_from(["own", "own", "another", "none"]),
        origin=st.sampled_from([None, None, "OWN", f"https://{MARK}.example", "null", "http://["]),
        site=st.sampled_from([None, "same-origin", "none", "cross-site"]),
        zone=st.none() | st.sampled_from(["Asia%2FKolkata", "%00", f"%3C{MARK}%3E", "%ff", "%"]),
        body=st.none() | st.text(st.characters(max_codepoint=255), max_size=60),
    )


def check_answer(endpoint: Endpoint, asked: PageRequest, answer: httpx.Response) -> None:
    """Fail unless the answer is one that the route's row names, and reflects nothing unescaped."""
    media, text = answer.headers.get("content-type", "").partition(";")[0], answer.text
    assert answer.status_code in _statuses(endpoint, asked), (answer.status_code, text[:2000])
    assert "Traceback (most recent call last)" not in text
    assert MARK not in {name.lower() for name in answer.headers}
    if is_redirect(answer):
        check_stays_here(answer.headers["location"])
        return
    if asked.is_head and endpoint.method == "GET":
        assert not answer.content
        return
    if answer.is_success:
        assert media in endpoint.answers, media
    elif not leads_to(endpoint, asked):
        assert (answer.status_code, media) == (404, PROBLEM_JSON)
    elif endpoint.path != "/signin":  # which answers by its form, whoever asks
        assert media == (HTML if asked.takes_html and HTML in endpoint.answers else PROBLEM_JSON)
    if media == PROBLEM_JSON:
        assert json.loads(text)["status"] == answer.status_code
    elif media == "image/svg+xml":
        ET.fromstring(text)
    elif media == HTML:
        assert answer.headers["content-security-policy"].startswith("default-src 'none'; ")
        check_page(text)


def leads_to(endpoint: Endpoint, asked: PageRequest) -> bool:
    """Whether a path is one of the route: a slash, however it is written, ends most parameters."""
    given = [value for name, value in asked.in_path.items() if f"{{{name}}}" in endpoint.path]
    return all(value and "/" not in value for value in given)


def is_redirect(answer: httpx.Response) -> bool:
    """Whether the answer leads to another page."""
    return answer.status_code == httpx.codes.SEE_OTHER


def check_page(text: str) -> None:
    """Fail where a page has a mark as a tag or an attribute, or a script of its own."""
    found = _Parts()
    found.feed(text)
    found.close()
    assert not found.faults, (found.faults, text[:4000])


def check_stays_here(address: str) -> None:
    """Fail for an address that leads to another host, or runs a script."""
    parts = urlsplit(address)
    assert (parts.scheme, parts.netloc) in {("", ""), *_SHARED}, address
    assert not address.startswith(("//", "/\\")), address


_SHARED: Final = {("https", "events.shop.example")}
"""Where links of users' own pages lead, by which they share their codes."""


def _statuses(endpoint: Endpoint, asked: PageRequest) -> set[int]:
    """The statuses that a row names, and those that browsers get who are not signed in."""
    found = {endpoint.status, *endpoint.errors}
    if "{" in endpoint.path:
        found.add(400)
    if asked.takes_html and endpoint.method == "GET" and 401 in endpoint.errors:
        found |= {303, 200}
    return found


class _Parts(HTMLParser):
    """What in a page must not be there."""

    def __init__(self) -> None:
        super().__init__()
        self.faults: list[str] = []
        self._inside = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._inside = tag
        names = [name for name, _ in attrs]
        self.faults += [name for name in (tag, *names) if MARK in name or name.startswith("on")]
        for name, value in attrs:
            if name in {"href", "src", "action", "formaction"}:
                try:
                    check_stays_here(value or "")
                except AssertionError:
                    self.faults.append(f"{name}={value}")

    def handle_data(self, data: str) -> None:
        if self._inside in {"script", "style"} and data.strip():
            self.faults.append(data)

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_comment(self, data: str) -> None:
        if MARK in data:
            self.faults.append(data)


def cookies(session: str | None, zone: str | None) -> str:
    """The header of cookies of a session and a browser's time zone."""
    given = {COOKIE: session, ZONE_COOKIE: zone}
    return "; ".join(f"{name}={value}" for name, value in given.items() if value is not None)
