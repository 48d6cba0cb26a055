"""What /proc tells of a process and of what it started."""

import os
import subprocess
import sys

import pytest

from benchmarks.machine import descendants, usage


def test_a_process_counts_with_its_children() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        assert child.pid in descendants(os.getpid())
        alone, both = usage(child.pid), usage(os.getpid())
        child.communicate(b"\n")
    assert alone.processes == 1
    assert both.processes >= 2
    assert both.resident > alone.resident > 1.0


def test_a_process_that_is_gone_is_an_error() -> None:
    with subprocess.Popen(["/bin/true"]) as child:
        child.wait()
    with pytest.raises(ProcessLookupError):
        usage(child.pid)
    assert descendants(child.pid) == []
