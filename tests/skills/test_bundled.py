"""The skills that come along: each can be offered, says what it is for, and is short."""

from pathlib import Path

import pytest

import hermes
from hermes.agent.injection import find_injection
from hermes.skills import Skill, SkillPlaces, index, load_skills, skill_roots
from hermes.tools.skills import skill_view
from tests.hermes.tools.ports import World

ROOT = Path(hermes.__file__).parents[1] / "skills"
SKILLS = load_skills([ROOT])
NAMES = {"machine-checkup", "meeting-notes", "read-documents", "research", "spending", "tidy-files"}


def test_all_of_them_are_offered_and_their_index_is_terse() -> None:
    assert {skill.name for skill in SKILLS.offered} == NAMES
    assert SKILLS.skipped == ()
    assert len(index(SKILLS.offered)) < 900


@pytest.mark.parametrize("skill", SKILLS.offered, ids=lambda skill: skill.name)
async def test_each_can_be_read_and_is_short(tmp_path: Path, skill: Skill) -> None:
    world = World(tmp_path)
    world.skills = SkillPlaces(skill_roots(world.home, {})[:1])
    result = await world.result(skill_view, name=skill.name)
    assert not result.is_error
    text = (ROOT / skill.folder / "SKILL.md").read_text()
    assert skill.folder == skill.name
    assert len(text) <= 4_000
    assert max(map(len, text.splitlines())) <= 260
    assert find_injection(text) is None
