import socket
from pathlib import Path

import pytest
import trio

from tests.plugins.loopback import LeavesTheMachine


@pytest.mark.parametrize("host", ["192.0.2.1", "2001:db8::1", "0.0.0.0", "::", "198.51.100.7%eth0", "example.invalid"])
def test_another_machine_cannot_be_reached_nor_served(host: str) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as plain:
        plain.setblocking(False)
        for use in (plain.connect, plain.bind):
            with pytest.raises((LeavesTheMachine, socket.gaierror)):
                use((host, 9))


async def test_trio_meets_the_same_wall_and_no_retry_hides_it() -> None:
    with trio.fail_after(5), pytest.raises(BaseExceptionGroup) as caught:
        await trio.open_tcp_stream("192.0.2.1", 9)
    assert caught.group_contains(LeavesTheMachine)


def test_this_machine_itself_is_open(tmp_path: Path) -> None:
    for family, address in [
        (socket.AF_INET, ("127.0.0.1", 0)),
        (socket.AF_INET, ("localhost", 0)),
        (socket.AF_UNIX, str(tmp_path / "s")),
    ]:
        with socket.socket(family) as server, socket.socket(family) as client:
            server.bind(address)
            server.listen()
            client.connect(server.getsockname())
