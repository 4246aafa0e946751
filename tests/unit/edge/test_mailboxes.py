"""Addresses of one mailbox have one spelling; those of two never do."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reftrail.edge.mailboxes import canonical_mailbox
from reftrail.edge.pseudonyms import HashKey, pseudonyms

HASHED = pseudonyms(HashKey("k1", b"0123456789abcdef"))


@pytest.mark.parametrize(
    ("mailbox", "addresses"),
    [
        (
            "amysmith@gmail.com",
            [
                "amy.smith@gmail.com",
                "amysmith+1@gmail.com",
                " A.m.y.Smith+shop.2@GoogleMail.com ",
                "amysmith@gmail.com.",
                '"amy.smith"@gmail.com',
                '"Amy..Smith.+x"@googlemail.com',
                '"a\\my\\.smith"@gmail.com',
            ],
        ),
        ("amy.smith@outlook.com", ["Amy.Smith+x@Outlook.com"]),
        ("amy@hotmail.com", ["amy+x@hotmail.com"]),
        ("amy@hotmail.co.uk", ["amy+x@Hotmail.co.uk"]),
        ("amy.smith@outlook.de", ["amy.smith+2@outlook.de"]),
        (
            "amy.smith@yandex.ru",
            ["amy-smith@ya.ru", "Amy.Smith@yandex.com", "amy-smith+shop@yandex.kz"],
        ),
        (
            "amysmith@gmail.com",
            ["amysmith(x)@gmail.com", "(a (b) c)amysmith@gmail.com", "amysmith@gmail(x).com(y)"],
        ),
        (
            "amysmith@gmail.com",
            ['"amysmith"(x)@gmail.com', '(")amysmith@gmail.com', '("a)"amy.smith"(")@gmail.com'],
        ),
        ("amy@example.com", ["amy(1)@example.com", "(2)amy@example.com", "amy@example.com(3)"]),
        ("amy+x@example.com", ['"amy+x"@example.com']),
        ('"amy smith"@gmail.com', ['"Amy\\ Smith"@gmail.com']),
        ('"a@b\\"c"@example.com', ['"a\\@b\\"\\c"@example.com']),
        ("amy@live.com", ["amy+@live.com"]),
        ("amy@icloud.com", ["amy+x+y@icloud.com", "amy@me.com", "amy+x@mac.com"]),
        ("amy@fastmail.com", ["amy+x@fastmail.com", "x@amy.fastmail.com", "x+y@Amy.Fastmail.com"]),
        (
            "amysmith@proton.me",
            ["amysmith+x@proton.me", "amy.smith@pm.me", "a-m_ysmith@protonmail.com"],
        ),
        (
            "amy@xn--exmple-cua.de",
            ["Amy@EXÄMPLE.de", "amy@exa\u0308mple.de", "amy@XN--exmple-cua.de"],
        ),
        ("j\u00f6rg@example.com", ["jo\u0308rg@example.com", "JÖRG@example.com"]),
    ],
)
def test_addresses_of_one_mailbox(mailbox: str, addresses: list[str]) -> None:
    assert {canonical_mailbox(address) for address in [mailbox, *addresses]} == {mailbox}
    assert len({HASHED.email(address) for address in addresses}) == 1


@pytest.mark.parametrize(
    ("address", "another"),
    [
        ("amy.smith@example.com", "amysmith@example.com"),
        ("amy+1@example.com", "amy@example.com"),
        ("amy.smith@outlook.com", "amysmith@outlook.com"),
        ("amy-1@yahoo.com", "amy@yahoo.com"),
        ("amy-smith@yandex.ru", "amysmith@yandex.ru"),
        ("amy@outlook.de", "amy@outlook.com"),
        ('"amy(x)"@example.com', "amy@example.com"),
        ("amy@outlook.com", "amy@hotmail.com"),
        ("amy@fastmail.com", "amy@fastmail.fm"),
        ("amy@x.amy.fastmail.com", "amy@fastmail.com"),
        ("amy-smith@icloud.com", "amysmith@icloud.com"),
        ("amy+1@yahoo.com", "amy@yahoo.com"),
        ("amy@gmail.com", "amy@mail.gmail.com"),
        ("straße@example.com", "strasse@example.com"),
        ('"amy.smith"@example.com', "amysmith@example.com"),
        ('"amy smith"@gmail.com', "amysmith@gmail.com"),
        ('"amy"x@example.com', "amyx@example.com"),
    ],
)
def test_addresses_of_two(address: str, another: str) -> None:
    assert canonical_mailbox(address) != canonical_mailbox(another)


@pytest.mark.parametrize(
    "address",
    [
        "a@b",
        "+x@gmail.com",
        "...@gmail.com",
        "-@proton.me",
        "a@-",
        "a@b..c",
        "@",
        '""@gmail.com',
        '"@x.de',
        'a"b"@x.de',
        "(x)@gmail.com",
        "a(b@gmail.com",
        "a)b(@gmail.com",
        "a@(gmail.com)",
    ],
)
def test_what_is_hardly_an_address_stays_apart(address: str) -> None:
    assert canonical_mailbox(address) == address


QUOTED = st.builds(
    '"{}"@{}'.format, st.text('ab.+\\" @()', max_size=9), st.sampled_from(["gmail.com", "x.de"])
)


COMMENTED = st.builds(
    "{}@{}".format,
    st.text('a.+-()" ', max_size=9),
    st.sampled_from(["gmail.com", "ya.ru(a)", "(x)x.de", "me.proton.me"]),
)


@given(st.emails() | st.text(max_size=40) | QUOTED | COMMENTED)
def test_the_canonical_spelling_is_its_own(address: str) -> None:
    canonical = canonical_mailbox(address)
    assert canonical_mailbox(canonical) == canonical
