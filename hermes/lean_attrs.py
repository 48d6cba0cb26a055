"""attrs without compiling, at every start, the methods that it writes for each class.

It writes them as source when a class is made: with some 400 classes, compiling that is a fifth of a start. The
interpreter keeps the code of modules in ``__pycache__``; this keeps that of these methods beside it, under the same
conditions (PYTHONDONTWRITEBYTECODE, PYTHONPYCACHEPREFIX, a folder that can be written to).

Rules:

1. Code is found by the whole of its source and by its name, in a file of this version of the interpreter: it is never
   that of another class or another release.
2. A file that is absent, cut or foreign is as good as none. Nothing here fails a start.
3. ``installed`` stands around the imports of a program and its run, and ``keep`` comes once it has started: until then
   the code of classes that it does not use is in memory too (1 MB).
"""

import marshal
import os
import re
import sys
import zlib
from collections.abc import Generator
from contextlib import contextmanager, suppress
from importlib import import_module
from importlib.util import MAGIC_NUMBER, cache_from_source
from pathlib import Path
from types import CodeType
from typing import cast

from attrs import define, field

# Pieces of code in one file. A start makes some 400; beyond this most are of releases that are gone.
MOST = 2_000

# attrs salts the hash of each class with one that differs from start to start.
_SALT = re.compile(r"(hash\(\(\n +)-?\d+,")

_CHECKED = 4

# The part of attrs that compiles.
_WRITER = "attr._make"


@define(eq=False)
class CodeFile:
    """The code of one file, and what was compiled besides."""

    path: Path
    compiled: dict[str, CodeType] = field(factory=dict[str, CodeType], init=False)
    """What the file did not hold."""
    _found: dict[str, CodeType] = field(init=False)
    _used: dict[str, CodeType] = field(factory=dict[str, CodeType], init=False)

    def __attrs_post_init__(self) -> None:
        self._found = _read(self.path)

    def compile(self, source: str, filename: str, mode: str) -> CodeType:
        """As the function of that name."""
        source = _SALT.sub(r"\g<1>0,", source)
        key = f"{filename}\n{source}"
        code = self._found.get(key)
        if code is None:
            code = self.compiled[key] = compile(source, filename, mode, dont_inherit=True)
        else:
            self._used[key] = code
        return code

    def write(self) -> None:
        """Add what was compiled. A file that would hold too much is begun anew with what this program used."""
        if not self.compiled or sys.dont_write_bytecode:
            return
        whole = {**self._found, **self.compiled}
        code = whole if len(whole) <= MOST else {**self._used, **self.compiled}
        content = marshal.dumps(code)
        beside = self.path.with_name(f"{self.path.name}.{os.getpid()}")
        # As the interpreter does it: whole or not at all, and without it the next start takes longer.
        with suppress(OSError):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            try:
                beside.write_bytes(MAGIC_NUMBER + zlib.crc32(content).to_bytes(_CHECKED) + content)
                beside.replace(self.path)
            finally:
                beside.unlink(missing_ok=True)


def _read(path: Path) -> dict[str, CodeType]:
    try:
        content = path.read_bytes()
    except OSError:
        return {}
    begin = len(MAGIC_NUMBER) + _CHECKED
    head, body = content[:begin], memoryview(content)[begin:]
    if head != MAGIC_NUMBER + zlib.crc32(body).to_bytes(_CHECKED):
        return {}
    return cast(dict[str, CodeType], marshal.loads(body))


_installed: list[CodeFile] = []


@contextmanager
def installed(program: str) -> Generator[None]:
    """With the file of this program, since others use other classes; until the end, or ``keep``."""
    _install(program)
    try:
        yield
    finally:
        keep()


def _install(program: str) -> None:
    # An interpreter without a cache, or another attrs.
    with suppress(NotImplementedError, ImportError):
        if not _installed:
            writer = vars(import_module(_WRITER))
            _installed.append(CodeFile(Path(cache_from_source(__file__)).with_suffix(f".{program}")))
            # A name of the module stands before the builtin of that name.
            writer["compile"] = _installed[0].compile


def keep() -> None:
    """No longer. What was compiled meanwhile is there at the next start. Blocks for some milliseconds if any was."""
    while _installed:
        vars(import_module(_WRITER)).pop("compile", None)
        _installed.pop().write()
