"""Records that fulfilment has written: its reports and dead letters."""

from reftrail.contracts.decisions import DeadLettered
from reftrail.contracts.external_inputs import FulfilmentReported
from reftrail.contracts.topics import DEAD_LETTERS, FULFILMENTS
from support.kafka import TestInstallation
from support.log import read_committed


def reports(installation: TestInstallation) -> list[FulfilmentReported]:
    return [logged.record for logged in read_committed(installation, FULFILMENTS)]


def letters(installation: TestInstallation) -> dict[str, DeadLettered]:
    found = [logged.record for logged in read_committed(installation, DEAD_LETTERS)]
    return {letter.reason: letter for letter in found}
