"""The code of a followed link, and the identity of its visitor."""

from reftrail.collector.redirect import visit


def test_a_click_has_an_id_of_its_own_under_its_visitor() -> None:
    known = "0190a6b0-5c4e-7d3a-9f51-0a1b2c3d4e5f"
    first, second = visit("A", known), visit("A", known)
    assert first.click()["event_id"] == known[:24] + first.click_id
    assert first.click_id != second.click_id


def test_only_what_can_be_a_code_is_one() -> None:
    for typed in ("a-B_9", " a-B_9 ", "a-B_9\n"):
        assert visit(typed, None).code == "a-B_9"
    assert visit("a B_9", None).code == "a-B_9"
    for other in ("", "a: b", "a:b", "a/b", "\u00e9", "\u0131", "x" * 65):
        assert visit(other, None).code is None


def test_a_visitor_is_known_by_a_cookie_of_ours_only() -> None:
    known = "0190a6b0-5c4e-7d3a-9f51-0a1b2c3d4e5f"
    assert visit("A", known).visitor_id == known
    assert visit("a B_9", None).code == "a-B_9"
    for other in (None, "", "amy", known + "\n", known.upper()):
        made = visit("A", other).visitor_id
        assert made != other
        assert made != visit("A", other).visitor_id
