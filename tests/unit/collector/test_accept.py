"""Events that are taken, their fields, and the reasons against others."""

from typing import Any

import pytest
from support.accepting import HASHED, NOW, PUBLISHABLE, SECRET, taken

from reftrail.code_lookup.facts import CodeFacts
from reftrail.code_lookup.known_codes import KnownCodes
from reftrail.collector.accept import Circumstances, Sender, accept
from reftrail.contracts.codec import decode, encode_datum
from reftrail.contracts.events import CodeEvidence, Event
from reftrail.contracts.registry import latest
from reftrail.testing import code

DERIVED = CodeFacts("spring", None, "leaflet", "SPR1", evidence=CodeEvidence.DERIVED)


def found(item: dict[str, Any], facts: CodeFacts | None) -> Event:
    """The record of an event whose code is known to be this."""
    outcome = accept([item], Circumstances(SECRET, NOW, HASHED, lambda _: facts))
    event = decode(encode_datum(latest("Event"), outcome.accepted[0].datum))
    assert isinstance(event, Event)
    return event


def test_a_code_is_of_its_own_campaign_whatever_the_client_says() -> None:
    click = {"type": "click", "visitor_id": "v", "code": "spr-1", "campaign_id": "own"}
    event = found(click, DERIVED)
    assert (event.code, event.code_known, event.code_evidence) == ("SPR1", True, "derived")
    assert (event.campaign_id, event.category, event.channel) == ("spring", None, "leaflet")
    assert found(click | {"channel": "mail"}, DERIVED).channel == "mail"
    registered = found(click, CodeFacts("spring", code="SPR1"))
    assert (registered.code, registered.campaign_id) == ("SPR1", "spring")
    assert event.client_campaign_id == registered.client_campaign_id == "own"


@pytest.mark.parametrize(
    ("facts", "says"),
    [
        (None, ("SPR-1", False, None)),
        (CodeFacts(known=False, evidence=CodeEvidence.MISTYPED), ("SPR-1", False, "mistyped")),
        (
            CodeFacts(code="SPR1", known=False, evidence=CodeEvidence.FORGED),
            ("SPR1", False, "forged"),
        ),
        (CodeFacts(code="SPR1", known=None), ("SPR1", None, None)),
    ],
)
def test_what_is_found_out_about_a_code_is_told(
    facts: CodeFacts | None, says: tuple[str, bool | None, str | None]
) -> None:
    signup = {"type": "signup", "user_id": "u", "code": "spr-1", "campaign_id": "own"}
    event = found(signup, facts)
    assert (event.code, event.code_known, event.code_evidence) == says
    assert (event.campaign_id, event.client_campaign_id) == (None, "own")


def test_a_code_that_nobody_could_look_up_has_no_campaign_by_the_client_s_word() -> None:
    click = {"type": "click", "visitor_id": "v", "code": "AMY1", "campaign_id": "own"}
    event = taken(click, codes=False)
    assert (event.code_known, event.campaign_id, event.client_campaign_id) == (None, None, "own")


def test_without_a_code_the_client_says_which_campaign() -> None:
    event = taken({"type": "view", "visitor_id": "v", "campaign_id": "own"})
    assert (event.campaign_id, event.client_campaign_id) == ("own", "own")


@pytest.mark.parametrize("sender", [SECRET, PUBLISHABLE], ids=lambda sender: sender.kind)
def test_the_kind_of_key_is_told(sender: Sender) -> None:
    assert taken({"type": "click", "visitor_id": "v"}, sender).key_kind == sender.kind.value


@pytest.mark.parametrize("kind", ["click", "signup"])
def test_an_event_is_written_with_the_registered_spelling_of_its_code(kind: str) -> None:
    codes = KnownCodes(None)
    codes.take(code("AMY"))
    codes.take(code("Bob"))
    sent = {"type": kind, "visitor_id": "v", "user_id": "u"}
    spellings = {
        "AMY ": "AMY",
        "amy": "AMY",
        "\tAmy\n": "AMY",
        "BOB": "Bob",
        " bob": "Bob",
        "Bob": "Bob",
        " eve ": "EVE",
    }
    for typed, written in spellings.items():
        outcome = accept([sent | {"code": typed}], Circumstances(SECRET, NOW, HASHED, codes.lookup))
        assert outcome.rejected == [], typed
        assert outcome.accepted[0].datum["code"] == written
        assert outcome.accepted[0].datum["code_known"] is (written != "EVE")


def test_a_code_that_could_not_be_looked_up_is_written_as_it_was_sent() -> None:
    event = taken({"type": "click", "visitor_id": "v", "code": " Amy "}, codes=False)
    assert (event.code, event.code_known) == ("Amy", None)


def test_without_a_code_nothing_is_said_of_one() -> None:
    event = found({"type": "click", "visitor_id": "v"}, DERIVED)
    assert (event.code, event.code_known, event.code_evidence) == (None, None, None)
    assert event.campaign_id is None


def test_of_an_address_it_is_told_whether_it_lasts() -> None:
    signup = {"type": "signup", "user_id": "u"}
    assert taken(signup).email_disposable is None
    assert taken(signup | {"email": "amy@example.com"}).email_disposable is False
    assert taken(signup | {"email": " Amy@Mailinator.COM"}).email_disposable is True
