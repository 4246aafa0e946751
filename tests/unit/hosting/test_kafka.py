"""Logins of clients to Kafka, as the settings say."""

import ssl
from pathlib import Path

import pytest
from pydantic import ValidationError

from reftrail.contracts.errors import ExpectedError
from reftrail.contracts.installation import Installation
from reftrail.hosting.kafka.security import connection


def given(**settings: object) -> Installation:
    return Installation.model_validate({"bootstrap_servers": "kafka:9092"} | settings)


def test_without_settings_nothing_is_encrypted_and_nobody_logs_in() -> None:
    assert connection(given()) == {
        "bootstrap_servers": "kafka:9092",
        "security_protocol": "PLAINTEXT",
    }


def test_name_and_password_are_for_protocols_with_sasl_alone() -> None:
    login = {"kafka_username": "collector", "kafka_password": "a-password"}
    assert "sasl_mechanism" not in connection(given(**login))
    found = connection(given(**login, kafka_security_protocol="SASL_PLAINTEXT"))
    assert found["sasl_mechanism"] == "SCRAM-SHA-512"
    assert (found["sasl_plain_username"], found["sasl_plain_password"]) == (
        "collector",
        "a-password",
    )


def test_brokers_must_show_a_certificate_that_is_trusted() -> None:
    context = connection(given(kafka_security_protocol="SSL"))["ssl_context"]
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname


def test_a_certificate_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    settings = given(kafka_security_protocol="SSL", kafka_ca_file=str(tmp_path / "ca.pem"))
    with pytest.raises(ExpectedError, match=r"cannot be used .*No such file.*ca\.pem"):
        connection(settings)


def test_a_protocol_with_login_needs_one() -> None:
    with pytest.raises(ValidationError, match="needs REFTRAIL_KAFKA_USERNAME and"):
        given(kafka_security_protocol="SASL_SSL", kafka_username="collector")


def test_a_password_is_not_shown() -> None:
    assert "geheim" not in repr(given(kafka_password="geheim"))
