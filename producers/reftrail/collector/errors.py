"""What a request can be answered with besides its result."""


class Unavailable(Exception):  # noqa: N818  named after the HTTP status
    """Kafka can't be reached, doesn't acknowledge, or too much waits for it: 503.

    Whatever belongs to the request must be sent again, under the same event_ids: some of it may
    be written yet, and the ids keep it from counting twice.
    """


class Refused(Exception):  # noqa: N818
    """The request as a whole is wrong. str() tells its sender what to do."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
