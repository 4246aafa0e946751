"""Errors that a request is answered with."""

from starlette.responses import Response

from reftrail.hosting.problems import problem


class Unavailable(Exception):  # noqa: N818  named after the HTTP status
    """Kafka can't be reached, doesn't acknowledge, or too much waits for it: 503.

    Whatever belongs to the request must be sent again, under the same event_ids: some of it may
    be written yet, and the ids keep it from counting twice.
    """


class RequestRefused(Exception):  # noqa: N818
    """The request as a whole is not done. str() tells its sender what to do.

    pointer (RFC 6901) leads to the field that is wrong, where it is one; retry_after, in seconds,
    says when the same request may do better; suggestion is a code to be given instead.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        pointer: str | None = None,
        retry_after: int | None = None,
        suggestion: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.pointer = pointer
        self.retry_after = retry_after
        self.suggestion = suggestion

    @property
    def headers(self) -> dict[str, str]:
        """The headers of the answer."""
        challenge = {"www-authenticate": "Bearer"} if self.status == 401 else {}
        again = {"retry-after": str(self.retry_after)} if self.retry_after is not None else {}
        return challenge | again


def refused(error: RequestRefused) -> Response:
    """The answer to a request that is refused."""
    return problem(
        error.status,
        str(error),
        headers=error.headers,
        pointer=error.pointer,
        suggestion=error.suggestion,
    )
