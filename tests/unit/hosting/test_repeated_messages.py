"""Messages that a client repeats are written once in a while."""

import logging

from reftrail.hosting.repeated_messages import OnceInAWhile, quieten


def record(message: str = "no answer from %s", level: int = logging.ERROR) -> logging.LogRecord:
    return logging.LogRecord("client", level, "file", 1, message, ("node",), None)


def test_the_first_few_and_then_one_in_a_while_with_the_number_of_the_others() -> None:
    time = 0.0
    only_some = OnceInAWhile(lambda: time)
    written = []
    for _ in range(30):
        time += 1
        said = record()
        if only_some.filter(said):
            written.append(said.getMessage())
    assert written == [
        *["no answer from node"] * 5,
        "no answer from node (and 5 more like this)",
        "no answer from node (and 9 more like this)",
    ]


def test_other_messages_and_those_below_a_warning_pass() -> None:
    only_some = OnceInAWhile(lambda: 0.0)
    assert sum(only_some.filter(record()) for _ in range(9)) == 5
    assert only_some.filter(record("something else about %s"))
    assert sum(only_some.filter(record(level=logging.INFO)) for _ in range(9)) == 9


def test_a_message_that_comes_back_later_is_new() -> None:
    time = 0.0
    only_some = OnceInAWhile(lambda: time)
    assert sum(only_some.filter(record()) for _ in range(5)) == 5
    time = 60.0
    assert sum(only_some.filter(record()) for _ in range(9)) == 5


def test_all_loggers_of_a_client_are_quietened_and_no_others() -> None:
    inside, outside = logging.getLogger("noisy.client"), logging.getLogger("noisyother")
    quieten("noisy")
    try:
        assert [type(filter_) for filter_ in inside.filters] == [OnceInAWhile]
        assert outside.filters == []
    finally:
        inside.filters.clear()
