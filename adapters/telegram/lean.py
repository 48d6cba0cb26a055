"""python-telegram-bot without what no bot of ours needs of it: `cryptography` for passports, and most of httpx.

`cryptography` is 8 MB for documents that nobody sends here, since who wants them has to ask for them with a key of
their own.
"""

from hermes.hiding import without
from hermes.lean_httpx import httpx as httpx

with without("cryptography"):
    import telegram as telegram
