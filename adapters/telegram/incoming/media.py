"""Files that people send: fetched beside the stream of messages, and kept in the cache of the home for a while.

1. A message with a file is in the inbox at once, like any other, and says how long its turn may wait for the file. What
   became of the file comes as a further part of it, which begins the turn.
2. What is to be fetched is noted in the journal with its message, so that a restart does not forget it.
3. Nothing that is fetched holds up another chat. What is too large, or cannot be had in time, is said so.
4. The cache is bounded: the oldest files go first. A file's name is ours but for its ending; nothing outside of the
   cache is ever written.
"""

import os
import re
import stat
import tempfile
import time
from pathlib import Path

from attrs import frozen
from cattrs import BaseValidationError
from cattrs.preconf.json import make_converter
from telegram import Message

# Bytes of a file that the Bot API hands out (getFile): a server of one's own may give more, and this is held in memory.
MOST_BYTES = 20 * 1024 * 1024

# Seconds for a file: 20 MB in that time is a slow line.
FETCH_WITHIN = 60.0

# Characters of a name as its sender called it, from its end, where its ending is: no file system has longer ones.
NAME_CHARACTERS = 255

# Bytes of the cache, and of a text that is shown to the agent with the message.
CACHE_BYTES = 500 * 1024 * 1024
INLINE_BYTES = 100 * 1024

# What is being written has it before its name; one that a crash left is dropped in its turn.
_DRAFT = "."

_ENDING = re.compile(r"\.[A-Za-z0-9]{1,8}")
_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9_-]+")

_FOLDERS = {"photo": "images", "voice": "audio", "audio": "audio", "video": "videos", "video_note": "videos"}
_ENDINGS = {
    "photo": ".jpg", "voice": ".ogg", "audio": ".mp3", "video": ".mp4", "video_note": ".mp4", "animation": ".mp4",
}  # fmt: skip
_CALLED = {"voice": "voice message", "video_note": "video message", "audio": "audio file"}

_json = make_converter()


@frozen
class Attachment:
    """A file that a message brings."""

    kind: str
    file_id: str
    unique_id: str
    """The same for the same file, for ever."""
    size: int
    """Bytes; 0 where Telegram does not say."""
    name: str = ""
    """As its sender called it."""

    @property
    def called(self) -> str:
        """In a sentence."""
        named = f" {self.name!r}" if self.name else ""
        return f"{_CALLED.get(self.kind, self.kind)}{named}"


@frozen
class Wanted:
    """A file that is to be fetched. It stands in the journal with its message."""

    file: Attachment
    rest_within: float
    """Seconds for further parts of the utterance once all its files are there."""


def noted(wanted: Wanted) -> str:
    """As ``Inbound.attachment``."""
    return _json.dumps(wanted, Wanted, ensure_ascii=False)


def read_note(note: str) -> Wanted:
    """What ``noted`` made; a file without an id, which nobody can fetch, if another version of this program did."""
    try:
        return _json.loads(note, Wanted)
    except (ValueError, TypeError, KeyError, BaseValidationError):
        return Wanted(Attachment("file", "", "", 0), rest_within=0.0)


def attachment(message: Message) -> Attachment | None:
    """The file of a message; of a photo, its largest size."""
    if message.photo:
        largest = message.photo[-1]
        return Attachment("photo", largest.file_id, largest.file_unique_id, largest.file_size or 0)
    # An animation is a document too, for older apps.
    for kind in ("animation", "document", "voice", "video", "video_note", "audio"):
        found = getattr(message, kind)
        if found is not None:
            name = (getattr(found, "file_name", None) or "")[-NAME_CHARACTERS:]
            return Attachment(kind, found.file_id, found.file_unique_id, found.file_size or 0, name)
    return None


def keep(cache: Path, file: Attachment, content: bytes) -> Path:
    """Write it into the cache, and drop what is oldest there beyond its bound. Blocking. Raises ``OSError``."""
    folder = cache / _FOLDERS.get(file.kind, "documents")
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / f"{_NOT_IN_A_NAME.sub('', file.unique_id)[:64] or 'file'}{_ending(file)}"
    descriptor, draft = tempfile.mkstemp(dir=folder, prefix=_DRAFT)
    try:
        with os.fdopen(descriptor, "wb") as handle:
            handle.write(content)
        Path(draft).replace(path)
    except OSError:
        Path(draft).unlink(missing_ok=True)
        raise
    _shrink(cache, keep=path)
    return path


def told(file: Attachment, path: Path, content: bytes) -> str:
    """What the agent is told of a file that was kept; a short text is shown whole."""
    where = f"[The {file.called} is kept as {path}]"
    text = _text(content) if file.kind == "document" else ""
    if not text:
        return where
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
    return f"{where}\n\n{fence}\n{text}\n{fence}"


def _ending(file: Attachment) -> str:
    found = _ENDING.fullmatch(Path(file.name).suffix)
    return found[0].lower() if found else _ENDINGS.get(file.kind, ".bin")


def _text(content: bytes) -> str:
    if len(content) > INLINE_BYTES or b"\0" in content:
        return ""
    try:
        return content.decode()
    except UnicodeDecodeError:
        return ""


def _shrink(cache: Path, *, keep: Path) -> None:
    files = [(status, path) for path in cache.glob("*/*") if (status := _status(path)) is not None]
    room = CACHE_BYTES - sum(status.st_size for status, _ in files)
    for status, path in sorted(files, key=lambda each: each[0].st_mtime):
        if room >= 0:
            return
        if path != keep:
            path.unlink(missing_ok=True)
            room += status.st_size


def _status(path: Path) -> os.stat_result | None:
    """Of a file that may go; None for what is no file, what somebody else has dropped, and what is being written."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    being_written = path.name.startswith(_DRAFT) and status.st_mtime > time.time() - FETCH_WITHIN
    return status if stat.S_ISREG(status.st_mode) and not being_written else None
