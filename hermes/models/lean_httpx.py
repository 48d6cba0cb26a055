"""httpx without its command line.

It imports that wherever rich, pygments and click are installed, which they are here: 80 ms and 9 MB that no model
needs. None in ``sys.modules`` is how the import system is told that there is no such module, and httpx is made to do
without it. Whoever needs httpx in this program takes it from here.
"""

import sys
from typing import cast

cast(dict[str, object], sys.modules).setdefault("httpx._main", None)

import httpx as httpx  # noqa: E402  only now
