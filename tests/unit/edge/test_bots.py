"""Machines and prefetches, by what requests say of themselves."""

from reftrail.edge.bots import is_bot, is_prefetch


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
