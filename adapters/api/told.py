"""An answer of JSON in ASCII: it stays a valid text whatever a client or a model wrote.

JSON can spell half of a surrogate pair, as a client does that cuts a text in the middle of an emoji; no UTF-8 can. What
is told back of it is told as it came.
"""

import json

from starlette.responses import JSONResponse


class Told(JSONResponse):
    """A response of JSON."""

    def render(self, content: object) -> bytes:
        return json.dumps(content, allow_nan=False, separators=(",", ":")).encode("ascii")
