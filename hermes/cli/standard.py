"""The three standard streams: open, and able to say everything, whatever the program was started with.

A service or a script may start a program with some of them closed (`<&-`). Then Python has no ``sys.stdin`` at all, and
the next file or socket that is opened takes the number: a line for standard error would go into it. And a locale may
have no sign for what a model writes: that costs the sign, and not the answer.
"""

import os
import sys


def prepare() -> None:
    """Put /dev/null in the place of each that is closed; replace what standard output cannot spell."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            # The lowest free number, which is that of the stream: those below it are open by now.
            descriptor = os.open(os.devnull, os.O_RDWR)
            os.set_inheritable(descriptor, True)
            setattr(sys, name, os.fdopen(descriptor, mode, encoding="utf-8", closefd=False))
    # What a test puts in its place may be no file.
    reconfigure = getattr(sys.stdout, "reconfigure", None)
    if reconfigure is not None and sys.stdout.errors == "strict":
        reconfigure(errors="replace")
