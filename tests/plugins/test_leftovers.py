import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.plugins import leftovers


@pytest.fixture
def started() -> Iterator[list[int]]:
    """Process ids that are killed after the test, whatever happened."""
    pids: list[int] = []
    yield pids
    for pid in pids:
        os.kill(pid, signal.SIGKILL)


def test_a_child_is_found_until_it_is_waited_for(tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "60"]) as child:
        assert child.pid in [left.pid for left in leftovers.leftovers(tmp_path)]
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert (child.pid, "Z") in [(left.pid, left.state) for left in leftovers.leftovers(tmp_path)]
    assert child.pid not in [left.pid for left in leftovers.leftovers(tmp_path)]


@pytest.mark.parametrize(("variable", "directory"), [("folder/home", "/"), ("", "folder")])
def test_an_orphan_is_found_by_its_environment_or_its_directory(
    tmp_path: Path, started: list[int], variable: str, directory: str
) -> None:
    (tmp_path / "folder").mkdir()
    script = "setsid sleep 60 >/dev/null 2>&1 & echo $!"
    result = subprocess.run(
        ["sh", "-c", script],
        cwd=tmp_path / directory,
        env={"PATH": os.environ["PATH"], "X": str(tmp_path / variable) if variable else ""},
        capture_output=True,
        text=True,
        timeout=30,
    )
    started.append(int(result.stdout))
    assert started[0] in [left.pid for left in leftovers.leftovers(tmp_path / "folder")]
    assert started[0] not in [left.pid for left in leftovers.leftovers(tmp_path / "fold")]


def test_a_session_that_leaves_a_child_fails_and_names_it(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, started: list[int]
) -> None:
    monkeypatch.setattr(leftovers, "_GRACE_SECONDS", 0.0)
    pytester.makepyfile(
        """
        import pathlib, subprocess
        def test_leaves():
            child = subprocess.Popen(["sleep", "4321"])
            pathlib.Path("pid").write_text(str(child.pid))
            child.returncode = 0  # silences the warning of a Popen that is forgotten
        """
    )
    result = pytester.runpytest_inprocess("-p", "tests.plugins.leftovers")
    started.append(int((pytester.path / "pid").read_text()))
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines([f"pid {started[0]} *: sleep 4321"])
    os.kill(started[0], signal.SIGKILL)
    os.waitpid(started.pop(), 0)


def test_a_session_that_leaves_a_temporary_file_fails_and_names_it(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pathlib, tempfile
        def test_leaves():
            pathlib.Path("left").write_text(tempfile.mkdtemp(prefix="forgotten-"))
        """
    )
    result = pytester.runpytest_inprocess("-p", "tests.plugins.leftovers")
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["temporary files are left behind: forgotten-*"])
    assert not Path((pytester.path / "left").read_text()).exists()
