"""httpx and httpcore without what no model needs of them: their command line, HTTP/2, anyio and SOCKS.

They import these wherever they are installed, which they are here: rich, pygments and click alone take 80 ms and 9 MB,
the others 20 ms. Whoever needs them in this program takes them from here. SOCKS stays where the environment names such
a proxy.
"""

import os

from hermes.hiding import without

_BY_SOCKS = any(value.startswith("socks") for name, value in os.environ.items() if name.lower().endswith("_proxy"))

with without("httpx._main", "h2", "anyio", *(() if _BY_SOCKS else ("socksio",))):
    import httpcore as httpcore
    import httpx as httpx
