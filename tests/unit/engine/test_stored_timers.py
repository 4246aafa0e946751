"""Timers of stored keys fire by the times that their states have when the hour comes."""

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from reftrail.contracts.record import HOUR, Millis
from reftrail.engine.stored_timers import StoredTimers


class States:
    """Times by key, under names of their first letter or of all of it."""

    def __init__(self, *, grouped: bool = False) -> None:
        self.times: dict[str, Millis] = {}
        self.length = 1 if grouped else 99
        self.timers = StoredTimers(self)

    @property
    def size(self) -> int:
        return len(self.times)

    def names(self) -> Iterable[str]:
        return {key[: self.length] for key in self.times}

    def due_at(self, key: str) -> Millis | None:
        return self.times.get(key)

    def times_of(self, name: str) -> Iterable[tuple[Millis | None, str]]:
        keys = [key for key in self.times if key[: self.length] == name]
        return [(self.times[key], key) for key in keys]

    def set(self, key: str, time: Millis | None) -> None:
        if time is None:
            self.times.pop(key, None)
            return
        self.times[key] = time
        self.timers.add({key: time}, lambda key: key[: self.length])

    def entries(self) -> int:
        return self.timers._named + len(self.timers._heap)


times = st.integers(0, 4 * HOUR // 900_000).map(lambda quarter: quarter * 900_000)
keys = st.sampled_from(["a:1", "a:2", "b:1", "c:1"])
steps = st.lists(
    st.one_of(
        st.tuples(keys, st.none() | times),
        st.tuples(st.just("tick"), times),
        st.tuples(st.just("silence"), keys),
        st.tuples(st.just("many"), keys),
    ),
    max_size=30,
)


@given(steps, st.integers(1, 5), st.sets(st.sampled_from(["a:1", "b:1"])), st.booleans())
def test_the_times_are_those_that_were_set_last(
    found: list[tuple[str, int | str | None]], most: int, without: set[str], grouped: bool
) -> None:
    states, silenced = States(grouped=grouped), dict[str, Millis | None]()
    for what, value in [*found, ("tick", 5 * HOUR)]:
        match what, value:
            case "tick", int(until):
                due = sorted(
                    (time, key)
                    for key, time in states.times.items()
                    if time <= until and key not in without and silenced.get(key) != time
                )
                assert states.timers.due(until, most, without) == due[:most]
            case "silence", str(key):
                states.timers.silenced.update({key: states.due_at(key)})
                silenced = {k: t for k, t in silenced.items() if states.due_at(k) == t}
                silenced[key] = states.due_at(key)
            case "many", str(key):
                for minute in range(1_200):
                    states.set(key, minute * HOUR // 60)
            case key, time:
                assert time is None or isinstance(time, int)
                states.set(key, time)


def test_what_is_stale_is_removed_when_it_is_most() -> None:
    states = States()
    for number in range(50_000):
        states.set("often", HOUR + number)  # again and again in one hour
        states.set("later", number * HOUR // 60)  # hour after hour
        states.set(f"gone {number}", 5)
        states.set(f"gone {number}", None)
    assert states.entries() < 1_100
    assert states.timers.due(HOUR + 60_000, 10) == [(HOUR + 49_999, "often")]
    states.timers.due(50_000 * HOUR, 10)  # all is in the heap by now
    for number in range(50_000):
        states.set("often", HOUR + number)
    assert states.entries() < 1_100
    assert states.timers.due(50_000 * HOUR, 10) == [
        (HOUR + 49_999, "often"),
        (49_999 * HOUR // 60, "later"),
    ]


def test_nothing_is_removed_that_has_its_time() -> None:
    states = States()
    for number in range(5_000):
        states.set(f"key {number:04}", number * HOUR // 60)
    assert states.entries() == 5_000
    due = states.timers.due(5_000 * HOUR // 60, 9_999)
    assert due == [(number * HOUR // 60, f"key {number:04}") for number in range(5_000)]
