"""Imports a library without what it only imports because it happens to be installed.

None in ``sys.modules`` is how the import system is told that there is no such module. Other threads would be told the
same, so one that imports much at that time holds ``IMPORTING`` meanwhile.
"""

import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import cast

IMPORTING = threading.RLock()


@contextmanager
def without(*names: str) -> Generator[None]:
    """Hide modules that nobody has imported yet. Blocks while another thread imports."""
    modules = cast(dict[str, object], sys.modules)
    with IMPORTING:
        hidden = [name for name in names if name not in modules]
        modules.update(dict.fromkeys(hidden))
        try:
            yield
        finally:
            # Others may want them.
            for name in hidden:
                modules.pop(name, None)
