"""Where a link leads, and by what its visitor is known."""

from urllib.parse import parse_qsl, urlsplit

from hypothesis import given
from hypothesis import strategies as st

from reftrail.collector.redirect import landing, visit


def test_where_a_link_leads() -> None:
    assert landing("https://shop.example/", "A") == "https://shop.example/?ref=A"
    assert landing("https://shop.example/p?x=1&ref=B#top", "A") == (
        "https://shop.example/p?x=1&ref=A#top"
    )
    assert landing("https://shop.example/p", None) == "https://shop.example/p"


def test_only_what_can_be_a_code_is_one() -> None:
    for typed in ("a-B_9", " a-B_9 ", "a-B_9\n"):
        assert visit(typed, None).code == "a-B_9"
    assert visit("a B_9", None).code == "a-B_9"
    for other in ("", "a: b", "a:b", "a/b", "\u00e9", "\u0131", "x" * 65):
        assert visit(other, None).code is None


@given(st.text())
def test_no_link_leads_elsewhere(code: str) -> None:
    base = urlsplit("https://shop.example/p?x=1")
    url = urlsplit(landing(base.geturl(), visit(code, None).code))
    assert (url.scheme, url.netloc, url.path) == (base.scheme, base.netloc, base.path)
    assert {name for name, _ in parse_qsl(url.query)} <= {"x", "ref"}


def test_a_visitor_is_known_by_a_cookie_of_ours_only() -> None:
    known = "0190a6b0-5c4e-7d3a-9f51-0a1b2c3d4e5f"
    assert visit("A", known).visitor_id == known
    assert visit("a B_9", None).code == "a-B_9"
    for other in (None, "", "amy", known + "\n", known.upper()):
        made = visit("A", other).visitor_id
        assert made != other
        assert made != visit("A", other).visitor_id
