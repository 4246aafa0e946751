"""Machines and prefetches, by what requests say of themselves."""

from reftrail.edge.bots import is_bot, is_navigation, is_prefetch


def test_bots_and_prefetches() -> None:
    for machine in ("Googlebot/2.1", "facebookexternalhit/1.1", "curl/8.5", "GPTBot/1.0"):
        assert is_bot(machine)
    for person in (
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) Version/18.5 Mobile Safari/604.1",
        "Mozilla/5.0 (Linux; Android 11; CUBOT_X30) AppleWebKit/537.36 Chrome/126 Mobile",
        "",
    ):
        assert not is_bot(person)
    assert is_prefetch({"sec-purpose": "prefetch;prerender"})
    assert is_prefetch({"purpose": "prefetch"})
    assert is_prefetch({"x-moz": "prefetch"})
    assert not is_prefetch({"sec-purpose": ""})
    assert is_prefetch({"x-purpose": "preview", "x-fb-http-engine": "Liger"})  # Facebook's app


def test_an_image_of_a_browser_that_says_no_destination_is_no_navigation() -> None:
    """Safari before 16.4 sends no Sec-Fetch headers."""
    image = "image/webp,image/avif,image/*;q=0.8,video/*;q=0.8,*/*;q=0.5"
    page = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"
    old_edge = "image/gif, image/jpeg, text/html, */*"
    assert not is_navigation({"accept": image})
    for accept in (page, old_edge, "*/*", ""):
        assert is_navigation({"accept": accept})
    says = {"sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
    assert is_navigation(says | {"accept": image})
