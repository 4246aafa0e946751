"""Answers that are prepared are those that would be made."""

from starlette.responses import Response

from reftrail.hosting.json_answer import json_answer, prepared


def parts(answer: Response) -> tuple[int, bytes, list[tuple[bytes, bytes]]]:
    return answer.status_code, bytes(answer.body), answer.raw_headers


def test_a_prepared_answer_is_the_one_that_would_be_made() -> None:
    answer = prepared(lambda number: {"taken": number}, 202)
    for number in (0, 1, 1, 100, 1):
        assert parts(answer(number)) == parts(json_answer({"taken": number}, 202))


def test_what_is_added_to_one_is_in_no_other() -> None:
    answer = prepared(lambda number: number)
    one = answer(1)
    one.headers["access-control-allow-origin"] = "https://shop.example"
    assert parts(answer(1)) == parts(json_answer(1))
    assert one.headers["access-control-allow-origin"] == "https://shop.example"
