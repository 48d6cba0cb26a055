import math

from actors.runtime.liveness import Pulse


def test_the_age_counts_from_the_start_and_falls_with_each_beat() -> None:
    pulse = Pulse(bound=10.0)
    assert pulse.age(5.0) is None
    pulse.start(5.0)
    assert pulse.age(12.0) == 7.0
    pulse.beat(12.0)
    assert pulse.age(12.5) == 0.5


def test_an_unwatched_child_has_no_age_and_is_never_deaf() -> None:
    pulse = Pulse(bound=None)
    pulse.start(0.0)
    assert pulse.age(1e9) is None
    assert pulse.check(1e9) == math.inf


def test_it_is_deaf_exactly_at_its_bound() -> None:
    pulse = Pulse(bound=10.0)
    pulse.start(0.0)
    assert pulse.check(0.0) == 10.0
    pulse.beat(3.0)
    assert pulse.check(10.0) == 13.0
    assert pulse.check(13.0) is None


def test_while_it_retries_it_is_looked_at_again_later_and_never_deaf() -> None:
    pulse = Pulse(bound=10.0)
    pulse.start(0.0)
    pulse.retry("refused", 2.0)
    assert pulse.check(500.0) == 510.0
    pulse.beat(501.0)
    assert pulse.check(510.0) == 511.0


def test_health_is_the_proven_time_of_a_watched_child() -> None:
    pulse = Pulse(bound=10.0)
    assert pulse.healthy_for(100.0) == 0.0
    pulse.start(0.0)
    assert pulse.healthy_for(9.0) == 0.0
    pulse.beat(8.0)
    assert pulse.healthy_for(17.0) == 8.0


def test_health_of_an_unwatched_child_ends_where_it_began_to_retry() -> None:
    pulse = Pulse(bound=None)
    pulse.start(0.0)
    assert pulse.healthy_for(90.0) == 90.0
    pulse.retry("refused", 90.0)
    pulse.retry("still refused", 95.0)
    assert pulse.healthy_for(100.0) == 90.0
    assert pulse.retrying == "still refused"
