"""What a rule can ask of a call. Each function gives a test of a call and the place where it runs."""

import re
from collections.abc import Callable, Iterator

from attrs import evolve, frozen

from hermes.tools.danger.call import Call
from hermes.tools.danger.inside import find_filters, find_roots
from hermes.tools.danger.protected import (
    Care,
    Place,
    canonical,
    holds_secrets,
    is_root,
    protection,
    spellings,
)
from hermes.tools.danger.shell import names
from hermes.tools.danger.wrappers import option_values

Test = Callable[[Call, Place], bool]


@frozen
class Rule:
    id: str
    reason: str
    """Ends the sentence "This command ..."."""
    when: Test
    programs: frozenset[str] = frozenset()
    """The programs that it looks at; empty: all."""


def rule(name: str, reason: str, programs: str, when: Test | None = None) -> Rule:
    return Rule(name, reason, when or always, names(programs))


def always(call: Call, place: Place) -> bool:
    del call, place
    return True


def both(*tests: Test) -> Test:
    return lambda call, place: all(test(call, place) for test in tests)


def either(*tests: Test) -> Test:
    return lambda call, place: any(test(call, place) for test in tests)


def unless(test: Test) -> Test:
    return lambda call, place: not test(call, place)


def flag(*options: str) -> Test:
    """Any of these options; a long one also abbreviated, as getopt allows."""
    long = tuple(name for name in options if name.startswith("--"))

    def test(call: Call, place: Place) -> bool:
        del place
        given = call.options
        return any(name in given for name in options) or any(
            len(option) > 2 and option.startswith("--") and name.startswith(option) for option in given for name in long
        )

    return test


def words(*subcommand: str) -> Test:
    """These operands in a row, among the first few: a subcommand. Each may name choices: ``"stop|kill"``."""
    choices = [frozenset(name.split("|")) for name in subcommand]

    def test(call: Call, place: Place) -> bool:
        del place
        given = call.operands[: len(choices) + 3]
        starts = range(len(given) - len(choices) + 1)
        return any(all(given[at + index] in choice for index, choice in enumerate(choices)) for at in starts)

    return test


def operand(pattern: str) -> Test:
    """An operand that is whole matched by ``pattern``."""
    compiled = re.compile(pattern)
    return lambda call, place: any(compiled.fullmatch(text) for text in call.operands)


def said(pattern: str) -> Test:
    """``pattern`` found in an argument, in all of them joined with blanks, or in what the call reads."""
    compiled = re.compile(pattern, re.IGNORECASE)
    return lambda call, place: any(map(compiled.search, (*call.texts, " ".join(call.texts), call.stdin)))


def fed_by(*programs: str) -> Test:
    """It reads the output of one of these programs, through any number of pipes."""

    def test(call: Call, place: Place) -> bool:
        del place
        source = call.source
        while source is not None:
            if source.program in programs:
                return True
            source = source.source
        return False

    return test


def here(call: Call, place: Place) -> Place:
    """The place of one call: where a ``cd`` before it went."""
    if call.directory == place.directory:
        return place
    return evolve(place, directory=call.directory if call.directory.startswith(("/", "~")) else "")


def on_roots(call: Call, place: Place) -> bool:
    """An operand is a folder without which the machine or a person's work is gone."""
    own = here(call, place)
    return any(is_root(text, own) for text in call.operands)


def on_system_roots(call: Call, place: Place) -> bool:
    """An operand is such a folder and no home."""
    own = here(call, place)
    return any(is_root(text, own) and not canonical(text, own).startswith("~") for text in call.operands)


def from_roots(call: Call, place: Place) -> bool:
    """One of the sources of a move is such a folder."""
    own = here(call, place)
    targets = [word.text for word in option_values(call.arguments, _OUTPUT_OPTIONS["mv"])] or call.operands[-1:]
    return any(is_root(text, own) for text in call.operands if text not in targets)


def into_roots(call: Call, place: Place) -> bool:
    """The last operand is such a folder."""
    own = here(call, place)
    return any(is_root(text, own) for text in call.operands[-1:])


def finds_in_roots(call: Call, place: Place) -> bool:
    """A ``find`` that begins at such a folder and takes all that it meets."""
    own = here(call, place)
    return not find_filters(call) and any(is_root(root, own) for root in find_roots(call))


def writes_to(*cares: Care) -> Test:
    """It writes, replaces, removes or changes the modes of a protected file."""

    def test(call: Call, place: Place) -> bool:
        own = here(call, place)
        found = (protection(path, own) for path in written(call))
        return any(entry is not None and entry.care in cares for entry in found)

    return test


def names_file_of(care: Care) -> Test:
    """A file of this kind is an operand."""

    def test(call: Call, place: Place) -> bool:
        own = here(call, place)
        entries = (protection(text, own) for text in call.operands)
        return any(entry is not None and entry.care is care for entry in entries)

    return test


def reads_secret(call: Call, place: Place) -> bool:
    """A file with credentials is named anywhere in it."""
    own = here(call, place)
    named = (*call.texts, *(redirect.target.text for redirect in call.redirects if redirect.operator != "<<"))
    entries = (protection(spelling, own) for text in named for spelling in spellings(text))
    return any(entry is not None and entry.secret for entry in entries)


