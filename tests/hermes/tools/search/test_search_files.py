"""Searching: the same answers from ripgrep and from our own walk, bounded, redacted, and never stuck."""

import json
import os
import shutil
from pathlib import Path

import pytest
import trio
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from hermes.agent.ports import CommandOutput
from hermes.redact import PLACEHOLDER, Redactor
from hermes.tools.contract import ToolContext, ToolResult
from hermes.tools.registry import Registry
from hermes.tools.search import tool as module
from tests.hermes.tools.files.disk import link, put
from tests.hermes.tools.ports import FakeProcesses, World

_RIPGREP = shutil.which("rg")
_ENGINES = [
    pytest.param("rg", marks=pytest.mark.skipif(_RIPGREP is None, reason="ripgrep is not installed")),
    "walk",
]


@pytest.fixture(params=_ENGINES)
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    _choose(str(request.param), monkeypatch)
    return str(request.param)


def _choose(engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "find_ripgrep", lambda _: _RIPGREP if engine == "rg" else None)


@pytest.fixture
def folder(world: World) -> Path:
    world.cwd.mkdir(parents=True)
    return world.cwd


def _make(folder: Path, files: dict[str, str | bytes]) -> None:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        put(folder / name, content)


async def _search(world: World, pattern: str, /, **arguments: object) -> ToolResult:
    return await _invoke(world.context(), pattern=pattern, **arguments)


async def _invoke(surroundings: ToolContext, /, **arguments: object) -> ToolResult:
    """As a model calls it: what the world does to it is told and not raised."""
    with trio.fail_after(60):
        outcome = await Registry(["file"]).invoke("search_files", json.dumps(arguments), surroundings)
    assert isinstance(outcome, ToolResult)
    return outcome


TREE: dict[str, str | bytes] = {
    "a.py": "import os\n\ndef alpha():\n    return 1\n\ndef beta():\n    return 2\n",
    "src/b.py": "def gamma():\n    pass\n",
    "src/notes.md": "see def alpha\n",
    "z.txt": "nothing\n",
}


async def test_lines_are_told_by_file_with_their_numbers(world: World, folder: Path, engine: str) -> None:
    _make(folder, TREE)
    assert await _search(world, r"def \w+\(\)") == ToolResult(
        "a.py\n3: def alpha():\n6: def beta():\nsrc/b.py\n1: def gamma():\n[3 matches]"
    )


async def test_lines_around_a_match_are_marked_and_gaps_too(world: World, folder: Path, engine: str) -> None:
    _make(folder, TREE)
    assert (await _search(world, "def (alpha|gamma)", context=1, file_glob="*.py")).content == (
        "a.py\n2- \n3: def alpha():\n4-     return 1\nsrc/b.py\n1: def gamma():\n2-     pass\n[2 matches]"
    )
    _make(folder, {"long.py": "def x\n" + "\n" * 9 + "def x\n"})
    told = (await _search(world, "def x", context=2, file_glob="long.py")).content
    assert told == "long.py\n1: def x\n2- \n3- \n--\n9- \n10- \n11: def x\n[2 matches]"


async def test_files_and_counts_can_be_asked_for(world: World, folder: Path, engine: str) -> None:
    _make(folder, TREE)
    only = await _search(world, "def", output_mode="files_only")
    assert only.content == "a.py\nsrc/b.py\nsrc/notes.md\n[3 files]"
    counted = await _search(world, "def", output_mode="count")
    assert counted.content == "a.py: 2\nsrc/b.py: 1\nsrc/notes.md: 1\n[3 files]"


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("*.py", ["a.py", "src/b.py"]),
        ("b.py", ["src/b.py"]),
        ("note", ["src/notes.md"]),
        ("src/*", ["src/b.py", "src/notes.md"]),
        ("**/src/**", ["src/b.py", "src/notes.md"]),
        ("*.{md,txt}", ["src/notes.md", "z.txt"]),
        ("[az].*", ["a.py", "z.txt"]),
        ("!*.py", ["src/notes.md", "z.txt"]),
        ("", ["a.py", "src/b.py", "src/notes.md", "z.txt"]),
        ("*.nothing", []),
    ],
)
async def test_files_are_found_by_name(world: World, folder: Path, engine: str, pattern: str, found: list[str]) -> None:
    _make(folder, TREE)
    told = (await _search(world, pattern, target="files")).content
    assert told.split("\n")[:-1] == found


