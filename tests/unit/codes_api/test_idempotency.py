"""Requests under an Idempotency-Key are done once, whatever happens meanwhile."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import sqlalchemy as sa
from support.codes import BY, SUMMER

from reftrail.codes.model import Filter
from reftrail.codes.service import CodeService
from reftrail.codes.store import Store
from reftrail.codes.store.tables import codes as codes_table
from reftrail.codes.store.tables import outbox, requests
from reftrail.codes_api.idempotency import KEPT_SECONDS, RequestId, once
from reftrail.edge.http_errors import RequestRefused

ORDER = RequestId.of("ann", "order 17", "POST", "/v1/codes", b"{}")


class Issuing:
    """Issues three codes, and fails so many times after that."""

    def __init__(self, codes: CodeService, fails: int = 0) -> None:
        self.codes = codes
        self.fails = fails

    def __call__(self) -> dict[str, Any]:
        (issued,) = self.codes.issue_each([SUMMER] * 3, BY)
        if self.fails:
            self.fails -= 1
            raise ZeroDivisionError
        assert self.codes.find(issued[0].code) is not None
        return {"codes": [code.code for code in issued]}


def counted(store: Store) -> list[int]:
    with store.read() as connection:
        return [
            connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
            for table in (codes_table, requests)
        ]


def test_the_same_request_is_answered_again_and_not_done(codes: CodeService, store: Store) -> None:
    answer, before = once(store, ORDER, Issuing(codes))
    assert not before
    for _ in range(2):
        assert once(store, ORDER, Issuing(codes)) == (answer, True)
    assert counted(store) == [3, 1]


def test_without_a_key_everything_is_done(codes: CodeService, store: Store) -> None:
    for _ in range(2):
        assert not once(store, None, Issuing(codes))[1]
    assert counted(store) == [6, 0]


def test_what_fails_leaves_nothing_and_is_done_the_next_time(
    codes: CodeService, store: Store
) -> None:
    issuing = Issuing(codes, fails=1)
    with pytest.raises(ZeroDivisionError):
        once(store, ORDER, issuing)
    assert counted(store) == [0, 0]
    with store.read() as connection:
        assert connection.execute(sa.select(outbox)).all() == []
    assert not once(store, ORDER, issuing)[1]
    assert counted(store) == [3, 1]


def test_of_many_at_once_one_is_done(codes: CodeService, store: Store) -> None:
    with ThreadPoolExecutor(8) as threads:
        done = list(threads.map(lambda _: once(store, ORDER, Issuing(codes)), range(24)))
    assert [before for _, before in done].count(False) == 1
    assert len({tuple(answer["codes"]) for answer, _ in done}) == 1
    assert len(codes.page(Filter()).codes) == 3


def test_a_key_is_for_one_request_of_one_caller(codes: CodeService, store: Store) -> None:
    once(store, ORDER, Issuing(codes))
    other = RequestId.of("ann", "order 17", "POST", "/v1/codes", b'{"count": 2}')
    with pytest.raises(RequestRefused, match="another request") as refused:
        once(store, other, Issuing(codes))
    assert refused.value.status == 422
    bobs = RequestId.of("bob", "order 17", "POST", "/v1/codes", b'{"count": 2}')
    assert not once(store, bobs, Issuing(codes))[1]


def test_old_answers_are_forgotten(
    codes: CodeService, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    once(store, ORDER, Issuing(codes))
    later = time.time() + KEPT_SECONDS + 2
    monkeypatch.setattr(time, "time", lambda: later)
    another = RequestId.of("ann", "order 18", "POST", "/v1/codes", b"{}")
    once(store, another, Issuing(codes))
    assert counted(store) == [6, 1]
