"""The routes for codes as the OpenAPI description tells of them, from their table."""

from collections.abc import Sequence
from typing import Final

from reftrail.codes_api.routes import Endpoint
from reftrail.hosting.openapi import Operation, Parameter

_ERRORS: Final = {
    400: "The body is not JSON.",
    401: "No known key.",
    403: "A publishable key where a secret one is needed.",
    404: "No such code or format.",
    409: "What there is speaks against it: the status, a limit, another's code.",
    422: "A field can't be so; pointer says which.",
    429: "Too many requests; Retry-After says when to ask again.",
    503: "The store of codes doesn't answer, or none is configured.",
}
_OF_ACTS: Final = (
    Parameter(
        "wait",
        meaning="Wait up to 5 s for Kafka; `published` says whether it has the change.",
        schema={"type": "boolean", "default": False},
    ),
    Parameter(
        "Idempotency-Key",
        "header",
        "The same request under the same key is done once, for seven days.",
    ),
    Parameter(
        "X-Actor",
        "header",
        "Who acts, for the audit log; the key's short hash stands there anyway.",
    ),
)


def described(endpoints: Sequence[Endpoint]) -> list[Operation]:
    """Each as it is told of."""
    return [
        Operation(
            one.method,
            one.path,
            one.summary,
            bodies=one.bodies,
            query=one.query,
            parameters=_OF_ACTS if one.is_act else (),
            errors=_ERRORS,
            status=one.status,
            answers=(one.answers,),
        )
        for one in endpoints
    ]
