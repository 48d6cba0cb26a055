import math

from attrs import define
from hypothesis import given
from hypothesis import strategies as st

from actors.runtime.timers import Timers


@define(eq=False)
class Thing:
    due: float = math.inf


def test_the_earliest_comes_first_and_only_when_it_is_due() -> None:
    timers, late, early = Timers[Thing](), Thing(), Thing()
    timers.set(late, 2.0)
    timers.set(early, 1.0)
    assert timers.next() == 1.0
    assert timers.pop(0.9) is None
    assert timers.pop(2.0) is early
    assert timers.pop(2.0) is late
    assert timers.next() == math.inf


def test_a_new_time_replaces_the_old_one() -> None:
    timers, thing = Timers[Thing](), Thing()
    timers.set(thing, 1.0)
    timers.set(thing, 5.0)
    assert timers.pop(4.0) is None
    assert timers.pop(5.0) is thing


def test_never_is_no_timer() -> None:
    timers, thing = Timers[Thing](), Thing()
    timers.set(thing, 1.0)
    timers.set(thing, math.inf)
    assert timers.next() == math.inf


def test_timers_that_were_cleared_leave_nothing_behind() -> None:
    timers = Timers[Thing]()
    for turn in range(10_000):
        thing = Thing()
        timers.set(thing, float(turn))
        timers.clear(thing)
    assert len(timers._heap) <= 100


@given(st.lists(st.tuples(st.integers(0, 5), st.one_of(st.none(), st.integers(0, 20)))))
def test_any_history_of_timers_pops_as_a_plain_list_would(moves: list[tuple[int, int | None]]) -> None:
    things, timers, model = [Thing() for _ in range(6)], Timers[Thing](), dict[int, int]()
    for which, due in moves:
        if due is None:
            timers.clear(things[which])
            model.pop(which, None)
        else:
            timers.set(things[which], float(due))
            model[which] = due
    popped = []
    while (thing := timers.pop(1e9)) is not None:
        popped.append(things.index(thing))
    assert sorted(popped) == sorted(model)
    assert [model[which] for which in popped] == sorted(model.values())
