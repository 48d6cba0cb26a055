"""Which failed call is made again, and when."""

import pytest

from hermes.errors import (
    AuthError,
    ConfigError,
    HermesError,
    RateLimited,
    Refused,
    RemoteProtocolError,
    TransientError,
    Unavailable,
)
from hermes.models.contract import ContextOverflow
from hermes.models.retry import FIRST_PAUSE, LONGEST_OWN_PAUSE, MAX_PAUSE, SPREAD, others_may_do, retry_after


def never() -> float:
    return 0.0


def nearly_always() -> float:
    return 0.999


def test_pauses_of_our_own_double_up_to_a_bound_and_half_of_each_is_chance() -> None:
    pauses = [retry_after(TransientError("x"), failed, 20, never) for failed in range(1, 8)]
    assert pauses == [1.0, 2.0, 4.0, 8.0, 16.0, LONGEST_OWN_PAUSE, LONGEST_OWN_PAUSE]
    lucky = retry_after(TransientError("x"), 1, 20, nearly_always)
    assert lucky is not None
    assert FIRST_PAUSE / 2 <= lucky < FIRST_PAUSE * 0.51
    assert retry_after(TransientError("x"), 5000, 10_000, never) == LONGEST_OWN_PAUSE


@pytest.mark.parametrize("asked", [0.0, 3.0, MAX_PAUSE])
def test_a_pause_that_is_asked_for_is_never_shortened(asked: float) -> None:
    for random in (never, nearly_always):
        pause = retry_after(RateLimited("x", retry_after=asked), 1, 3, random)
        assert pause is not None
        assert asked <= pause <= asked * (1 + SPREAD)


def test_a_pause_longer_than_a_person_waits_is_not_waited_for() -> None:
    assert retry_after(RateLimited("x", retry_after=MAX_PAUSE + 1), 1, 3, never) is None


def test_retries_are_counted_and_may_be_none() -> None:
    assert retry_after(TransientError("x"), 3, 3, never) is not None
    assert retry_after(TransientError("x"), 4, 3, never) is None
    assert retry_after(TransientError("x"), 1, 0, never) is None
    assert retry_after(RemoteProtocolError("x"), 1, 3, never) is not None
    assert retry_after(RemoteProtocolError("x"), 2, 3, never) is None


@pytest.mark.parametrize(
    "error", [AuthError("x"), ConfigError("x"), Refused("x"), ContextOverflow("x"), Unavailable("x")]
)
def test_what_will_be_the_same_a_second_later_is_not_tried_again(error: HermesError) -> None:
    assert retry_after(error, 1, 3, never) is None


@pytest.mark.parametrize(
    ("error", "others"),
    [
        (TransientError("x"), True),
        (RateLimited("x", retry_after=1), True),
        (AuthError("x"), True),
        (ConfigError("x"), True),
        (RemoteProtocolError("x"), True),
        (Refused("x"), False),
        (ContextOverflow("x"), False),
    ],
)
def test_a_request_that_was_refused_goes_to_no_other_provider(error: HermesError, others: bool) -> None:
    assert others_may_do(error) is others