async def test_a_name_and_a_glob_have_to_fit_both(world: World, folder: Path, engine: str) -> None:
    _make(folder, TREE)
    assert (await _search(world, "*o*", target="files", file_glob="*.md")).content == "src/notes.md\n[1 files]"


async def test_pages_follow_each_other(world: World, folder: Path, engine: str) -> None:
    _make(folder, {f"{letter}.txt": "x\nx\n" for letter in "abc"})
    first = await _search(world, "x", limit=4)
    assert first.content == "a.txt\n1: x\n2: x\nb.txt\n1: x\n2: x\n[matches 1-4 of 6; continue with offset=4]"
    assert (await _search(world, "x", limit=4, offset=4)).content == "c.txt\n1: x\n2: x\n[matches 5-6 of 6]"
    assert (await _search(world, "x", offset=9)).content == "[no matches from offset 9 on, 6 in all]"
    assert (await _search(world, "y")).content == "[no matches]"


async def test_paths_are_told_as_they_can_be_read(world: World, folder: Path, engine: str) -> None:
    _make(folder, TREE)
    assert (await _search(world, "gamma", path="src")).content.startswith("src/b.py\n")
    assert (await _search(world, "gamma", path=f"{folder}/src/")).content.startswith(f"{folder}/src/b.py\n")
    assert (await _search(world, "gamma", path="~/work")).content.startswith("~/work/src/b.py\n")
    assert (await _search(world, "gamma", path="src/b.py")).content == "src/b.py\n1: def gamma():\n[1 matches]"
    assert (await _search(world, "alpha", path="src/b.py", context=3)).content == "[no matches]"


async def test_ignored_hidden_and_binary_files_are_left_out(world: World, folder: Path, engine: str) -> None:
    _make(
        folder,
        {
            ".gitignore": "# made\n*.log\n!keep.log\n/build\ndeep/**/made\nsub/inner.txt\ncache/\n",
            "a.txt": "x",
            "b.log": "x",
            "keep.log": "x",
            "build/c.txt": "x",
            "sub/build/d.txt": "x",
            "sub/inner.txt": "x",
            "deep/er/made/e.txt": "x",
            "sub/cache/f.txt": "x",
            "sub/.gitignore": "*.txt\n!g.txt\n",
            "sub/g.txt": "x",
            "sub/h.txt": "x",
            "sub/cache2/cache": "x",
            ".hidden/i.txt": "x",
            ".j": "x",
            "binary": b"x\0x",
            ".ignore": "a.txt\n",
        },
    )
    told = (await _search(world, "x", output_mode="files_only")).content.split("\n")
    assert told == ["a.txt", "keep.log", "sub/cache2/cache", "sub/g.txt", "[4 files]"]
    assert (await _search(world, "x", path="sub", output_mode="files_only")).content.split("\n") == [
        "sub/cache2/cache",
        "sub/g.txt",
        "[2 files]",
    ]


async def test_a_file_that_is_named_is_found_although_it_is_hidden_or_ignored(
    world: World, folder: Path, engine: str
) -> None:
    _make(folder, {".gitignore": "*.log\n", "b.log": "x", ".j": "x", ".k/l": "x"})
    assert (await _search(world, "*.log", target="files")).content == "b.log\n[1 files]"
    assert (await _search(world, "x", file_glob=".j")).content == ".j\n1: x\n[1 matches]"
    assert (await _search(world, "x", path=".k")).content == ".k/l\n1: x\n[1 matches]"
    assert (await _search(world, "x", path="b.log")).content == "b.log\n1: x\n[1 matches]"


