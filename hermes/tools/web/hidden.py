"""Takes out what nobody sees: characters that carry instructions past a person who looks at the page."""

import re

from hermes.tools.danger.normalise import strip_control, strip_terminal

_INVISIBLE = re.compile("[\u00ad\u200b\u2060-\u2064\u202a-\u202e\u2066-\u2069\ufeff\U000e0000-\U000e007f]")


def without_hidden(text: str) -> str:
    """``text`` without terminal sequences, control characters and invisible ones."""
    return _INVISIBLE.sub("", strip_control(strip_terminal(text)))
