"""Guarantees to receivers: a body that we signed, lately, and nothing else."""

import hashlib
import hmac

import pytest

from reftrail.fulfilment.signature import SignatureInvalid, sign, verify

BODY = b'{"reward_id":"7d2"}'
OLD, NEW = "an old secret", "a new secret"
NOW = 1_767_225_600


def test_the_header_is_as_documented() -> None:
    by_hand = hmac.new(OLD.encode(), b"1767225600." + BODY, hashlib.sha256).hexdigest()
    assert sign(BODY, [OLD], NOW) == f"t=1767225600,v1={by_hand}"


def test_what_was_signed_passes_until_it_is_old() -> None:
    header = sign(BODY, [OLD], NOW)
    verify(header, BODY, [OLD], NOW + 300)
    verify(header, BODY, [OLD], NOW - 300)
    with pytest.raises(SignatureInvalid, match="signed 301 s ago, at most 300 s"):
        verify(header, BODY, [OLD], NOW + 301)
    with pytest.raises(SignatureInvalid, match="a clock is wrong"):
        verify(header, BODY, [OLD], NOW - 301)


def test_secrets_can_be_replaced_one_side_after_the_other() -> None:
    both = sign(BODY, [OLD, NEW], NOW)
    for known in ([OLD], [NEW], [NEW, OLD]):
        verify(both, BODY, known, NOW)
    with pytest.raises(SignatureInvalid, match="no v1"):
        verify(sign(BODY, [OLD], NOW), BODY, [NEW], NOW)


@pytest.mark.parametrize("changed", [BODY + b" ", BODY.replace(b"7", b"8"), b""])
def test_another_body_does_not_pass(changed: bytes) -> None:
    with pytest.raises(SignatureInvalid, match="no v1"):
        verify(sign(BODY, [OLD], NOW), changed, [OLD], NOW)


def test_another_time_does_not_pass() -> None:
    later = sign(BODY, [OLD], NOW).replace(str(NOW), str(NOW + 600))
    with pytest.raises(SignatureInvalid, match="no v1"):
        verify(later, BODY, [OLD], NOW + 600)


@pytest.mark.parametrize(
    ("header", "why"),
    [
        (None, "there is no Reftrail-Signature"),
        ("", "there is no Reftrail-Signature"),
        ("v1=00", "exactly one t="),
        ("t=now,v1=00", "exactly one t="),
        ("t=1,t=2,v1=00", "exactly one t="),
        ("t=\N{SUPERSCRIPT TWO},v1=00", "exactly one t="),
        (f"t={NOW}", "no v1"),
        (f"t={NOW},v1=", "no v1"),
        (f"t={NOW},v0=00", "no v1"),
        (f"t={NOW},v1=\N{SNOWMAN}", "no v1"),
    ],
)
def test_what_is_no_signature_says_so(header: str | None, why: str) -> None:
    with pytest.raises(SignatureInvalid, match=why):
        verify(header, BODY, [OLD], NOW)


def test_other_schemes_beside_ours_are_passed_over() -> None:
    verify(f"{sign(BODY, [OLD], NOW)}, v2=whatever", BODY, [OLD], NOW)
