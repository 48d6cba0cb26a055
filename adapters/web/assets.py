"""The files of the page: read once from the package, served by name, with a validator for the browser's cache."""

from hashlib import sha256
from importlib.resources import files

from attrs import frozen

INDEX = "index.html"

MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
"""What the page is made of; a file of another kind is not served."""


@frozen
class Asset:
    """One file."""

    content: bytes
    media_type: str
    etag: str
    """A strong validator, with its quotes (RFC 9110 section 8.8.3)."""


def load() -> dict[str, Asset]:
    """Every file of the page, by its name."""
    found = (entry for entry in files("adapters.web").joinpath("page").iterdir() if entry.is_file())
    return {
        entry.name: _asset(entry.read_bytes(), media_type)
        for entry in found
        if (media_type := MEDIA_TYPES.get(_suffix(entry.name))) is not None
    }


def _suffix(name: str) -> str:
    return "." + name.rpartition(".")[2]


def _asset(content: bytes, media_type: str) -> Asset:
    return Asset(content, media_type, f'"{sha256(content).hexdigest()[:20]}"')
