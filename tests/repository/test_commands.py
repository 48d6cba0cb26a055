"""What the README tells a newcomer to type is what the Makefile has and what .ci/run runs."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest


def commands(text: str) -> list[str]:
    """The lines of the fenced blocks, without comments."""
    blocks = re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return [line.partition("#")[0].strip() for block in blocks for line in block.splitlines()]


def make(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs make as a person does, although the suite itself may run below a make."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    environment.pop("MEASURE", None)
    return subprocess.run(["make", *arguments], cwd=folder, env=environment, capture_output=True, text=True, timeout=60)


@pytest.fixture
def installed(tmp_path: Path, root: Path) -> Path:
    """A clone whose environment is up to date, as make sees it."""
    shutil.copytree(root / "requirements", tmp_path / "requirements")
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(root / name, tmp_path)
    (tmp_path / ".venv/bin").mkdir(parents=True)
    for name in ("bin/python", ".run-stamp", ".dev-stamp"):
        (tmp_path / ".venv" / name).touch()
    return tmp_path


def test_the_readme_begins_with_the_two_commands(root: Path) -> None:
    assert commands((root / "README.md").read_text())[:2] == ["make run", "make test"]


def test_every_make_target_that_the_documents_name_exists(installed: Path, root: Path) -> None:
    pages = [root / "README.md", root / "docs/development.md"]
    targets = {target for page in pages for target in re.findall(r"`make ([a-z]+)", page.read_text())}
    assert {"run", "check", "proof"} <= targets
    results = {target: make(installed, "-n", target) for target in targets}
    assert {target: result.stderr for target, result in results.items() if result.returncode} == {}


def test_the_common_check_runs_the_very_test_command_of_the_readme(root: Path) -> None:
    script = root / ".ci/run"
    assert os.access(script, os.X_OK)
    assert "make test" in script.read_text().splitlines()


def test_a_second_run_starts_at_once(installed: Path) -> None:
    assert make(installed, "-n", "run").stdout.splitlines() == ["exec .venv/bin/hermes gateway run"]


@pytest.mark.parametrize("changed", ["requirements/run.txt", "pyproject.toml"])
def test_a_run_after_a_change_of_the_lock_installs_it_first(installed: Path, changed: str) -> None:
    stamp = (installed / ".venv/.run-stamp").stat().st_mtime
    os.utime(installed / changed, (stamp + 10, stamp + 10))
    lines = make(installed, "-n", "run").stdout.splitlines()
    assert any("--require-hashes" in line and "requirements/run.txt" in line for line in lines)
    assert lines[-1] == "exec .venv/bin/hermes gateway run"


def test_without_the_venv_module_the_cure_is_told_in_one_line(installed: Path) -> None:
    shutil.rmtree(installed / ".venv")
    result = make(installed, "run", "PYTHON=false")
    assert result.returncode == 2
    assert "sudo apt-get install python3.11-venv" in result.stderr
    assert not (installed / ".venv").exists()


def test_the_suite_is_measured_on_request_only(installed: Path) -> None:
    assert "--cov" not in make(installed, "-n", "test").stdout
    assert " --cov " in make(installed, "-n", "test", "MEASURE=1").stdout
