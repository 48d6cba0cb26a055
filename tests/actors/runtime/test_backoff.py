import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.runtime import Backoff
from actors.runtime.backoff import lower_bound
from hermes.errors import RateLimited, TransientError


def test_without_jitter_the_pause_doubles_from_half_a_second_to_the_cap() -> None:
    backoff = Backoff(cap=5.0)
    assert [backoff.delay(attempt, lambda: 0.0) for attempt in range(6)] == [0.5, 1.0, 2.0, 4.0, 5.0, 5.0]


def test_chance_takes_off_at_most_the_jitters_share() -> None:
    backoff = Backoff(first=8.0, jitter=0.25)
    assert backoff.delay(0, lambda: 0.0) == 8.0
    assert backoff.delay(0, lambda: 1.0) == 6.0


@given(attempt=st.integers(0, 10**9), chance=st.floats(0, 1, exclude_max=True), factor=st.floats(1, 1e6))
def test_no_number_of_attempts_passes_the_cap_or_stops_the_pauses(attempt: int, chance: float, factor: float) -> None:
    assert 0 < Backoff(factor=factor, cap=60.0).delay(attempt, lambda: chance) <= 60.0


@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        (TransientError("network"), 0.0),
        (RateLimited("slow down", retry_after=17.5), 17.5),
        (RateLimited("slow down", retry_after=-3), 0.0),
        (RateLimited("slow down", retry_after=math.inf), 0.0),
        (RateLimited("slow down", retry_after=math.nan), 0.0),
    ],
)
def test_a_rate_limit_is_a_lower_bound_when_it_is_a_sane_number(error: Exception, seconds: float) -> None:
    assert lower_bound(error) == seconds


@pytest.mark.parametrize("wrong", [{"first": 0.0}, {"cap": -1.0}, {"factor": 0.5}, {"jitter": -0.1}])
def test_a_senseless_backoff_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Backoff(**wrong)
