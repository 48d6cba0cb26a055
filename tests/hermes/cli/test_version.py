import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from hermes import __version__
from hermes.cli import main


def test_the_version_names_itself_python_and_the_platform() -> None:
    done = CliRunner().invoke(main, ["version"])
    assert done.exit_code == 0
    python = ".".join(map(str, sys.version_info[:3]))
    assert done.output == (
        f"Hermes {__version__} (Python {python}, {os.uname().sysname} {os.uname().release} {os.uname().machine})\n"
    )


@pytest.mark.parametrize("option", ["--version", "-V"])
def test_the_option_says_the_same_as_the_command(option: str) -> None:
    done = CliRunner().invoke(main, [option])
    assert (done.exit_code, done.output) == (0, CliRunner().invoke(main, ["version"]).output)


def test_a_script_gets_json() -> None:
    found = json.loads(CliRunner().invoke(main, ["version", "--json"]).output)
    assert found["version"] == __version__
    assert set(found) == {"version", "python", "platform"}


@pytest.mark.parametrize("program", [["-m", "hermes"], [str(Path(sys.executable).with_name("hermes"))]])
def test_both_ways_to_start_the_program_work(program: list[str], tmp_path: Path) -> None:
    """Without HOME and in a folder of its own: the version depends on no configuration."""
    done = subprocess.run(
        [sys.executable, *program, "version"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        cwd=tmp_path,
        env={"HERMES_HOME": "/proc/no/such/place"},
    )
    assert done.stdout.startswith(f"Hermes {__version__} ")
    assert done.stderr == ""
    assert list(tmp_path.iterdir()) == []
