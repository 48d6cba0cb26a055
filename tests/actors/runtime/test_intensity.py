import pytest

from actors.runtime import Intensity
from actors.runtime.intensity import Window


def test_the_allowed_number_of_ends_passes_and_one_more_does_not() -> None:
    window = Window()
    assert [window.exceeded(Intensity(2, 30.0), now) for now in (0.0, 1.0, 2.0)] == [False, False, True]


def test_ends_leave_the_count_after_the_period() -> None:
    window, intensity = Window(), Intensity(1, 30.0)
    assert not window.exceeded(intensity, 0.0)
    assert not window.exceeded(intensity, 30.0)
    assert window.exceeded(intensity, 59.9)


def test_counting_begins_anew_once_it_was_exceeded() -> None:
    window, intensity = Window(), Intensity(1, 30.0)
    assert [window.exceeded(intensity, 0.0) for _ in range(3)] == [False, True, False]


def test_none_allowed_means_the_first_end_is_too_many() -> None:
    assert Window().exceeded(Intensity(0, 1.0), 0.0)


def test_a_period_of_no_length_is_refused() -> None:
    with pytest.raises(ValueError, match="period"):
        Intensity(1, 0.0)


def test_it_reads_as_words() -> None:
    assert str(Intensity(5, 30.0)) == "5 restarts in 30 s"
