"""Catches text that tries to take over the agent before it gets into the system prompt.

What stands in a system prompt is obeyed, so a file from a checked-out repository or a downloaded skill is looked at
first. This is a net for the plain cases (stock phrases, forged chat markup, hidden text), not a proof of innocence:
what a prompt must not be able to cause is stopped where it happens, by approvals and the filtered environment. Each
pattern is narrow enough that ordinary instructions for an agent pass: a file that is blocked without need is a defect
too.
"""

import re
import unicodedata

# Patterns look at most this many characters ahead, which bounds their time on any input.
_REACH = 200

_PATTERNS = (
    (
        "it tells to drop earlier instructions",
        r"\b(?:ignore|disregard|forget)\s(?:\w+\s){0,3}?"
        r"(?:(?:previous|prior|above|earlier|preceding|system|safety)\s(?:\w+\s){0,2}?"
        r"(?:instructions?|prompts?|rules|guidelines|directives)"
        r"|your\s(?:\w+\s){0,2}?(?:instructions|guidelines|rules|training|restrictions)"
        r"|(?:all|any)\sinstructions)\b",
    ),
    (
        "it tells to keep something from the person",
        r"\b(?:do\snot|don['\u2019]t|never)\s(?:tell|inform|alert|notify)\s(?:the\s)?(?:user|human|owner|operator)\s"
        r"(?:about|of|that)\s(?:this|these|it|your)\b",
    ),
    (
        "it tells to act without limits",
        r"\byou\sare\snow\s(?:in\s)?(?:dan\b|developer\smode|jailbroken|unrestricted)"
        r"|\bact\sas\s(?:if|though)\syou\shave\sno\s(?:restrictions|limits|rules|guidelines)",
    ),
    ("it holds forged chat markup", r"<\|(?:im_start|im_end|system|user|assistant)\|>|\[/?inst\]|<</?sys>>"),
    (
        "it hides text from whoever reads the page",
        rf"<\w[^>]{{0,{_REACH}}}style\s?=[^>]{{0,{_REACH}}}"
        r"(?:display\s?:\s?none|visibility\s?:\s?hidden|font-size\s?:\s?0)",
    ),
    (
        "it sends secret files away",
        rf"\b(?:curl|wget|nc|scp|upload|send|post)\b.{{0,{_REACH}}}"
        r"(?:\.hermes/\.env|auth\.json|\.ssh/id_|\.aws/credentials|\.netrc)",
    ),
)
_COMPILED = tuple((why, re.compile(pattern)) for why, pattern in _PATTERNS)

# Zero-width and direction-changing characters that no script needs; joiners and marks of real scripts and emoji stay.
# Tag characters are only at home behind a black flag (the flags of England, Scotland and Wales).
_INVISIBLE = re.compile(
    r"[\u200b\u2060-\u2064\u202a-\u202e\u2066-\u2069\ufeff]|(?<![\U0001f3f4\U000e0020-\U000e007f])[\U000e0000-\U000e007f]"
)
# Letters and marks that are at home in some script or emoji and show nothing elsewhere: soft hyphen, joiners, fillers,
# marks of direction, variation selectors.
_IGNORED = re.compile(
    r"[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200c-\u200f\u206a-\u206f\u3164\ufe00-\ufe0f\uffa0\ufff9-\ufffb]"
    r"|[\U000e0100-\U000e01ef]"
)
# One variant of a letter is a selector; a row of them is a hidden text, a byte each.
_HIDDEN_BYTES = re.compile(r"[\ufe00-\ufe0f\U000e0100-\U000e01ef]{3}")
_QUOTED = 60


def find_injection(text: str) -> str | None:
    """Why ``text`` must not get into a prompt, with the words that say so; None when nothing was found.

    A byte order mark at the very beginning is fine.
    """
    hidden = _INVISIBLE.search(text, 1 if text.startswith("\ufeff") else 0) or _HIDDEN_BYTES.search(text)
    if hidden:
        return f"it holds an invisible character (U+{ord(hidden[0][0]):04X})"
    # NFKC turns look-alike letters of other widths into plain ones; the words of a phrase may stand on two lines, and
    # what shows nothing may stand within them.
    flat = " ".join(_IGNORED.sub("", unicodedata.normalize("NFKC", text).casefold()).split())
    for why, pattern in _COMPILED:
        found = pattern.search(flat)
        if found:
            return f'{why} ("{found[0][:_QUOTED]}")'
    return None
