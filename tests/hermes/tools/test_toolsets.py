"""Toolset names and what they come to."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermes.tools.toolsets import COMPOSITES, FAMILIES, resolve


def test_a_family_is_itself_and_a_composite_is_what_it_holds() -> None:
    assert resolve(["todo"]).families == ("todo",)
    assert resolve(["hermes-cli"]).families == (
        "clarify",
        "extract",
        "file",
        "memory",
        "search",
        "session_search",
        "skills",
        "terminal",
        "todo",
    )
    assert resolve(["hermes-gateway"]) == resolve(["hermes-web"])


PLACES = """
acp api-server cli cron telegram discord whatsapp slack signal bluebubbles homeassistant email mattermost matrix
dingtalk feishu weixin qqbot wecom wecom-callback yuanbao sms webhook gateway
"""


@pytest.mark.parametrize("place", PLACES.split())
def test_each_place_of_a_chat_has_the_same_tools(place: str) -> None:
    resolution = resolve([f"hermes-{place}"])
    assert resolution.unknown == ()
    assert resolution.families == resolve(["hermes-cli"]).families


def test_all_and_a_star_are_every_family() -> None:
    assert resolve(["all"]).families == resolve(["*"]).families == tuple(sorted(FAMILIES))


def test_unknown_names_are_told_and_the_others_still_count() -> None:
    resolution = resolve(["vision", "todo", "nonsense"])
    assert resolution.families == ("todo",)
    assert resolution.unknown == ("vision", "nonsense")


def test_no_names_are_no_tools() -> None:
    assert resolve([]).families == ()


def test_every_composite_of_the_table_can_be_resolved() -> None:
    for name in COMPOSITES:
        assert resolve([name]).unknown == ()


_NAMES = st.sampled_from("abcdef")


@given(st.dictionaries(_NAMES, st.lists(_NAMES | st.just("x"), max_size=4).map(tuple)), st.lists(_NAMES))
def test_cycles_among_composites_end(composites: dict[str, tuple[str, ...]], names: list[str]) -> None:
    resolution = resolve(names, families=["x"], composites=composites)
    assert set(resolution.families) <= {"x"}
    assert not set(resolution.unknown) & set(composites)
