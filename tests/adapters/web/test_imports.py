"""What the page and the interface for programs make a start import."""

import subprocess
import sys


def test_the_server_is_not_imported_before_the_port_is_open() -> None:
    look = (
        "import sys, adapters.web.adapter, adapters.api.adapter; print('adapters.web.hub' in sys.modules,"
        " *(name for name in ('hypercorn', 'starlette') if name in sys.modules))"
    )
    found = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True, timeout=60)
    assert found.stdout.split() == ["True"]
