"""What a whole process took, told by a small one."""

import json
import subprocess
import sys
from pathlib import Path

from benchmarks.services import ROOT


def _launch(output: Path, *command: str) -> dict[str, float]:
    launcher = [sys.executable, "-I", "-S", str(ROOT / "benchmarks/launcher.py"), str(output), *command]
    told: dict[str, float] = json.loads(subprocess.check_output(launcher, timeout=30))
    return told


def test_status_output_and_peak_memory_are_the_commands_own(tmp_path: Path) -> None:
    ballast = bytearray(60_000_000)
    told = _launch(tmp_path / "said", "/bin/sh", "-c", "echo hello; echo world >&2; exit 3")
    assert (tmp_path / "said").read_text() == "hello\nworld\n"
    assert told["status"] == 3
    assert told["seconds"] > 0
    assert told["kilobytes"] < 30_000 < len(ballast) / 1000, "not that of who measures"
