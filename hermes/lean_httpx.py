"""httpx and httpcore without what no model needs of them: their command line, HTTP/2, anyio and SOCKS.

They import these wherever they are installed, which they are here: rich, pygments and click alone take 80 ms and 9 MB,
the others 20 ms. Whoever needs them in this program takes them from here.
"""

from hermes.hiding import without

with without("httpx._main", "h2", "anyio", "socksio"):
    import httpcore as httpcore
    import httpx as httpx
