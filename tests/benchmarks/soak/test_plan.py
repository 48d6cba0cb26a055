"""What goes wrong when follows from the seed and the length."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.soak.plan import KINDS, ROUNDS, WHOLE, plan, window


def test_a_seed_makes_the_same_plan_again_and_another_one_makes_another() -> None:
    assert plan(7, WHOLE) == plan(7, WHOLE)
    assert plan(7, WHOLE) != plan(8, WHOLE)


@given(st.integers(0, 10**6), st.sampled_from([60.0, 360.0, WHOLE]))
def test_one_process_lives_through_the_window_and_the_last_round_is_quiet(seed: int, seconds: float) -> None:
    made = plan(seed, seconds)
    begins, ends = window(seconds)
    assert not [kill for kill in made.kills if begins - made.round <= kill <= ends]
    assert max([*made.kills, *(fault.ends for fault in made.faults)]) <= seconds - made.round
    assert any(kill > ends for kill in made.kills)


@given(st.integers(0, 10**6))
def test_a_whole_run_kills_at_both_ends_and_has_every_trouble(seed: int) -> None:
    made = plan(seed, WHOLE)
    begins, ends = window(WHOLE)
    assert any(kill < begins for kill in made.kills)
    assert sum(kill > ends for kill in made.kills) > 5
    for service, kinds in KINDS.items():
        assert {fault.kind for fault in made.faults if fault.service == service} == set(kinds)


@given(st.integers(0, 10**6), st.sampled_from([60.0, WHOLE]))
def test_a_service_is_in_one_trouble_at_a_time(seed: int, seconds: float) -> None:
    for service in KINDS:
        faults = [fault for fault in plan(seed, seconds).faults if fault.service == service]
        assert all(one.ends < other.begins for one, other in pairwise(faults))
        assert all(fault.begins < fault.ends for fault in faults)


@pytest.mark.parametrize("seconds", [8.0, WHOLE])
def test_the_window_is_after_the_first_five_of_thirty(seconds: float) -> None:
    begins, ends = window(seconds)
    assert begins == pytest.approx(seconds * 5 / ROUNDS)
    assert ends == pytest.approx(seconds * 25 / ROUNDS)
