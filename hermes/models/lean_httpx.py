"""httpx without its command line, and without HTTP/2.

It imports the one wherever rich, pygments and click are installed, and httpcore below it the other wherever h2 is,
which they are here: 90 ms and 10 MB that no model needs. None in ``sys.modules`` is how the import system is told that
there is no such module, and both are made to do without. Whoever needs httpx in this program takes it from here.
"""

import sys
from typing import cast

_modules = cast(dict[str, object], sys.modules)
_modules.setdefault("httpx._main", None)
# h2 is there for others: the page's server has it.
_without_h2 = _modules.setdefault("h2", None) is None

import httpcore as httpcore  # noqa: E402  only now
import httpx as httpx  # noqa: E402

if _without_h2:
    del _modules["h2"]
