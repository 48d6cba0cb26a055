"""What the platform makes a start import."""

import subprocess
import sys


def test_the_library_comes_without_what_is_not_needed_of_it() -> None:
    unwanted = ("rich", "pygments", "h2", "anyio", "cryptography", "telegram.ext", "hypercorn", "socksio")
    look = (
        "import sys, adapters.telegram.adapter;"
        f" print('telegram' in sys.modules, *(name for name in {unwanted} if name in sys.modules))"
    )
    found = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True, timeout=60)
    assert found.stdout.split() == ["True"]


def test_settings_and_the_home_channel_are_known_without_the_library() -> None:
    look = "import sys, adapters.telegram.chats, adapters.telegram.settings; print('telegram' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True, timeout=60)
    assert found.stdout.strip() == "False"
