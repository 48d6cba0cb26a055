"""What /proc tells of a process and of what it started."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.machine import connections, descendants, descriptors, is_running, usage


def test_a_process_counts_with_its_children() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        assert child.pid in descendants(os.getpid())
        alone, both = usage(child.pid), usage(os.getpid())
        child.communicate(b"\n")
    assert alone.processes == 1
    assert both.processes >= 2
    assert both.resident > alone.resident > 1.0


def test_open_files_are_those_of_the_process_alone(tmp_path: Path) -> None:
    before = descriptors(os.getpid())
    with (tmp_path / "file").open("w"):
        assert descriptors(os.getpid()) == before + 1


def test_connections_are_counted_by_where_they_lead() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_server(("127.0.0.1", 0)) as other:
        to, elsewhere = server.getsockname(), other.getsockname()
        with socket.create_connection(to), socket.create_connection(to), socket.create_connection(elsewhere):
            assert connections(os.getpid(), [to[1]]) == 2
            assert connections(os.getpid(), [to[1], elsewhere[1]]) == 3
        assert connections(os.getpid(), [to[1]]) == 0


def test_a_corpse_that_waits_for_its_parent_does_not_run() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        assert is_running(child.pid)
        child.kill()
        # Dead, and not reaped.
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert not is_running(child.pid)


def test_a_process_that_is_gone_is_an_error() -> None:
    with subprocess.Popen(["/bin/true"]) as child:
        child.wait()
    with pytest.raises(ProcessLookupError):
        usage(child.pid)
    with pytest.raises(ProcessLookupError):
        descriptors(child.pid)
    assert descendants(child.pid) == []
