"""When a provider is left alone, as a table of times."""

from actors.breaker import FAILURES, FIRST_PAUSE, LONGEST_PAUSE, PROBE_EVERY, Breaker


def opened(now: float = 0.0) -> Breaker:
    breaker = Breaker()
    for _ in range(FAILURES):
        breaker.failed(now)
    return breaker


def test_it_stays_closed_until_failures_come_in_a_row() -> None:
    breaker = Breaker()
    for _ in range(3):
        for _ in range(FAILURES - 1):
            breaker.failed(0.0)
        assert breaker.admit(0.0) == 0
        breaker.served()
    assert not breaker.open


def test_it_opens_for_a_pause_and_lets_one_through_at_a_time_after_it() -> None:
    breaker = opened()
    assert breaker.admit(1.0) == FIRST_PAUSE - 1.0
    assert breaker.admit(FIRST_PAUSE) == 0
    assert breaker.admit(FIRST_PAUSE + 1) == PROBE_EVERY - 1
    assert breaker.admit(FIRST_PAUSE + PROBE_EVERY) == 0


def test_a_failure_behind_an_open_breaker_doubles_its_pause_up_to_a_bound() -> None:
    breaker, now, pauses = opened(), 0.0, list[float]()
    for _ in range(8):
        pause = breaker.admit(now)
        pauses.append(pause)
        now += pause
        assert breaker.admit(now) == 0
        breaker.failed(now)
    assert pauses[0] == FIRST_PAUSE < LONGEST_PAUSE
    assert pauses[1:] == [min(2 * FIRST_PAUSE, LONGEST_PAUSE)] * 7
    assert LONGEST_PAUSE <= 30.0, "what is promised"


def test_calls_that_were_under_way_when_it_opened_make_its_pause_no_longer() -> None:
    breaker = opened()
    for _ in range(40):
        breaker.failed(1.0)
    assert breaker.admit(1.0) == FIRST_PAUSE - 1.0
    assert breaker.admit(FIRST_PAUSE) == 0
    breaker.failed(FIRST_PAUSE)
    breaker.failed(FIRST_PAUSE)
    assert breaker.admit(FIRST_PAUSE) == min(2 * FIRST_PAUSE, LONGEST_PAUSE)


def test_one_service_closes_it() -> None:
    breaker = opened()
    breaker.served()
    assert breaker.admit(0.0) == 0
    assert breaker.admit(0.0) == 0


def test_the_longest_pause_that_was_asked_for_counts() -> None:
    breaker = Breaker()
    breaker.paused(0.0, 20.0)
    breaker.paused(1.0, 5.0)
    assert breaker.admit(1.0) == 19.0
    assert breaker.asks_for_pause(19.9)
    assert breaker.admit(20.0) == 0
