"""httpx and httpcore without what no model needs of them: their command line, HTTP/2, anyio and SOCKS.

They import these wherever they are installed, which they are here: rich, pygments and click alone take 80 ms and 9 MB,
the others 20 ms. None in ``sys.modules`` is how the import system is told that there is no such module, and both are
made to do without. Whoever needs them in this program takes them from here.
"""

import sys
from typing import cast

_modules = cast(dict[str, object], sys.modules)
_hidden = [name for name in ("httpx._main", "h2", "anyio", "socksio") if name not in _modules]
_modules.update(dict.fromkeys(_hidden))

import httpcore as httpcore  # noqa: E402  only now
import httpx as httpx  # noqa: E402

# Others may want them: h2 is the page's server's.
for _name in _hidden:
    del _modules[_name]