def reads_secret_folder(call: Call, place: Place) -> bool:
    """All that is in a folder with credentials is read or handed on."""
    own = here(call, place)
    above = (
        [word.text for word in option_values(call.arguments, ("-C", "--directory"))] if "tar" in call.program else []
    )
    named = (*call.operands, *(f"{folder}/{text}" for folder in above for text in call.operands))
    return any(holds_secrets(spelling, own) for text in named for spelling in spellings(text))


_BLOCK_DEVICE = re.compile(
    r"/dev/(?:(?:sd|hd|vd|xvd|nvme|mmcblk|dm-|md|loop|sr|nbd|zd|ram|bcache|pmem|rdisk|disk|mapper|block|root|vg|mtd)"
    r"|.*[*?\[])"
)
_HARMLESS_DEVICE = re.compile(
    r"/dev/(?:null|zero|full|stdin|stdout|stderr|tty|ptmx|u?random|(?:fd|shm|pts|tcp|udp|mqueue)/.*)"
)


def writes_to_disk(call: Call, place: Place) -> bool:
    """It writes past the file system."""
    own = here(call, place)
    return any(_BLOCK_DEVICE.match(canonical(path, own)) for path in written(call))


def writes_to_device(call: Call, place: Place) -> bool:
    """It writes to some other device."""
    own = here(call, place)
    paths = [canonical(path, own) for path in written(call)]
    return any(path.startswith("/dev/") and not _HARMLESS_DEVICE.fullmatch(path) for path in paths)


def names_disk(call: Call, place: Place) -> bool:
    own = here(call, place)
    return any(_BLOCK_DEVICE.match(canonical(text, own)) for text in call.operands)


def replaces(pattern: str) -> Test:
    """A redirection (not an appending one) to a file whose path is matched by ``pattern``."""
    compiled = re.compile(pattern)
    return lambda call, place: any(
        redirect.operator in {">", ">|", "&>"} and compiled.search(redirect.target.text) for redirect in call.redirects
    )


_EVERY_OPERAND = names(
    "tee rm rmdir unlink truncate touch shred chmod chown chgrp chattr setfacl sponge mv ed ex vi vim nvim nano patch"
)
_LAST_OPERAND = names("cp install ln rsync scp mv")
_IN_PLACE = names("sed perl ruby gsed")
_COMPILERS = names("gcc g++ cc c++ clang clang++ ld")
_OUTPUT_OPTIONS = {
    "curl": ("-o", "--output", "--output-dir"),
    "wget": ("-O", "--output-document", "-P", "--directory-prefix"),
    "sort": ("-o", "--output"),
    "tar": ("-C", "--directory"),
    "cpio": ("-D", "--directory"),
    "patch": ("-o", "--output", "-d", "--directory"),
    "gpg": ("-o", "--output"),
    **dict.fromkeys(_COMPILERS, ("-o", "--output")),
    **dict.fromkeys(("7z", "7za", "7zz"), ("-o",)),
    "unzip": ("-d",),
    "cp": ("-t", "--target-directory"),
    "mv": ("-t", "--target-directory"),
    "install": ("-t", "--target-directory"),
    "ln": ("-t", "--target-directory"),
}


def written(call: Call) -> Iterator[str]:
    """The paths that a call writes to, as they stand in it."""
    for redirect in call.redirects:
        if redirect.operator in {">", ">>", ">|", "&>", "&>>", "<>", ">&"}:
            yield redirect.target.text
    if call.program in _EVERY_OPERAND or (call.program in _IN_PLACE and flag("-i", "--in-place")(call, Place())):
        yield from call.operands
    if call.program in _LAST_OPERAND and len(call.operands) > 1:
        *sources, target = call.operands
        yield target
        yield from (f"{target}/{source.rpartition('/')[2]}" for source in sources)
    if call.program in _OUTPUT_OPTIONS:
        yield from (word.text for word in option_values(call.arguments, _OUTPUT_OPTIONS[call.program]))
    if call.program == "dd":
        yield from (text[3:] for text in call.texts if text.startswith("of="))
    if call.program in _AHEAD:
        yield from _behind(call, _AHEAD[call.program])
    if call.program in _WRITING_SCRIPTS:
        pattern = _WRITING_SCRIPTS[call.program]
        yield from (match[1] for text in call.texts for match in pattern.finditer(text))
    if call.program in {"awk", "gawk"} and "inplace" in call.texts:
        yield from call.operands


_AHEAD = {"find": names("-fprint -fprint0 -fprintf -fls"), "openssl": names("-out")}
"""Words of a program that stand in front of a file that it writes."""

_SED_WRITES = re.compile(r"(?:^|[;{}\n]|[\d$/gpiIM])[ \t]*w[ \t]+([~/.\w][^;}\n]*)")
_AWK_WRITES = re.compile(r">\s*\"([^\"]+)\"")
_WRITING_SCRIPTS = {
    **dict.fromkeys(("sed", "gsed"), _SED_WRITES),
    **dict.fromkeys(("awk", "gawk", "mawk"), _AWK_WRITES),
}
"""Where the scripts of a program name files that they write."""


def _behind(call: Call, marks: frozenset[str]) -> Iterator[str]:
    return (text for mark, text in zip(call.texts, call.texts[1:], strict=False) if mark in marks)
