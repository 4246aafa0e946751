"""Security settings of an installation, as both client libraries take them."""

import ssl
from typing import Any

from reftrail.contracts.errors import ExpectedError
from reftrail.contracts.installation import Installation


def connection(installation: Installation) -> dict[str, Any]:
    """Addresses of the brokers and the login, as parameters of any client.

    Raises `ExpectedError` when a certificate or key file can't be used.
    """
    return {
        "bootstrap_servers": installation.bootstrap_servers,
        "security_protocol": installation.kafka_security_protocol,
        **_tls(installation),
        **_sasl(installation),
    }


def _sasl(installation: Installation) -> dict[str, Any]:
    if not installation.uses_sasl or installation.kafka_password is None:
        return {}
    return {
        "sasl_mechanism": installation.kafka_sasl_mechanism,
        "sasl_plain_username": installation.kafka_username,
        "sasl_plain_password": installation.kafka_password.get_secret_value(),
    }


def _tls(installation: Installation) -> dict[str, Any]:
    if not installation.uses_tls:
        return {}
    try:
        context = ssl.create_default_context(cafile=installation.kafka_ca_file)
        if installation.kafka_certificate_file is not None:
            context.load_cert_chain(
                installation.kafka_certificate_file, installation.kafka_key_file
            )
    except (OSError, ssl.SSLError) as error:
        files = (
            installation.kafka_ca_file,
            installation.kafka_certificate_file,
            installation.kafka_key_file,
        )
        named = ", ".join(str(file) for file in files if file is not None)
        raise ExpectedError(
            f"the certificate files for Kafka cannot be used ({error}); check that they exist, are "
            f"PEM and can be read by this user: {named}"
        ) from error
    return {"ssl_context": context}
