"""Runs a command and tells what it took, as JSON: ``python -I -S launcher.py OUTPUT COMMAND ...``.

A child's peak memory begins with that of who started it, so whoever measures it has to be small: this imports little.
What the command says goes to the file OUTPUT.
"""

import os
import sys
import time


def main(output: str, command: list[str]) -> None:
    """Prints status, seconds, and kilobytes at the peak."""
    with open(output, "wb") as file:  # noqa: PTH123  pathlib is half of what this may weigh
        actions = [(os.POSIX_SPAWN_DUP2, file.fileno(), number) for number in (1, 2)]
        begun = time.monotonic()
        child = os.posix_spawn(command[0], command, os.environ, file_actions=actions)
        _, status, spent = os.wait4(child, 0)
    seconds = time.monotonic() - begun
    print(f'{{"status": {os.waitstatus_to_exitcode(status)}, "seconds": {seconds}, "kilobytes": {spent.ru_maxrss}}}')


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
