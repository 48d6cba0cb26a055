"""Which files of this machine may be sent to a chat: what is not allowed for certain is refused.

Rules:

1. A file lies, behind all symbolic links, below one of the folders that are named here. What is protected
   (hermes/tools/danger/protected.py), by the path as it is written or behind its links, is not sent; nor is anything of
   HERMES_HOME, unless one of the folders lies in it.
2. What was judged is what is opened: no folder on the way and no file at its end may be a link, and what is opened has
   to be a regular file. Opening waits for nobody, so that no pipe holds it up.
3. A file is not redacted, and would be another one if it were: a text in which the redactor finds a secret is refused.
"""

import errno
import os
import stat
from io import BufferedReader
from pathlib import Path

from attrs import field, frozen

from hermes.errors import Refused, TransientError
from hermes.redact import Redactor
from hermes.tools.danger.protected import Place, protection

_FOLDER = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC

# The machine has too much of something just now, and may have less of it later.
_PASSES = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN, errno.EINTR})

_WHY = {
    errno.ENOENT: "there is no such file",
    errno.ENOTDIR: "there is no such file",
    errno.EACCES: "it may not be read",
    errno.EPERM: "it may not be read",
    errno.ELOOP: "it was moved while it was opened",
}

# Bytes by which a text is told from other files.
_SNIFFED = 8192

# Bytes that are looked at for secrets at a time, since nothing else runs meanwhile, and by which such pieces overlap:
# the longest secret that is known by its shape is a private key of 24 KB.
_PIECE = 1024 * 1024
_OVERLAP = 64 * 1024


def _real_folders(folders: tuple[Path, ...]) -> tuple[str, ...]:
    """All of the machine is no folder that anybody means."""
    return tuple(real for real in map(os.path.realpath, folders) if real != "/")


@frozen
class Sendable:
    """The files below some folders."""

    folders: tuple[str, ...] = field(converter=_real_folders)
    place: Place
    """By what a path is protected."""
    redactor: Redactor = field(factory=Redactor)

    def read(self, path: str, most: int) -> bytes:
        """The content of a file of at most ``most`` bytes. Blocks on the disk.

        ``path``: absolute, or below the home as ``~/x``. Raises ``Refused`` with the reason, which does not name the
        path, and ``TransientError``.
        """
        try:
            content = _read(self._allowed(path), most)
        except OSError as error:
            if error.errno in _PASSES:
                raise TransientError(f"a file cannot be opened just now: {error.strerror}") from None
            raise Refused(_WHY.get(error.errno or 0, f"it cannot be read ({error.strerror})")) from None
        if self._tells_a_secret(content):
            raise Refused("it holds what looks like a password or a key")
        return content

    def _allowed(self, path: str) -> str:
        """The real path. Raises ``Refused`` and ``OSError``."""
        written = self.place.user_home + path[1:] if path.startswith("~/") else path
        if "\0" in written or not written.startswith("/"):
            raise Refused("its path is not absolute")
        try:
            real = os.path.realpath(written, strict=True)
        except OSError:
            # Whether something is there is said of these folders alone.
            self._refuse(os.path.realpath(written), written)
            raise
        self._refuse(real, written)
        return real

    def _refuse(self, real: str, written: str) -> None:
        inside = _below(real, self.place.hermes_home)
        folders = (folder for folder in self.folders if not inside or _below(folder, self.place.hermes_home))
        if not any(_below(real, folder) for folder in folders):
            raise Refused("it lies outside of the folders whose files may be sent")
        if protection(real, self.place) or protection(os.path.normpath(written), self.place):
            raise Refused("it is protected")

    def _tells_a_secret(self, content: bytes) -> bool:
        if b"\0" in content[:_SNIFFED]:
            return False
        pieces = (content[start : start + _PIECE + _OVERLAP] for start in range(0, len(content), _PIECE))
        texts = (piece.decode("utf-8", "replace") for piece in pieces)
        return any(self.redactor.redact(text) != text for text in texts)


NOTHING = Sendable((), Place())
"""No file may be sent."""


def sendable(working_directory: Path, cache: Path, temporary: Path, *, home: Path, redactor: Redactor) -> Sendable:
    """What a gateway may send: what it was sent itself and what its agent made. ``home`` is HERMES_HOME."""
    place = Place(hermes_home=os.path.realpath(home), user_home=os.path.realpath(Path("~").expanduser()))
    return Sendable((working_directory, cache, temporary), place, redactor)


def _below(path: str, folder: str) -> bool:
    return path.startswith(f"{folder}/")


def _read(real: str, most: int) -> bytes:
    with _regular(real) as file:
        # It may grow while it is read, and nothing of a large one is worth reading.
        content = file.read(most + 1) if os.fstat(file.fileno()).st_size <= most else None
    if content is None or len(content) > most:
        raise Refused(f"it has more than {most // 2**20} MB")
    if not content:
        raise Refused("it is empty")
    return content


def _regular(real: str) -> BufferedReader:
    descriptor = _open(real)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise Refused("it is no regular file")
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def _open(real: str) -> int:
    """Step by step from the root, so that no link on the way is followed. Raises ``OSError``."""
    *folders, name = real.strip("/").split("/")
    here = os.open("/", _FOLDER)
    try:
        for folder in folders:
            inside = os.open(folder, _FOLDER, dir_fd=here)
            os.close(here)
            here = inside
        return os.open(name, _FILE, dir_fd=here)
    finally:
        os.close(here)
