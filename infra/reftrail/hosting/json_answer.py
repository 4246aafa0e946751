"""Answers in JSON."""

from typing import Any

import msgspec
from starlette.responses import Response


def json_answer(body: Any, status: int = 200) -> Response:
    """A body of plain values, records or dataclasses as JSON."""
    return Response(msgspec.json.encode(body), status, media_type="application/json")
