"""python-telegram-bot without what no bot of ours needs of it: `cryptography` for passports, and most of httpx.

It imports `cryptography` wherever that is installed: 8 MB for documents that nobody sends here, since who wants them
has to ask for them with a key of their own. It is made to do without; None in ``sys.modules`` says that there is none.
"""

import sys
from typing import cast

from hermes.lean_httpx import httpx as httpx

_modules = cast(dict[str, object], sys.modules)
_hidden = [name for name in ("cryptography",) if name not in _modules]
_modules.update(dict.fromkeys(_hidden))

import telegram as telegram  # noqa: E402  only now

# Others may want it: another platform for its keys.
for _name in _hidden:
    del _modules[_name]
