"""What a configuration says that cannot be followed, and ends no start: one line each, with its place."""

from pathlib import Path

import pytest

from hermes.config.load import Loaded, load
from hermes.home import Home


@pytest.fixture
def home(hermes_home: Path) -> Home:
    return Home(hermes_home)


def loaded_with(home: Home, text: str, **environ: str) -> Loaded:
    home.config_file.write_text(text)
    return load(home, environ)


def notices(loaded: Loaded, home: Home) -> list[str]:
    return [str(notice).replace(f"{home.root}/", "") for notice in loaded.notices]


def test_a_time_zone_that_nobody_knows_is_told(home: Home) -> None:
    loaded = loaded_with(home, "timezone: Mars/Olympus")
    assert notices(loaded, home) == [
        "config.yaml:1: timezone: 'Mars/Olympus' is unknown here and not used: expected a name such as Europe/Vienna"
    ]
    assert loaded.settings.timezone == "", "whoever uses it would fail"


def test_a_time_zone_of_a_variable_that_nobody_knows_is_told_with_the_variable(home: Home) -> None:
    (notice,) = loaded_with(home, "timezone: UTC", HERMES_TIMEZONE="Mars/Olympus").notices
    assert str(notice).startswith("HERMES_TIMEZONE (environment): 'Mars/Olympus' is unknown here")


def test_a_folder_of_skills_that_is_not_there_is_told(home: Home, tmp_path: Path) -> None:
    loaded = loaded_with(home, f"skills: {{external_dirs: [{tmp_path}, ~nobody-here/x, /none]}}")
    assert notices(loaded, home) == [
        f"config.yaml:1: skills.external_dirs: there is no folder {folder!r}, so no skills of it are offered"
        for folder in ("~nobody-here/x", "/none")
    ]


@pytest.mark.parametrize("zone", ["../../etc/passwd", "/etc/passwd", "\0", "x" * 5000])
def test_no_text_for_a_time_zone_breaks_the_start(home: Home, zone: str) -> None:
    assert [notice.key for notice in loaded_with(home, "", HERMES_TIMEZONE=zone).notices] == ["timezone"]
