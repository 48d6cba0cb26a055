"""Whose program is at the other end: told by the kernel, for real sockets."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from adapters.web import peer as module
from adapters.web.peer import Peer

NOBODY = 65534

# Connects, says which port it has, and does as it is told with the connection.
PROGRAM = """
import socket, sys
connection = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
print(connection.getsockname()[1], flush=True)
if sys.argv[2] == "closes":
    connection.close()
if sys.argv[2] != "goes":
    sys.stdin.read()
"""

only_root = pytest.mark.skipif(os.geteuid() != 0, reason="another user's program is started by root alone")


@contextmanager
def listening(host: str, family: socket.AddressFamily = socket.AF_INET) -> Iterator[int]:
    with socket.socket(family) as listener:
        listener.bind((host, 0))
        listener.listen()
        yield listener.getsockname()[1]


def peer_of(connection: socket.socket, at: int) -> Peer:
    address, port = connection.getsockname()[:2]
    return Peer(address, port, at)


@pytest.mark.parametrize(("host", "family"), [("127.0.0.1", socket.AF_INET), ("::1", socket.AF_INET6)])
def test_a_program_of_ours_is_known(host: str, family: socket.AddressFamily) -> None:
    with listening(host, family) as port, socket.create_connection((host, port)) as connection:
        assert peer_of(connection, port).is_ours()


def test_a_socket_of_both_versions_is_known_too() -> None:
    with listening("127.0.0.1") as port, socket.socket(socket.AF_INET6) as connection:
        connection.connect(("::ffff:127.0.0.1", port))
        assert Peer("127.0.0.1", connection.getsockname()[1], port).is_ours()


def test_a_connection_to_another_port_proves_nothing() -> None:
    with listening("127.0.0.1") as port, socket.create_connection(("127.0.0.1", port)) as connection:
        assert not peer_of(connection, port + 1).is_ours()


@pytest.mark.parametrize("peer", [Peer(), Peer("somewhere", 1, 2), Peer("127.0.0.1", 1, 2)])
def test_nobody_found_is_nobody_of_ours(peer: Peer) -> None:
    assert not peer.is_ours()


@only_root
@pytest.mark.parametrize("then", ["stays", "closes", "goes"])
def test_another_users_program_is_not_ours_whatever_it_does_with_its_socket(then: str) -> None:
    with (
        listening("127.0.0.1") as port,
        subprocess.Popen(
            [sys.executable, "-I", "-c", PROGRAM, str(port), then],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            user=NOBODY,
        ) as process,
    ):
        assert process.stdout is not None
        told = int(process.stdout.readline())
        if then == "goes":
            assert process.wait(60) == 0
        assert not Peer("127.0.0.1", told, port).is_ours()


@only_root
def test_a_service_that_sees_only_processes_below_proc_still_tells_users_apart() -> None:
    """systemd's ProcSubset=pid."""
    asked = "from adapters.web.peer import Peer; raise SystemExit(Peer('127.0.0.1', 1, 2).is_ours())"
    alone = 'mount -t proc -o subset=pid proc /proc || exit 77; exec "$@"'
    command = ["unshare", "--mount", "sh", "-c", alone, "sh", sys.executable, "-c", asked]
    done = subprocess.run(command, capture_output=True, timeout=60, cwd=Path(__file__).parents[3])
    if done.returncode == 77 or b"unshare" in done.stderr:
        pytest.skip("this machine gives us no mounts of our own")
    assert done.returncode == 0, done.stderr


def test_where_the_kernel_tells_nothing_the_loopback_interface_is_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_TABLES", ())
    assert Peer("127.0.0.1", 1, 2).is_ours()
