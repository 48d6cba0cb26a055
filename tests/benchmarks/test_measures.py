"""What follows from what a loop told."""

import pytest

from benchmarks.measures import rate


@pytest.mark.parametrize(
    ("inside", "answered", "last", "expected"),
    [(500, 550, 6.0, 100.0), (0, 200, 20.0, 10.0), (30, 80, 8.0, 10.0)],
)
def test_a_slow_product_is_measured_through_its_last_answer(
    inside: int, answered: int, last: float, expected: float
) -> None:
    assert rate({"inside": inside, "answered": answered, "last": last}, 5.0) == expected