async def test_files_that_could_hold_it_up_do_not(world: World, folder: Path, engine: str) -> None:
    _make(folder, {"a.txt": "x\n", "folder/b.txt": "x\n"})
    os.mkfifo(folder / "pipe")
    link(folder / "loop", "loop")
    link(folder / "folder/up", "..")
    link(folder / "zero", "/dev/zero")
    with (folder / "huge").open("wb") as file:
        file.write(b"x\n")
        file.truncate(5 * 1024**3)
    told = (await _search(world, "x", output_mode="files_only")).content
    assert told == "a.txt\nfolder/b.txt\n[2 files]"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"path": "pipe"}, "is no regular file but a pipe"),
        ({"path": "zero"}, "is made up by the kernel"),
        ({"path": "/proc"}, "is made up by the kernel"),
        ({"path": "/proc/self"}, "is made up by the kernel"),
        ({"path": "loop"}, "symbolic links"),
        ({"path": "nowhere"}, "No such file"),
        ({"path": "~/.ssh/id_rsa"}, "holds credentials"),
        ({"path": ""}, "a path has no NUL"),
        ({"path": "a\0"}, "a path has no NUL"),
        ({"pattern": "a\0"}, "a pattern has no NUL"),
        ({"pattern": "("}, "Not searched: "),
        ({"pattern": "[z-a]"}, "Not searched: "),
        ({"file_glob": "[z"}, "is no glob"),
        ({"file_glob": "{a"}, "is no glob"),
        ({"file_glob": "[z-a]"}, "Not searched: "),
        ({"pattern": "{", "target": "files"}, "is no glob"),
        ({"limit": 0}, "limit begins at 1"),
        ({"offset": -1}, "offset at 0"),
    ],
)
async def test_what_makes_no_sense_is_refused_with_a_line(
    world: World, folder: Path, engine: str, arguments: dict[str, object], said: str
) -> None:
    os.mkfifo(folder / "pipe")
    link(folder / "loop", "loop")
    link(folder / "zero", "/dev/zero")
    result = await _invoke(world.context(), **{"pattern": "x", **arguments})
    assert result.is_error
    assert said in result.content


async def test_secrets_are_neither_shown_nor_found(world: World, folder: Path, engine: str) -> None:
    world.redactor = Redactor(["correct-horse"])
    key = "MIIEow1BAAKCAQEAu1SU1LfVLPHCozMxH2Mo4lgOEePzNm0tRgeLezV6ffAt0gun"
    _make(
        folder.parent,
        {
            ".hermes/.env": "KEY=find-me\n",
            "work/a.txt": "find-me correct-horse\n",
            "work/b.txt": f"find-me\n-----BEGIN RSA PRIVATE KEY-----\n{key}\n-----END RSA PRIVATE KEY-----\n",
            "work/c.txt": "y" * 1_995 + "correct-horse find-me\n",
            "work/d.txt": "find-me " + "y " * 240 + "correct-horse" + "y" * 2_000 + "\n",
        },
    )
    link(folder / "env", folder.parent / ".hermes/.env")
    told = (await _search(world, "find-me", path="~", context=3)).content
    assert f"1: find-me {PLACEHOLDER}" in told
    assert f"2- {PLACEHOLDER}" in told
    assert key not in told
    assert "corre" not in told
    assert "KEY" not in (await _search(world, "find-me", path="~", file_glob="*.env")).content
    assert "KEY" not in (await _search(world, "find-me", path="~/.hermes", file_glob=".env")).content
    assert ".env" not in (await _search(world, ".env", path="~/.hermes", target="files")).content


async def test_long_lines_and_large_answers_are_bounded(world: World, folder: Path, engine: str) -> None:
    _make(folder, {"a.js": "find " + "x" * 3_000_000 + "\nfind\n", "b.txt": ("find " + "y" * 400 + "\n") * 20_000})
    told = (await _search(world, "find", path="a.js")).content
    assert len(told) < 1_000
    assert told.endswith("\n2: find\n[2 matches]")
    result = await _search(world, "find", limit=10**9)
    assert len(result.content) < 51_000
    assert "; continue with offset=" in result.content
    assert result.content.endswith("there are more: narrow the search]")


async def test_other_encodings_and_line_ends_are_searched_too(world: World, folder: Path, engine: str) -> None:
    _make(
        folder,
        {
            "a.txt": "caf\u00e9\r\nx\r\n",
            "b.txt": "caf\u00e9\n".encode("utf-16"),
            "c.txt": b"caf\xe9 \xff\n",
            "d.txt": b"\xef\xbb\xbfcaf\xc3\xa9\n",
        },
    )
    assert (await _search(world, "^caf\u00e9")).content == (
        "a.txt\n1: caf\u00e9\nb.txt\n1: caf\u00e9\nd.txt\n1: caf\u00e9\n[3 matches]"
    )
    assert (await _search(world, "caf", path="c.txt")).content == "c.txt\n1: caf\ufffd \ufffd\n[1 matches]"


