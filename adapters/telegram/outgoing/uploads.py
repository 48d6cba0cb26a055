"""Files that are sent: each as what its ending says that Telegram shows natively, else as a document.

1. A file is opened when it is sent, and judged then (hermes/sendable.py); it is held in memory, so few are on their way
   at a time. Who finds no place is asked to come again, which is certain not to have been sent.
2. What Telegram does not take as a photo, a film or a sound (a picture of odd measures, a codec) goes as a document.
"""

from functools import partial
from pathlib import PurePosixPath

import trio
from attrs import define, field, frozen

from adapters.telegram.calls import Calls, FileKind
from adapters.telegram.failures import says
from hermes.errors import Refused, TransientError
from hermes.sendable import Sendable

# Bytes that the Bot API takes of a file, and of a photo (Sending files).
MOST_BYTES = 50 * 1024 * 1024
MOST_PHOTO_BYTES = 10 * 1024 * 1024

# Files on their way at a time: each is in memory.
AT_A_TIME = 2

_KINDS = {
    **dict.fromkeys((".jpg", ".jpeg", ".png", ".webp"), FileKind.PHOTO),
    **dict.fromkeys((".mp4", ".m4v", ".mov"), FileKind.VIDEO),
    **dict.fromkeys((".mp3", ".m4a", ".ogg", ".oga", ".opus"), FileKind.AUDIO),
    ".gif": FileKind.ANIMATION,
}

# Words of a refusal that is about the file and not about the chat.
_ABOUT_FILES = ("photo", "image", "video", "audio", "voice", "animation", "file", "media", "content type")


@frozen
class Upload:
    """A file and how it stands in a chat."""

    path: str
    voice: bool
    caption: str
    thread_id: str
    reply_to: str


@define(eq=False)
class Uploads:
    """One bot's."""

    _calls: Calls
    _sendable: Sendable
    _places: trio.CapacityLimiter = field(factory=lambda: trio.CapacityLimiter(AT_A_TIME))

    async def send(self, chat_id: str, upload: Upload) -> str:
        """Returns the id of the message. Raises as ``Adapter.send``. Cancelled: its outcome is unknown."""
        try:
            self._places.acquire_on_behalf_of_nowait(upload)
        except trio.WouldBlock:
            raise TransientError(f"{AT_A_TIME} other files are on their way") from None
        try:
            read = partial(self._sendable.read, upload.path, MOST_BYTES)
            # Not read at all during a pause. Nothing is changed by it, so that a disk that hangs holds nobody.
            with self._calls.flood.guarded(chat_id):
                content = await trio.to_thread.run_sync(read, abandon_on_cancel=True)
            return await self._send(chat_id, upload, content)
        finally:
            self._places.release_on_behalf_of(upload)

    async def _send(self, chat_id: str, upload: Upload, content: bytes) -> str:
        kind = kind_of(upload.path, len(content), voice=upload.voice)
        send = partial(
            self._calls.send_file,
            chat_id,
            content=content,
            name=PurePosixPath(upload.path).name,
            caption=upload.caption,
            thread_id=upload.thread_id,
            reply_to=upload.reply_to,
        )
        try:
            return await send(kind)
        except Refused as refusal:
            if kind is FileKind.DOCUMENT or not says(refusal, *_ABOUT_FILES):
                raise
            return await send(FileKind.DOCUMENT)


def kind_of(path: str, size: int, *, voice: bool) -> FileKind:
    """As what a file of ``size`` bytes is sent."""
    kind = _KINDS.get(PurePosixPath(path).suffix.lower(), FileKind.DOCUMENT)
    if kind is FileKind.AUDIO and voice:
        return FileKind.VOICE
    return FileKind.DOCUMENT if kind is FileKind.PHOTO and size > MOST_PHOTO_BYTES else kind
