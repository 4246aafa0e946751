"""Parts of the dashboard that the warehouse's settings make."""

from collections.abc import Mapping
from typing import Any, Final

import httpx
import msgspec

from reftrail.contracts.installation import Installation
from reftrail.dashboard.dashboard import DashboardParts, Explain, ReviewAnswer, SendReview
from reftrail.dashboard.sealing import Seal
from reftrail.dashboard.sessions import Sessions
from reftrail.reports.explain.chain import explain_journey
from reftrail.reports.explain.explanation import Explanation
from reftrail.reports.explain.log import Log
from reftrail.warehouse.settings import WarehouseSettings

_PATIENCE_SECONDS: Final = 15.0


def dashboard_parts(settings: WarehouseSettings) -> DashboardParts | None:
    """The dashboard's parts; None where no secret for its sessions is set."""
    if settings.warehouse_session_secret is None:
        return None
    secret = settings.warehouse_session_secret.get_secret_value()
    url = settings.collector_url
    return DashboardParts(
        Sessions(secret, settings.warehouse_session_seconds),
        Seal(secret, "user link"),
        send_review=review_sender(url) if url else None,
        explain=explainer(settings),
    )


def explainer(installation: Installation) -> Explain:
    """Explains from an installation's log."""

    def explain(known: Mapping[str, Any], code: str, user: str) -> Explanation:
        with Log(installation) as log:
            return explain_journey(known, log, code, user)

    return explain


def review_sender(url: str, transport: httpx.AsyncBaseTransport | None = None) -> SendReview:
    """Sends decisions to the collector at a URL, each under the key of who has made it."""

    async def send(key: str, review: dict[str, Any]) -> ReviewAnswer:
        try:
            async with httpx.AsyncClient(timeout=_PATIENCE_SECONDS, transport=transport) as client:
                answer = await client.post(
                    f"{url.rstrip('/')}/v1/reviews",
                    headers={"authorization": f"Bearer {key}"},
                    json=review,
                )
            body = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            why = str(error) or type(error).__name__
            return ReviewAnswer(503, f"the collector does not answer ({why}); send it again")
        if not answer.is_success:
            return ReviewAnswer(answer.status_code, body.get("detail", "the collector refuses"))
        rejected = body["rejected"]
        said = msgspec.json.encode(rejected).decode()
        return ReviewAnswer(422, f"not accepted: {said}") if rejected else ReviewAnswer(202)

    return send
