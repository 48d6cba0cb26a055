import os
import signal
import subprocess
import sys
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


def test_children_of_a_run_in_the_background_can_be_interrupted(tmp_path: Path) -> None:
    shown = "import signal; print(*map(repr, map(signal.getsignal, (signal.SIGINT, signal.SIGHUP))))"
    program = (
        "import subprocess, sys\nfrom tests.plugins.environment import pytest_configure\npytest_configure()\n"
        f"subprocess.run([sys.executable, '-c', {shown!r}], check=True)"
    )
    ignoring = ["sh", "-c", 'trap "" INT HUP; exec "$@"', "sh", sys.executable, "-c", program]
    told = subprocess.run(ignoring, capture_output=True, text=True, check=True, timeout=60).stdout
    assert "SIG_IGN" not in told
    assert signal.getsignal(signal.SIGINT) is not signal.SIG_IGN
