"""Addresses that are thrown away."""

import pytest

from reftrail.collector.disposable import is_disposable


@pytest.mark.parametrize(
    ("email", "is_so"),
    [
        ("amy@mailinator.com", True),
        ("  AMY@Mailinator.Com ", True),
        ("amy@inbox.mailinator.com.", True),
        ("amy@mailinator.com(x)", True),
        ("amy@(mailinator.com)example.org", False),
        ("amy@mailinator.com.example.org", False),
        ("mailinator.com@example.com", False),
        ("amy@gmail.com", False),
        ("amy@localhost", False),
        ("amy@yahóo.com", True),
        ("amy@" + "ü" * 200 + ".com", False),
        ("amy@..", False),
    ],
)
def test_an_address_is_judged_by_its_domain(email: str, *, is_so: bool) -> None:
    assert is_disposable(email) is is_so
