"""The terms of links, from the records of codes and campaigns."""

from typing import Any

import pytest

from reftrail.code_lookup.known_codes import KnownCodes
from reftrail.code_lookup.links import KnownLinks, LinkProblem, LinkTerms
from reftrail.contracts.links import NO_LINKS, Links
from reftrail.contracts.policy import Policy, policy_text
from reftrail.contracts.reference import CampaignDefined, CodeStatus
from reftrail.testing import campaign, code

AT = 1_000


def version(number: int, web: str | None, since: int = 0, **found: Any) -> CampaignDefined:
    policy = policy_text(Policy(links=Links(web=web)))
    terms: dict[str, Any] = {"policy": policy} | found
    return campaign("spring", version=number, effective_from=since, **terms)


def known(*versions: CampaignDefined, **found: Any) -> KnownLinks:
    codes = KnownCodes(None)
    codes.take(code("Amy", campaign_id="spring", **found))
    links = KnownLinks(codes)
    for defined in versions:
        links.take(defined)
    return links


def web(links: KnownLinks, at: int = AT) -> str | None:
    return links.of(" amy", at).links.web


def test_the_version_in_force_says_where_links_lead() -> None:
    links = known(version(2, "https://two.example/", AT), version(1, "https://one.example/"))
    assert [web(links, at) for at in (AT - 1, AT)] == [
        "https://one.example/",
        "https://two.example/",
    ]
    links.take(version(3, "https://three.example/", AT))
    assert web(links) == "https://three.example/", "the highest of one moment"
    links.drop("spring@3")
    links.drop("spring@nine")
    links.drop("autumn@1")
    assert web(links) == "https://two.example/"


def test_a_campaign_without_links_or_record_leaves_them_to_the_installation() -> None:
    assert known(version(1, None)).of("AMY", AT) == LinkTerms(NO_LINKS, None)
    assert known().of("AMY", AT) == LinkTerms(NO_LINKS, None)
    broken = version(1, None, policy='{"links": {"web": 5}}')
    assert known(broken).of("AMY", AT) == LinkTerms(NO_LINKS, None)


@pytest.mark.parametrize(
    ("record", "rules", "problem"),
    [
        ({}, {}, None),
        ({"status": CodeStatus.SUSPENDED}, {}, LinkProblem.SUSPENDED),
        ({"status": CodeStatus.REVOKED, "expires_at": 1}, {}, LinkProblem.REVOKED),
        ({"status": CodeStatus.EXPIRED}, {}, LinkProblem.EXPIRED),
        ({"expires_at": AT}, {}, LinkProblem.EXPIRED),
        ({"expires_at": AT + 1}, {}, None),
        ({}, {"starts_at": AT + 1}, LinkProblem.NOT_STARTED),
        ({}, {"starts_at": AT, "ends_at": AT + 1}, None),
        ({}, {"ends_at": AT}, LinkProblem.ENDED),
        ({"expires_at": AT}, {"ends_at": AT}, LinkProblem.EXPIRED),
    ],
)
def test_what_is_wrong_with_a_link(
    record: dict[str, Any], rules: dict[str, Any], problem: LinkProblem | None
) -> None:
    links = known(version(1, "https://one.example/", **rules), **record)
    assert links.of("AMY", AT) == LinkTerms(Links(web="https://one.example/"), problem)


def test_a_code_that_nobody_knows() -> None:
    links = known(version(1, "https://one.example/"))
    assert links.of("EVE", AT) == LinkTerms(NO_LINKS, LinkProblem.UNKNOWN)
