"""Outcomes of answers, from a receiver that answers byte for byte as set up."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from support.fulfilment import SECRET, an_order

from reftrail.fulfilment.answers import Answer, Deferred, Delivered, OrderRefused
from reftrail.fulfilment.http_client import HttpClient
from reftrail.fulfilment.partners.deliveries import Deliveries, Faults
from reftrail.fulfilment.shipment import HttpCarrier, Shipments
from reftrail.fulfilment.signature import verify
from reftrail.fulfilment.webhook import Webhook
from reftrail.local.ports import free_port

TIMEOUT = 0.3
PAUSE = TIMEOUT / 5
FOR_EVER = 60.0
IMPATIENT = HttpClient(TIMEOUT)  # making one takes longer than all the rest of a test
PATIENT = HttpClient(30)
Handle = Callable[[socket.socket, bytes], None]


@contextmanager
def receiver(handle: Handle) -> Iterator[str]:
    """A server that reads a request and leaves the rest to handle, one connection at a time."""
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with connection:
                handle(connection, request_from(connection))

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join()


def request_from(connection: socket.socket) -> bytes:
    read = b""
    while b"\r\n\r\n" not in read:
        read += connection.recv(65536)
    head, _, body = read.partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
    while len(body) < length:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


def response(status: int, body: str = "", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", *headers, "", body]
    return "\r\n".join(lines).encode()


def asked(handle: Handle, kind: str = "credit", http: HttpClient = PATIENT) -> Answer:
    with receiver(handle) as url:
        if kind == "shipment":
            return Shipments(HttpCarrier(http, url, "key")).fulfil(an_order(1, kind))
        return Webhook(http, url, [SECRET]).fulfil(an_order(1, kind))


def answering(status: int, body: str = "", *headers: str) -> Handle:
    return lambda connection, _: connection.sendall(response(status, body, *headers))


@pytest.mark.parametrize(
    ("body", "reference"),
    [
        ('{"reference": "r-1"}', "r-1"),
        ('{"reference": 17}', "17"),
        ('{"reference": true}', None),
        ("{}", None),
        ("", None),
        ("thanks", None),
        ("[1]", None),
        (json.dumps({"reference": "x" * 300}), "x" * 200),
    ],
)
def test_success_is_delivered_whatever_a_webhooks_receiver_says(
    body: str, reference: str | None
) -> None:
    assert asked(answering(201, body)) == Delivered(reference=reference)


@pytest.mark.parametrize("status", [400, 410, 413, 415, 422])
def test_some_refusals_are_for_good(status: int) -> None:
    answer = asked(answering(status, "no such user"))
    assert isinstance(answer, OrderRefused)
    assert answer.detail.endswith(f"/credit answered {status}: 'no such user'")


@pytest.mark.parametrize(
    ("status", "in_doubt"),
    [
        *((status, False) for status in (301, 401, 403, 404, 429)),
        *((status, True) for status in (408, 409, 500, 503)),
    ],
)
def test_others_are_asked_again(status: int, in_doubt: bool) -> None:
    answer = asked(answering(status, "", "Location: http://127.0.0.1:1/", "Retry-After: 7"))
    assert isinstance(answer, Deferred)
    assert (answer.in_doubt, answer.retry_after) == (in_doubt, 7.0)


@pytest.mark.parametrize("after", ["soon", "-1", "Wed, 21 Oct 2026 07:28:00 GMT", "1" * 30, ""])
def test_what_does_not_say_seconds_is_no_time_to_wait(after: str) -> None:
    answer = asked(answering(503, "", f"Retry-After: {after}"))
    assert isinstance(answer, Deferred)
    assert answer.retry_after is None


def test_nobody_there_leaves_no_doubt() -> None:
    answer = Webhook(PATIENT, f"http://127.0.0.1:{free_port()}", [SECRET]).fulfil(an_order())
    assert isinstance(answer, Deferred)
    assert "can't be reached" in answer.detail
    assert not answer.in_doubt


def silent(connection: socket.socket, _: bytes) -> None:
    connection.settimeout(FOR_EVER)
    connection.recv(1)


def broken(connection: socket.socket, _: bytes) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Le")


def nonsense(connection: socket.socket, _: bytes) -> None:
    connection.sendall(b"\x00\x01\x02\r\n\r\n")


def trickling(connection: socket.socket, _: bytes) -> None:
    try:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        for nth in range(round(FOR_EVER / PAUSE)):
            connection.sendall(b"%d" % (nth % 10))
            time.sleep(PAUSE)
    except OSError:
        return


@pytest.mark.parametrize("handle", [silent, broken, nonsense, trickling])
def test_no_clear_answer_leaves_doubt_and_does_not_take_for_ever(handle: Handle) -> None:
    began = time.monotonic()
    answer = asked(handle, http=IMPATIENT)
    assert isinstance(answer, Deferred)
    assert answer.in_doubt
    assert time.monotonic() - began < FOR_EVER / 2


def test_a_second_answer_is_not_taken_for_that_to_the_next_order() -> None:
    answers = iter(
        [
            response(201, '{"reference": "first"}') + response(201, '{"reference": "stray"}'),
            response(422, "no such user"),
        ]
    )
    with receiver(lambda connection, _: connection.sendall(next(answers))) as url:
        webhook = Webhook(PATIENT, url, [SECRET])
        assert webhook.fulfil(an_order(1)) == Delivered(reference="first")
        assert isinstance(webhook.fulfil(an_order(2)), OrderRefused)


def test_an_endless_answer_is_not_read_to_its_end() -> None:
    def endless(connection: socket.socket, _: bytes) -> None:
        try:
            connection.sendall(b"HTTP/1.1 500 X\r\n\r\n" + b"x" * 1_000_000)
        except OSError:
            return

    answer = asked(endless)
    assert isinstance(answer, Deferred)
    assert len(answer.detail) < 400


def test_what_is_sent_can_be_verified_and_says_whom_it_is_for() -> None:
    seen: list[bytes] = []

    def keep(connection: socket.socket, request: bytes) -> None:
        seen.append(request)
        connection.sendall(response(200))

    assert isinstance(asked(keep, "cash"), Delivered)
    head, _, body = seen[0].partition(b"\r\n\r\n")
    first, *rest = head.decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in rest)}
    assert first == "POST /cash HTTP/1.1"
    verify(headers["reftrail-signature"], body, [SECRET], time.time())
    order = an_order(1, "cash")
    assert headers["idempotency-key"] == order.reward_id
    found = json.loads(body)
    assert (found["reward_id"], found["beneficiary"]) == (order.reward_id, order.beneficiary)
    assert (found["value_micros"], found["currency"], found["kind"]) == (5_000_000, "EUR", "cash")


def test_a_parcel_goes_out_with_carrier_and_number() -> None:
    answer = asked(answering(200, '{"carrier": "C", "tracking_number": "T"}'), "shipment")
    assert answer == Delivered(reference="T", carrier="C", tracking_number="T")


def test_a_carrier_that_names_no_number_is_asked_again() -> None:
    answer = asked(answering(200, '{"carrier": "C"}'), "shipment")
    assert isinstance(answer, Deferred)
    assert answer.in_doubt
    assert "lacks what it should say" in answer.detail


def test_nothing_to_ship_is_refused() -> None:
    shipments = Shipments(HttpCarrier(PATIENT, "http://127.0.0.1:1", "key"))
    assert isinstance(shipments.fulfil(an_order(1, "shipment", item=None)), OrderRefused)


def test_simulated_partners_do_it_once_for_a_key_or_as_often_as_asked() -> None:
    for honours, done in ((True, 1), (False, 3)):
        deliveries = Deliveries(Faults(honours_keys=honours))
        answers = [deliveries.ask("key", {"n": n}) for n in range(3)]
        assert deliveries.done["key"] == done
        assert deliveries.asked["key"] == 3
        assert answers[0] == (None, {"n": 0})


def test_simulated_faults_come_as_often_as_told() -> None:
    deliveries = Deliveries(Faults(busy=0.1, fail=0.2, forget=0.3, seed=3))
    faults = [deliveries.ask(f"key {n}", {})[0] for n in range(2000)]
    for fault, share in (("busy", 0.1), ("fail", 0.2), ("forget", 0.3)):
        assert abs(faults.count(fault) / 2000 - share) < 0.04  # type: ignore[arg-type]
    assert sum(deliveries.done.values()) == 2000 - faults.count("busy") - faults.count("fail")  # type: ignore[arg-type]
