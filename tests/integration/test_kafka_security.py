"""Hosts on a broker with TLS, logins (SCRAM) and the permissions that the topic table gives."""

import os
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Final

import httpx
import pytest
from aiokafka.errors import KafkaError as AsyncError
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from kafka.admin import KafkaAdminClient, ScramMechanism, UserScramCredentialUpsertion
from kafka.errors import KafkaError, TopicAuthorizationFailedError
from support import local_http
from support.codes import sqlite_url
from support.host_process import HostProcess

from reftrail.contracts.installation import Installation
from reftrail.contracts.topics import API_KEY_USES, EVENTS, REWARDS
from reftrail.hosting.kafka.asynchronous import async_producer
from reftrail.hosting.kafka.blocking import blocking_producer
from reftrail.local.acls import ROLES, Names, apply, grants
from reftrail.local.broker import Broker
from reftrail.local.ports import free_port
from reftrail.local.topics import create_topics

PASSWORD = secrets.token_hex(16)
SECRET = "sk_test_secured"
PARTITIONS = 2


_MODULES: Final = {"worker": "engine"}


def make_certificate(directory: Path) -> tuple[Path, str]:
    """A certificate for 127.0.0.1 that signs itself: its file, and certificate with key as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "broker")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM).decode()
    file = directory / "ca.pem"
    file.write_text(pem)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()
    keystore = directory / "broker.pem"
    keystore.write_text(private + pem)
    return file, str(keystore)


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """A broker's secured address and the certificate to trust, with users and topics made.

    Its other listener, without login, is the administrator's.
    """
    directory = tmp_path_factory.mktemp("secured")
    ca_file, keystore = make_certificate(directory)
    plain, safe = free_port(), free_port()
    properties = {
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": "User:ANONYMOUS",
        "sasl.enabled.mechanisms": "SCRAM-SHA-512",
        "listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config": (
            "org.apache.kafka.common.security.scram.ScramLoginModule required;"
        ),
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": keystore,
    }
    broker = Broker(directory / "broker", plain, properties)
    controller = broker.settings.controller_port
    addresses = f"PLAINTEXT://127.0.0.1:{plain},SASL_SSL://127.0.0.1:{safe}"
    properties |= {
        "listeners": f"{addresses},CONTROLLER://127.0.0.1:{controller}",
        "advertised.listeners": addresses,
        "listener.security.protocol.map": (
            "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL_SSL:SASL_SSL"
        ),
    }
    with broker:
        administrator = Installation(bootstrap_servers=broker.bootstrap_servers)
        create_topics(administrator, PARTITIONS)
        apply(administrator, Names())
        client = KafkaAdminClient(bootstrap_servers=broker.bootstrap_servers)
        add_users(client)
        client.close()
        yield f"127.0.0.1:{safe}", ca_file


def add_users(client: KafkaAdminClient) -> None:

    client.alter_user_scram_credentials(
        [
            UserScramCredentialUpsertion(
                f"reftrail-{host}", ScramMechanism.SCRAM_SHA_512, PASSWORD, iterations=4096
            )
            for host in ROLES
        ]
    )


def as_host(host: str, secured: tuple[str, Path], password: str = PASSWORD) -> Installation:
    address, ca_file = secured
    return Installation(
        bootstrap_servers=address,
        kafka_security_protocol="SASL_SSL",
        kafka_username=f"reftrail-{host}",
        kafka_password=password,
        kafka_ca_file=ca_file,
    )


@contextmanager
def running(
    host: str, secured: tuple[str, Path], log: Path, settings: Mapping[str, str]
) -> Iterator[None]:
    """A host as its own process, logged in as its own user."""
    address, ca_file = secured
    common = {
        "bootstrap_servers": address,
        "kafka_security_protocol": "SASL_SSL",
        "kafka_username": f"reftrail-{host}",
        "kafka_password": PASSWORD,
        "kafka_ca_file": str(ca_file),
    }
    environment = {f"REFTRAIL_{k.upper()}": v for k, v in {**common, **settings}.items()}
    module = f"reftrail.{_MODULES.get(host, host)}"
    process = HostProcess(module, os.environ | environment, log)
    try:
        yield
    finally:
        process.kill()
        process.wait()


def wait_for(url: str, log: Path, key: str | None = None) -> httpx.Response:
    end = time.monotonic() + 180
    headers = {"authorization": f"Bearer {key}"} if key else {}
    while True:
        try:
            answer = local_http.get(url, headers=headers)
            if answer.is_success:
                return answer
        except httpx.HTTPError:
            pass
        assert time.monotonic() < end, log.read_text()
        time.sleep(0.1)


def test_hosts_do_their_work_with_what_the_table_allows(
    secured: tuple[str, Path], tmp_path: Path
) -> None:
    ports = {
        name: free_port() for name in ("collector", "codes", "worker", "warehouse", "fulfilment")
    }
    partner = "https://accounts.example"
    settings = {
        "collector": {
            "collector_port": str(ports["collector"]),
            "hash_key": f"k1:{secrets.token_hex(16)}",
            "secret_keys": SECRET,
        },
        "worker": {"worker_web_port": str(ports["worker"])},
        "codes": {"codes_port": str(ports["codes"]), "codes_store": sqlite_url(tmp_path)},
        "warehouse": {
            "reports_port": str(ports["warehouse"]),
            "clickhouse_path": str(tmp_path / "clickhouse"),
            "secret_keys": SECRET,
        },
        "fulfilment": {
            "fulfilment_port": str(ports["fulfilment"]),
            "fulfilment_journal": str(tmp_path / "journal"),
            "fulfilment_kinds": "credit",
            "fulfilment_webhook_url": partner,
            "fulfilment_signing_secrets": secrets.token_hex(32),
        },
    }
    with ExitStack() as stack:
        for host, own in settings.items():
            stack.enter_context(running(host, secured, tmp_path / f"{host}.log", own))
        for host, port in ports.items():
            wait_for(f"http://127.0.0.1:{port}/readyz", tmp_path / f"{host}.log")
        sent = local_http.post(
            f"http://127.0.0.1:{ports['collector']}/v1/events",
            headers={"authorization": f"Bearer {SECRET}"},
            json={"events": [{"type": "click", "visitor_id": "v1", "code": "AMY"}]},
        )
        assert sent.json()["accepted"] == 1
        loaded: dict[str, int] = {}
        end = time.monotonic() + 180
        while not any(loaded.values()):
            assert time.monotonic() < end, (tmp_path / "warehouse.log").read_text()
            url = f"http://127.0.0.1:{ports['warehouse']}/v1/positions"
            loaded = wait_for(url, tmp_path / "warehouse.log", SECRET).json().get(EVENTS.name, {})
        assert sum(loaded.values()) == 1
        decided = f"http://127.0.0.1:{ports['worker']}/metrics"
        while (
            'reftrail_worker_records_total{stage="touch"} 1.0'
            not in wait_for(decided, tmp_path / "worker.log").text
        ):
            assert time.monotonic() < end, (tmp_path / "worker.log").read_text()
            time.sleep(0.1)


def test_a_host_may_write_nothing_but_its_own_topics(secured: tuple[str, Path]) -> None:
    installation = as_host("collector", secured)
    producer = blocking_producer(installation)
    try:
        # Of a topic that the other tests here don't look at.
        producer.send(installation.name_of(API_KEY_USES), b"", key=b"k", partition=0).get(
            timeout=60
        )
        with pytest.raises(TopicAuthorizationFailedError):
            producer.send(installation.name_of(REWARDS), b"", partition=0).get(timeout=60)
    finally:
        producer.close()


async def test_a_wrong_password_is_refused(secured: tuple[str, Path]) -> None:
    producer = async_producer(as_host("collector", secured, password="wrong"))

    with pytest.raises(AsyncError):
        await producer.start()
    await producer.stop()
    with pytest.raises(KafkaError):
        blocking_producer(
            as_host("collector", secured, password="wrong"), bootstrap_timeout_ms=3_000
        )


def test_whoever_the_table_names_has_a_user() -> None:
    installation = Installation(bootstrap_servers="kafka:9092", topic_prefix="shop.")
    found = grants(installation, Names(group="shop"))
    per_host = {host: {g for g in found if g.host == host} for host in ROLES}
    assert all(per_host.values())
    collector = {(g.name, g.operation) for g in per_host["collector"]}
    assert collector == {
        ("shop.events", "WRITE"),
        ("shop.reviews", "WRITE"),
        ("shop.adjustments", "READ"),
        ("shop.adjustments", "WRITE"),
        ("shop.api-key-uses", "WRITE"),
        ("shop.api-keys", "READ"),
        ("shop.campaigns", "READ"),
        ("shop.codes", "READ"),
        ("shop.code-formats", "READ"),
        ("shop.install-matches", "READ"),
        ("shop.install-matches", "WRITE"),
        ("shop.link-clicks", "READ"),
        ("shop.link-clicks", "WRITE"),
    }
