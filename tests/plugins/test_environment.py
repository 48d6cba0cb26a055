import os
from pathlib import Path

import pytest

_OF_THE_DEVELOPER = (
    "HERMES_FAILPOINT", "OPENROUTER_API_KEY", "https_proxy", "NO_PROXY", "TELEGRAM_BOT_TOKEN", "NOTIFY_SOCKET",
)  # fmt: skip


def test_settings_of_the_developer_are_gone_and_the_rest_stays(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (*_OF_THE_DEVELOPER, "LANG"):
        monkeypatch.setenv(name, "mine")
    pytester.makepyfile(
        f"""
        import os
        def test_inside(tmp_path, hermes_home):
            assert not set(os.environ) & set({_OF_THE_DEVELOPER!r})
            assert os.environ["LANG"] == "mine"
            assert hermes_home.is_relative_to(tmp_path)
        """
    )
    pytester.runpytest_inprocess("-p", "tests.plugins.environment").assert_outcomes(passed=1)


def test_the_home_is_private_empty_and_at_its_default_place(hermes_home: Path) -> None:
    assert str(hermes_home) == os.environ["HERMES_HOME"]
    assert hermes_home == Path("~/.hermes").expanduser()
    assert hermes_home.stat().st_mode & 0o777 == 0o700
    assert list(hermes_home.iterdir()) == []


def test_a_test_that_uses_no_home_finds_its_folder_empty(tmp_path: Path) -> None:
    assert list(tmp_path.iterdir()) == []
