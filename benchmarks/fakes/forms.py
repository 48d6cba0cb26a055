"""The parameters of a Bot API call, in each of the ways that the documents allow: query, form, multipart and JSON."""

import json
import re
from typing import cast
from urllib.parse import parse_qsl

from benchmarks.fakes.http import Request

_NAME = re.compile(rb'name="([^"]*)"')


def parameters(request: Request) -> dict[str, str]:
    """Every parameter as text; nested ones stay JSON. Files are left out. Raises ``ValueError`` for broken JSON."""
    found = dict(parse_qsl(request.query, keep_blank_values=True))
    kind = request.headers.get("content-type", "")
    if kind.startswith("application/json"):
        values = cast(dict[str, object], json.loads(request.body or b"{}"))
        found.update({name: _as_text(value) for name, value in values.items()})
    elif kind.startswith("multipart/form-data"):
        found.update(_parts(request.body, kind.partition("boundary=")[2].strip('"').encode()))
    elif request.body:
        found.update(parse_qsl(request.body.decode(), keep_blank_values=True))
    return found


def _as_text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _parts(body: bytes, boundary: bytes) -> dict[str, str]:
    found: dict[str, str] = {}
    for part in body.split(b"--" + boundary)[1:-1]:
        head, _, content = part.partition(b"\r\n\r\n")
        name = _NAME.search(head)
        if name and b"filename=" not in head:
            found[name[1].decode()] = content.removesuffix(b"\r\n").decode()
    return found
