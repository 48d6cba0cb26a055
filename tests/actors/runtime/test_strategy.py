import pytest

from actors.runtime import Strategy
from actors.runtime.strategy import companions


@pytest.mark.parametrize(
    ("strategy", "together"),
    [(Strategy.ONE_FOR_ONE, ""), (Strategy.REST_FOR_ONE, "cd"), (Strategy.ONE_FOR_ALL, "acd")],
)
def test_each_strategy_names_the_siblings_that_restart_with_the_failed_one(strategy: Strategy, together: str) -> None:
    children = list("abcd")
    assert companions(strategy, children, children[1]) == list(together)
