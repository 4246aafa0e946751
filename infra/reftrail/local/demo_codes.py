"""Issues the codes of a simulated programme as anybody's codes are issued: in the store."""

from collections.abc import Collection
from contextlib import closing
from typing import Final

from reftrail.codes.host.relay import wait_until_sent
from reftrail.codes.model import By, GivenCode, Terms
from reftrail.codes.service import CodeService
from reftrail.codes.store import Store
from reftrail.contracts.reference import CodeChanged, CodeStatus
from reftrail.local.stack import Stack

_ACTOR: Final = "simulator"


def issue_codes(stack: Stack, codes: Collection[CodeChanged]) -> None:
    """Register the codes, stop those that are stopped, and return when Kafka has all of it."""
    by = By(actor=_ACTOR, at=min(code.event_time for code in codes))
    with closing(Store.open(stack.ready.codes_store)) as store:
        service = CodeService(store)
        stop = {CodeStatus.SUSPENDED: service.suspend, CodeStatus.REVOKED: service.revoke}
        service.register(map(_given, codes), by)
        for code in codes:
            if code.status != CodeStatus.ACTIVE:
                stop[CodeStatus(code.status)](code.code, by)
        wait_until_sent(store, stack.installation)


def _given(code: CodeChanged) -> GivenCode:
    return GivenCode(
        code=code.code,
        created_at=code.created_at,
        terms=Terms(
            campaign_id=code.campaign_id,
            owner_user_id=code.owner_user_id,
            category=code.category,
            channel=code.channel,
            expires_at=code.expires_at,
            max_uses=code.max_uses,
        ),
    )
