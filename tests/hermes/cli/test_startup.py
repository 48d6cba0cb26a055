import logging
import os
import stat
from pathlib import Path

import pytest

from hermes.cli.startup import start_up
from hermes.errors import ConfigError


def test_a_program_starts_with_its_home_settings_redactor_and_logs(tmp_path: Path) -> None:
    root = tmp_path / "new"
    environ = {"HERMES_HOME": str(root), "API_SERVER_KEY": "sesame-open-9"}
    with start_up(gateway=True, verbosity=None, environ=environ) as startup:
        logging.getLogger("actors.x").warning("the key is sesame-open-9")
        assert startup.home.root == root
        assert startup.settings.api_server.key == "sesame-open-9"
        assert startup.environment["API_SERVER_KEY"] == "sesame-open-9"
        assert "sesame" not in startup.redactor.redact("it is sesame-open-9")
        startup.redactor.register("renewed-key-1")
        assert "renewed" not in startup.redactor.redact("it is renewed-key-1")
        assert "sesame" not in repr(startup)
    for name in ("agent.log", "errors.log", "gateway.log"):
        text = (root / "logs" / name).read_text()
        assert "the key is " in text
        assert "sesame" not in text
        assert stat.S_IMODE((root / "logs" / name).stat().st_mode) == 0o600


def test_what_is_odd_in_the_configuration_is_logged_and_handed_over(hermes_home: Path) -> None:
    (hermes_home / "config.yaml").write_text("odd: 1\n")
    with start_up(gateway=False, verbosity=None) as startup:
        (notice,) = startup.notices
    assert f"WARNING hermes.config: {notice}" in (hermes_home / "logs" / "errors.log").read_text()


def test_a_wrong_configuration_starts_nothing(hermes_home: Path) -> None:
    (hermes_home / "config.yaml").write_text("agent: 3\n")
    before = (logging.getLogger().level, list(logging.getLogger().handlers))
    with pytest.raises(ConfigError), start_up(gateway=True):
        pytest.fail("it started")
    assert not (hermes_home / "logs" / "agent.log").exists()
    assert (logging.getLogger().level, logging.getLogger().handlers) == before


@pytest.mark.parametrize(
    ("key", "environ", "place"),
    [
        ("model.provider", {}, "config.yaml"),
        ("model.provider", {"HERMES_INFERENCE_PROVIDER": "openai"}, "HERMES_INFERENCE_PROVIDER"),
        ("OPENAI_API_KEY", {}, ".env"),
    ],
)
def test_what_is_found_wrong_later_names_where_it_is_set(
    hermes_home: Path, key: str, environ: dict[str, str], place: str
) -> None:
    named = str(hermes_home / place) if "." in place else place
    all_of_it = {**os.environ, **environ}
    with pytest.raises(ConfigError) as caught, start_up(gateway=False, verbosity=None, environ=all_of_it):
        raise ConfigError("it is wrong", key=key)
    assert (str(caught.value), caught.value.file, caught.value.key) == (f"{named}: it is wrong", named, key)


def test_what_names_its_place_already_is_left_as_it_is(hermes_home: Path) -> None:
    error = ConfigError("it is wrong", file="there", key="a.b")
    with pytest.raises(ConfigError) as caught, start_up(gateway=False, verbosity=None):
        raise error
    assert caught.value is error


def test_who_switches_redaction_off_gets_text_as_it_is(hermes_home: Path) -> None:
    (hermes_home / "config.yaml").write_text("security: {redact_secrets: false}\n")
    with start_up(gateway=False, verbosity=None, environ={**os.environ, "A_TOKEN": "sesame-open-9"}) as startup:
        assert startup.redactor.redact("sesame-open-9") == "sesame-open-9"


def test_a_managed_home_lends_its_modes_to_the_logs(hermes_home: Path) -> None:
    hermes_home.chmod(0o750)
    with start_up(gateway=False, verbosity=None, environ={**os.environ, "HERMES_MANAGED": "true"}):
        logging.error("x")
    assert stat.S_IMODE((hermes_home / "logs").stat().st_mode) == 0o750
    assert stat.S_IMODE((hermes_home / "logs" / "errors.log").stat().st_mode) == 0o640
