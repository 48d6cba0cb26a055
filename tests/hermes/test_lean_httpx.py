"""httpx without what it would import only because it is installed."""

import subprocess
import sys

import pytest

MAKE_A_CLIENT = """
import sys
from hermes.lean_httpx import httpx
httpx.AsyncClient()
print(*(name for name in ("rich", "pygments", "h2", "anyio", "socksio") if name in sys.modules))
"""


@pytest.mark.parametrize(
    ("environment", "imported"),
    [
        ({}, ""),
        ({"HTTPS_PROXY": "http://127.0.0.1:3128"}, ""),
        ({"ALL_PROXY": "socks5://127.0.0.1:1080"}, "socksio"),
        ({"https_proxy": "socks5h://127.0.0.1:1080"}, "socksio"),
    ],
)
def test_a_proxy_of_the_environment_has_what_it_takes_and_nobody_else(
    environment: dict[str, str], imported: str
) -> None:
    made = subprocess.run(
        [sys.executable, "-c", MAKE_A_CLIENT], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert (made.returncode, made.stdout.strip()) == (0, imported), made.stderr
