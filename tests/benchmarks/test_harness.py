"""What a run takes, by name."""

import pytest

from benchmarks.figures import FIGURES
from benchmarks.harness import GROUPS, keys, selected


def test_every_figure_belongs_to_exactly_one_group() -> None:
    taken = [key for group in GROUPS for key in keys(group)]
    assert sorted(taken) == sorted(figure.key for figure in FIGURES)


@pytest.mark.parametrize(("only", "expected"), [("load", "load"), ("rate.50", "load"), ("kill", "crash")])
def test_a_figure_or_a_group_selects_what_it_is_taken_with(only: str, expected: str) -> None:
    assert [group.name for group in selected(only)] == [expected]


def test_without_a_name_all_is_taken() -> None:
    assert selected("") == list(GROUPS)


def test_an_unknown_name_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(ValueError, match=r"no figure 'speed'; there are commands, .*rate\.50"):
        selected("speed")
