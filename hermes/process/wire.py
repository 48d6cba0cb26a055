"""What the gateway, the host and a guardian tell each other.

The host and its guardians run without site-packages (hermes/process/keeper), so this module imports builtins only.

- *Gateway to host*: one packet a child. Its text is ``REQUEST``; it carries the descriptors of ``DESCRIPTORS``.
- *Gateway to guardian*: a ``Spec`` in an anonymous file of memory, since arguments and environment may be larger than
  any packet; then, over the lifeline, the byte ``END`` ("end what you keep") or its end of file ("your owner is gone").
- *Guardian to gateway*: lines on the status pipe, each shorter than PIPE_BUF and so written whole. ``begun`` comes
  before anything of the command can run, then ``started PID`` or ``failed STEP ERRNO``, and last ``ended CODE REASON
  LEFT``; ``crashed TEXT`` tells of a bug of the guardian's. End of file without ``ended`` means that the guardian was
  killed, and comes only once the host has ended what that guardian kept.
"""

REQUEST = b"guard"
DESCRIPTORS = ("status", "lifeline", "spec", "stdin", "stdout", "stderr")
"""The status pipe is first: when the host can receive only some of them, it can still say so."""
END = b"e"

BEGUN, STARTED, FAILED, ENDED, CRASHED = "begun", "started", "failed", "ended", "crashed"

# The step of a start that failed.
STEP_DESCRIPTORS = "descriptors"
STEP_FORK = "fork"
STEP_DIRECTORY = "directory"
STEP_FIND = "find"
STEP_EXECUTE = "execute"

# Why everything was ended.
BY_ITSELF = "itself"
ASKED = "asked"
OWNER_GONE = "owner"
HOST_GONE = "host"

UNKNOWN_CODE = "?"
"""Stands for the exit code of a child that could not be killed."""


class Spec:
    """What a guardian runs. Codes and file names are bytes, as the kernel has them.

    ``grace`` is in seconds; ``umask`` is None for the one of the gateway; ``terminal`` is the path of the terminal that
    becomes the child's controlling one, or empty.
    """

    def __init__(
        self,
        *,
        argv: list[bytes],
        environment: dict[bytes, bytes],
        directory: bytes,
        grace: float,
        umask: int | None = None,
        terminal: bytes = b"",
    ) -> None:
        self.argv = argv
        self.environment = environment
        self.directory = directory
        self.grace = grace
        self.umask = umask
        self.terminal = terminal

    def encode(self) -> bytes:
        """Fields that end in NUL, which neither an argument nor a path nor a variable can contain."""
        umask = b"" if self.umask is None else b"%d" % self.umask
        head = [repr(self.grace).encode(), umask, self.terminal, self.directory, b"%d" % len(self.argv)]
        variables = [name + b"=" + value for name, value in self.environment.items()]
        return b"".join(field + b"\0" for field in (*head, *self.argv, *variables))

    @classmethod
    def decode(cls, data: bytes) -> "Spec":
        grace, umask, terminal, directory, count, *rest = data.split(b"\0")[:-1]
        argv, variables = rest[: int(count)], rest[int(count) :]
        return cls(
            argv=argv,
            environment=dict(variable.split(b"=", 1) for variable in variables),
            directory=directory,
            grace=float(grace),
            umask=int(umask) if umask else None,
            terminal=terminal,
        )


def begun() -> bytes:
    return f"{BEGUN}\n".encode()


def started(pid: int) -> bytes:
    return f"{STARTED} {pid}\n".encode()


def failed(step: str, number: int) -> bytes:
    """``number`` is the errno of the step that failed."""
    return f"{FAILED} {step} {number}\n".encode()


def ended(code: int | None, reason: str, left: int) -> bytes:
    """``code`` as of ``os.waitstatus_to_exitcode``; ``left`` is how many processes could not be killed."""
    return f"{ENDED} {UNKNOWN_CODE if code is None else code} {reason} {left}\n".encode()


def crashed(error: BaseException) -> bytes:
    text = repr(error).replace("\n", " ")
    # Far below PIPE_BUF, so that it is written whole.
    return f"{CRASHED} {text[:500]}\n".encode(errors="replace")