async def test_names_that_look_like_options_are_names(world: World, folder: Path, engine: str) -> None:
    _make(folder, {"--files": "-x\n", "-e": "-x\n"})
    assert (await _search(world, "-x")).content == "--files\n1: -x\n-e\n1: -x\n[2 matches]"
    assert (await _search(world, "--files", path="--files")).content == "[no matches]"
    assert (await _search(world, "-x", path="-e")).content == "-e\n1: -x\n[1 matches]"
    assert (await _search(world, "-*", target="files")).content == "--files\n-e\n[2 files]"


async def test_a_pattern_that_never_ends_is_ended_and_what_was_found_counts(
    world: World, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _choose("walk", monkeypatch)
    monkeypatch.setattr(module, "_SECONDS", 2.0)
    _make(folder, {"a.txt": "found\n", "b.txt": "a" * 60 + "!\n"})
    result = await _search(world, "(a+)+$|found")
    assert result.content == "a.txt\n1: found\n[1 matches; there are more: narrow the search]"


async def test_the_programs_run_in_the_searched_folder_within_bounds(world: World, folder: Path) -> None:
    world.processes = processes = FakeProcesses(CommandOutput("", False, 0, 1, None, False))
    context = world.context()
    program = folder / "rg"
    put(program, "#!/bin/sh\n", 0o755)
    object.__setattr__(context, "environment", {"PATH": str(folder)})
    assert (await _invoke(context, pattern="x")).content == "[no matches]"
    assert processes.started[0][0] == str(program)
    assert "--regexp=x" in processes.started[0]


async def test_a_program_that_fails_is_told(world: World, folder: Path) -> None:
    world.processes = FakeProcesses(CommandOutput("", False, 0, None, 9, False))
    assert await _search(world, "x") == ToolResult("Not searched: the search ended by signal 9", is_error=True)


_NAMES = st.sampled_from(["a", "b.txt", "c.log", ".d", "e"])
_PATHS = st.lists(_NAMES, min_size=1, max_size=3).map("/".join)
_IGNORE = st.sampled_from(
    [
        "a",
        "a/",
        "/a",
        "*.log",
        "!c.log",
        "a/b.txt",
        "/a/**",
        "**/a",
        "a/**/e",
        "?",
        "[a-b]*",
        "!a",
        "*",
        "!*/",
        "!*.txt",
    ]
)
_RULES = st.lists(_IGNORE, max_size=4).map("\n".join)
_GLOBS = st.sampled_from(["", "*.txt", "!*.log", "a/*", "**/e", "{a,e}", "!a", ".d", "*", "[!a]*"])


@pytest.mark.skipif(_RIPGREP is None, reason="ripgrep is not installed")
@example(paths=[".d/a"], rules={"": "!*/"}, glob="", mode="content", context=0)
@settings(max_examples=40, suppress_health_check=list(HealthCheck), deadline=None)
@given(
    paths=st.lists(_PATHS, min_size=1, max_size=8),
    rules=st.dictionaries(st.sampled_from(["", "a/", "a/a/", "../"]), _RULES, max_size=3),
    glob=_GLOBS,
    mode=st.sampled_from(["content", "files_only", "count"]),
    context=st.integers(0, 2),
)
def test_both_programs_answer_alike(
    tmp_path_factory: pytest.TempPathFactory,
    paths: list[str],
    rules: dict[str, str],
    glob: str,
    mode: str,
    context: int,
) -> None:
    world = World(tmp_path_factory.mktemp("alike"))
    folder = world.context().cwd
    for number, path in enumerate(paths):
        try:
            _make(folder, {path: "x\n\n\nx\n" * number + "no\nx"})
        except OSError:
            continue  # a file stands where a folder would have to
    for where, text in rules.items():
        if (folder / where).is_dir():
            put(folder / where / ".gitignore", text)
    answers: list[ToolResult] = []
    for engine in ("rg", "walk"):
        with pytest.MonkeyPatch.context() as patch:
            _choose(engine, patch)

            async def ask() -> ToolResult:
                return await _search(world, "x", file_glob=glob, output_mode=mode, context=context)

            answers.append(trio.run(ask))
    assert answers[0] == answers[1]
