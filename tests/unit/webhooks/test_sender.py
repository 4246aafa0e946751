"""A request to a receiver, as far as it goes without one."""

import socket
from typing import Any

import httpcore
import pytest

from reftrail.webhooks.model import Due, LogPlace, SigningKey, Webhook
from reftrail.webhooks.sender import Sender

KEY = SigningKey("k1", "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD")
DUE = Due(LogPlace("rewards", 0, 1), "msg_1", "{}", 0, 1)


@pytest.mark.parametrize(
    ("url", "port", "detail"),
    [
        ("HTTPS://shop.example/", 443, "ConnectError: refused"),
        ("https://shop.example/", 443, "ConnectError: refused"),
        ("HTTP://shop.example/", 80, "shop.example is asked without encryption"),
    ],
)
def test_a_scheme_is_one_however_it_is_written(
    monkeypatch: pytest.MonkeyPatch, url: str, port: int, detail: str
) -> None:
    asked: list[int] = []

    def look_up(_host: str, at: int, **_: Any) -> list[Any]:
        asked.append(at)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("93.184.215.14", at))]

    def connect(*_: Any, **__: Any) -> Any:
        raise httpcore.ConnectError("refused")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    monkeypatch.setattr(httpcore.SyncBackend, "connect_tcp", connect)
    answer = Sender([], 5.0).send(Webhook("wh_1", url, ("rewards",), (KEY,), 1, 0), DUE)
    assert (answer.is_delivered, answer.detail[: len(detail)]) == (False, detail)
    assert asked == [port]
