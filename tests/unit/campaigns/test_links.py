"""Links of a campaign: the file, its faults, the wire, and warnings."""

from pathlib import Path
from typing import Any

import pytest

from reftrail.campaigns import Campaign, FaultyFile, lint, next_version, read_campaigns
from reftrail.campaigns.findings import Around
from reftrail.campaigns.text import as_toml
from reftrail.contracts.links import Links
from reftrail.contracts.policy import policy_in

HEAD = '[campaign]\ncampaign_id = "c"\nname = "C"\nreferrer_reward = "5"\n[campaign.links]\n'
WEB = 'web = "https://shop.example/spring?x=1"\n'


def read(tmp_path: Path, text: str) -> Campaign:
    file = tmp_path / "c.toml"
    file.write_text(HEAD + text)
    (campaign,) = read_campaigns(file)
    return campaign


def test_links_are_written_and_read_again(tmp_path: Path) -> None:
    text = (
        f'{WEB}ios = "https://app.shop.example/i"\nandroid = "https://app.shop.example/a"\n'
        'android_app = "com.example.shop"\nfallback = "https://shop.example/over"\n'
    )
    defined = next_version(read(tmp_path, text), None, 1).defined
    assert policy_in(defined.policy).links == Links(
        web="https://shop.example/spring?x=1",
        ios="https://app.shop.example/i",
        android="https://app.shop.example/a",
        android_app="com.example.shop",
        fallback="https://shop.example/over",
    )
    again = tmp_path / "again.toml"
    again.write_text(as_toml(defined))
    (campaign,) = read_campaigns(again)
    assert not next_version(campaign, defined, 2).written


def test_another_address_is_another_version(tmp_path: Path) -> None:
    before = next_version(read(tmp_path, WEB), None, 1).defined
    assert next_version(read(tmp_path, WEB.replace("x=1", "x=2")), before, 2).written
    assert not next_version(read(tmp_path, WEB), before, 2).written


@pytest.mark.parametrize(
    "address",
    [
        *("", "shop.example", "/spring", "//shop.example/", "javascript:alert(1)"),
        *("ftp://shop.example/", "https://", "https:///p", "https://shop.example/a b"),
        *("https://amy@shop.example/", "https://amy:pw@shop.example/", "https://shop.example:0/"),
        *("https://shop.example:99999/", "https://sh\u00f6p.example/", "https://[::1/"),
        *(
            "https://shop.example\\\\@evil.example/",
            "https://shop.example/\\n",
            "intent://a/#Intent",
        ),
        "https://shop.example/" + "x" * 1_500,
    ],
)
def test_what_is_no_address(tmp_path: Path, address: str) -> None:
    with pytest.raises(FaultyFile, match=r"c\.toml:6:7: links\.web is .*expected an absolute"):
        read(tmp_path, f'web = "{address}"\n')


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('ios = "https://a.example/"\n', r":6:7: there is ios and no web, where all other"),
        (f'{WEB}android_app = "shop"\n', r":7:15: links\.android_app is .shop.; expected the id"),
        (
            f'{WEB}android = "https://play.google.com/store/apps"\nandroid_app = "a.b"\n',
            r":8:15: android is the app's page in the Play store",
        ),
        (f'{WEB}andriod = "https://a.example/"\n', r"did you mean android\?"),
    ],
)
def test_faults_are_pointed_to(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(FaultyFile, match=message):
        read(tmp_path, text)


def warnings(**links: str) -> list[tuple[str, str]]:
    given: dict[str, Any] = {"campaign_id": "c", "name": "C", "referrer_reward": "5"}
    campaign = Campaign.model_validate(given | {"links": links})
    return [
        (finding.rule, ".".join(map(str, finding.where))) for finding in lint(campaign, Around(1))
    ]


def test_warnings() -> None:
    good = "https://shop.example/"
    assert warnings(web=good, ios=good, android_app="a.b") == []
    assert warnings(web="http://localhost:8000/") == []
    assert warnings(web="http://shop.example/") == [("link-in-clear", "links.web")]
    assert warnings(web=good, fallback=f"{good}?ref_problem=&a=1") == [
        ("link-with-a-ref", "links.fallback")
    ]
    assert warnings(web=good, ios="https://apps.apple.com/app/id1") == [
        ("store-without-referrer", "links.ios")
    ]
