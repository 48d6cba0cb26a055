"""From the configuration to what conversations are given."""

from datetime import date, datetime
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from actors import assembly
from actors.assembly import Program, conversation_services
from actors.assembly import _skill_places as skill_places
from actors.conversation.services import Platform, Services
from actors.platform.connection import Gate
from actors.tree import Base, Blueprint, build
from hermes.audience import Audience
from hermes.config.schema import Agent, Settings, Skills, Terminal
from hermes.home import Home
from hermes.redact import Redactor
from hermes.skills import load_skills
from tests.actors.serving import program

WEB = Platform("web", owner=True, message_length=2000, every_command=True)
OWNER = Audience("web", "", owner=True)


def services(assembled: Program) -> Services:
    """Those of a tree that does not run."""
    made: list[Services] = []

    def make(base: Base) -> Services:
        made.append(conversation_services(assembled, base))
        return made[0]

    build(
        Blueprint(
            home=assembled.home,
            open_store=partial(assembly.open_store, assembled),
            attached=(),
            services=make,
            extras=lambda _: (),
            gate=Gate(),
            report=print,
            redactor=Redactor(),
            escalate=print,
        )
    )
    return made[0]


def settings(folder: Path, **changes: object) -> Settings:
    return Settings(terminal=Terminal(cwd=str(folder)), **changes)  # type: ignore[arg-type]


def test_a_toolset_that_there_is_not_is_told_and_the_others_are_offered(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    offered = services(program(tmp_path, settings(tmp_path, toolsets=("todo", "juggling")))).schemas
    assert [schema.name for schema in offered] == ["todo"]
    assert "there is no toolset 'juggling'" in caplog.text


def test_a_toolset_that_is_disabled_is_not_offered(tmp_path: Path) -> None:
    wanted = settings(tmp_path, toolsets=("todo", "file"), agent=Agent(disabled_toolsets=("file",)))
    assert [schema.name for schema in services(program(tmp_path, wanted)).schemas] == ["todo"]


def test_what_is_left_out_of_the_prompt_is_told_in_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    skill = tmp_path / "mine" / "broken"
    skill.mkdir(parents=True)
    (skill / "SKILL.md").write_text("no name and no description")
    more = Skills(external_dirs=(str(tmp_path / "mine"),))
    assert services(program(tmp_path, settings(tmp_path, skills=more))).build_prompt(WEB, OWNER)
    assert f"left out of the prompt: {skill}" in caplog.text


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Pago_Pago", ""])
def test_the_day_in_the_prompt_is_that_of_the_persons_time_zone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, zone: str
) -> None:
    """The two zones lie a day apart at every moment."""
    days = {"Pacific/Kiritimati": date(2026, 3, 2), "Pacific/Pago_Pago": date(2026, 3, 1), "": date(2026, 3, 1)}

    class Clock(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
            noon = datetime(2026, 3, 1, 12, tzinfo=ZoneInfo("UTC"))
            return noon.astimezone(tz) if isinstance(tz, ZoneInfo) else noon

    monkeypatch.setattr(assembly, "datetime", Clock)
    prompt = services(program(tmp_path, settings(tmp_path, timezone=zone))).build_prompt(WEB, OWNER)
    assert days[zone].isoformat() in prompt


def _put(folder: Path, name: str, description: str) -> None:
    (folder / name).mkdir(parents=True)
    (folder / name / "SKILL.md").write_text(f"---\nname: {name}\ndescription: {description}\n---\n")


def test_own_skills_win_over_further_folders_and_these_over_the_bundled_ones(tmp_path: Path) -> None:
    bundled, further, own = (tmp_path / name for name in ("bundled", "further", "skills"))
    for folder, names in ((bundled, "abcd"), (further, "bc"), (own, "c")):
        for name in names:
            _put(folder, name, folder.name)
    chosen = Settings(skills=Skills(disabled=("d",), external_dirs=(str(further), "~nobody-here/x")))
    places = skill_places(
        Program(
            home=Home(tmp_path),
            settings=chosen,
            environment={"HERMES_BUNDLED_SKILLS": str(bundled)},
            redactor=Redactor(),
            owner="gateway",
            gateway=True,
        )
    )
    found = {skill.name: skill.description for skill in load_skills(places.roots, places.disabled).offered}
    assert found == {"a": "bundled", "b": "further", "c": "skills"}
