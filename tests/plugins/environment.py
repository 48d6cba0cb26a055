"""No proxy, key or setting of the person at the keyboard reaches a test, or a child process of one."""

import os
import re
import signal
from pathlib import Path

import pytest

_OWN_SETTINGS = re.compile(
    r"(HERMES|XDG|TELEGRAM|DISCORD|MATRIX|SLACK)_.*|.*_(API_KEY|TOKEN|SECRET|PASSWORD)|(.*_)?PROXY"
    r"|SEARXNG_URL|MESSAGING_CWD|TERMINAL_CWD|NOTIFY_SOCKET|WATCHDOG_(PID|USEC)|LISTEN_(FDS|PID|FDNAMES)",
    re.IGNORECASE,
)


def pytest_configure() -> None:
    # A shell's background job and nohup ignore signals, and a child process would go on ignoring them.
    for number, usual in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, usual)


@pytest.fixture(autouse=True)
def clean_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """HOME and HERMES_HOME name folders under ``tmp_path`` that do not exist yet."""
    for name in filter(_OWN_SETTINGS.fullmatch, list(os.environ)):
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HERMES_HOME", str(tmp_path / "home" / ".hermes"))


@pytest.fixture
def hermes_home(tmp_path: Path, clean_environment: None) -> Path:
    """HERMES_HOME, made, empty, 0700, at the program's default place under HOME."""
    home = tmp_path / "home" / ".hermes"
    home.mkdir(mode=0o700, parents=True)
    return home
