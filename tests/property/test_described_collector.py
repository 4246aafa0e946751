"""Every request to the collector is answered as OpenAPI says; what is accepted can be decided."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr
from support.codes import SECRET, sqlite_url
from support.collector import collector_without_kafka
from support.described import (
    KEYS,
    Host,
    authorization_of_all_kinds,
    cases,
    examples,
    hosted,
    operations,
)
from support.edge import AnyCampaign

from reftrail.campaigns import Campaign
from reftrail.codes_api.store_access import Backend
from reftrail.codes_api.verification import Verifier
from reftrail.collector.http import Collector
from reftrail.collector.routes import application, endpoints
from reftrail.connectors import CONNECTORS
from reftrail.contracts.decisions import DeadLettered
from reftrail.contracts.topics import DEAD_LETTERS, EVENTS
from reftrail.engine.dead_letters import UNDECIDABLE, UNDECODABLE, WRONG_PARTITION
from reftrail.engine.memory_log import Message
from reftrail.micro.composition import CodeGiven, Given, MicroInstallation

CODES: Final = ("AMY", "EVE", "ZOE")
GIVEN: Final = Given(
    [Campaign.model_validate({"campaign_id": "spring", "name": "Spring", "referrer_reward": "5"})],
    [CodeGiven(code, code.lower()) for code in CODES],
    "https://shop.example/welcome",
)
KNOWN: Final[dict[str, list[Any]]] = {
    "code": [*CODES],
    "campaign_id": ["spring"],
    "user_id": ["bob", "amy"],
    "visitor_id": ["v1"],
    "anonymousId": ["v1"],
    "userId": ["bob"],
    "order_id": ["O1"],
    "amount": ["20.00"],
    "currency": ["EUR"],
    "name": ["market"],
    "event_time": [None],
    "timestamp": [None],
    "url": ["https://shop.example/start"],
}
OPERATIONS: Final = operations("collector", endpoints(collector_without_kafka()))


class Installation:
    """A collector with a store of codes, and the rules that decide what it accepts."""

    def __init__(self, directory: Path) -> None:
        micro = MicroInstallation(GIVEN)
        self.logs = micro.logs
        self.app = application(_collector(micro.collector, directory))

    def unacceptable(self) -> list[DeadLettered]:
        """Dead letters of records that never could be decided.

        The rules also refuse what isn't there, such as the review of an unknown reward: the
        collector doesn't know.
        """
        letters = [
            letter for letter in self.logs.read(DEAD_LETTERS) if isinstance(letter, DeadLettered)
        ]
        return [
            letter
            for letter in letters
            if letter.reason in {UNDECODABLE, UNDECIDABLE, WRONG_PARTITION}
        ]


def _collector(micro: Collector, directory: Path) -> Collector:
    limits = dict.fromkeys(("secret_rate", "publishable_rate", "address_rate"), 1e9)
    api = collector_without_kafka(**limits).codes_api
    assert api is not None
    backend = Backend(sqlite_url(directory), SECRET)
    campaigns: Any = AnyCampaign()
    codes: Any = micro.codes
    verifier = Verifier(backend, api.counters, codes)
    api = replace(
        api, backend=backend, verifier=verifier, campaigns=campaigns, landing_url=GIVEN.landing_url
    )
    secrets = SecretStr("shop=whsec_of_a_test")
    providers = {f"collector_{name}_secrets": secrets for name in CONNECTORS}
    return replace(
        micro,
        settings=micro.settings.model_copy(update=providers),
        authorization=authorization_of_all_kinds(),
        codes_api=api,
    )


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    return Installation(tmp_path_factory.mktemp("codes"))


@pytest.fixture(scope="module")
def host(installation: Installation) -> Iterator[Host]:
    with hosted(installation.app) as host:
        existing = [{"code": code, "campaign_id": "spring"} for code in CODES]
        assert host.post("/v1/codes", {"existing": existing}).status_code == 201
        yield host


@pytest.mark.parametrize("label", OPERATIONS)
@settings(max_examples=examples(6))
@given(data=st.data())
def test_answers_are_as_described(
    label: str, installation: Installation, host: Host, data: st.DataObject
) -> None:
    case = data.draw(cases(OPERATIONS[label], KNOWN))
    for key in KEYS:
        host.answer(case, key)
    assert installation.unacceptable() == []


def test_a_message_that_is_no_record_is_noticed(tmp_path: Path) -> None:
    installation = Installation(tmp_path)
    message = Message(0, b"v1", b"no record", 1)
    installation.logs._host.publish_message(EVENTS, 0, message)
    (letter,) = installation.unacceptable()
    assert letter.topic == EVENTS.name
