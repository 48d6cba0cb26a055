"""What the configuration comes to before any actor runs."""

from pathlib import Path

from actors.assembly import Program
from actors.assembly import _skill_places as skill_places
from hermes.config.schema import Settings, Skills
from hermes.home import Home
from hermes.redact import Redactor
from hermes.skills import load_skills


def _put(folder: Path, name: str, description: str) -> None:
    (folder / name).mkdir(parents=True)
    (folder / name / "SKILL.md").write_text(f"---\nname: {name}\ndescription: {description}\n---\n")


def test_own_skills_win_over_further_folders_and_these_over_the_bundled_ones(tmp_path: Path) -> None:
    bundled, further, own = (tmp_path / name for name in ("bundled", "further", "skills"))
    for folder, names in ((bundled, "abcd"), (further, "bc"), (own, "c")):
        for name in names:
            _put(folder, name, folder.name)
    program = Program(
        home=Home(tmp_path),
        settings=Settings(skills=Skills(disabled=("d",), external_dirs=(str(further),))),
        environment={"HERMES_BUNDLED_SKILLS": str(bundled)},
        redactor=Redactor(),
        owner="gateway",
        gateway=True,
    )
    places = skill_places(program)
    found = {skill.name: skill.description for skill in load_skills(places.roots, places.disabled).offered}
    assert found == {"a": "bundled", "b": "further", "c": "skills"}
