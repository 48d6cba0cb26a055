"""Dangerous because nobody has read what would run: scripts from the network, from a pipe, or in the command itself."""

import re
from collections.abc import Iterator

from hermes.tools.danger.call import Call
from hermes.tools.danger.inside import STDIN_NAMES, reads_script, shell_script
from hermes.tools.danger.predicates import Rule, Test, both, either, fed_by, flag, operand, rule, said
from hermes.tools.danger.protected import Place
from hermes.tools.danger.shell import Script, Word, names
from hermes.tools.danger.wrappers import SHELLS, STDIN_SHELLS

_INLINE_LETTERS = {
    "python": "c", "pypy": "c", "ipython": "c", "perl": "eE", "ruby": "e", "node": "ep", "php": "r", "bun": "ep",
    "julia": "eE", "r": "e", "raku": "e", "groovy": "e", "guile": "c", "elixir": "e",
}  # fmt: skip
"""The letters with which an interpreter takes its program from the next word; others: any of these."""
_INTERPRETERS = (
    "python pypy ipython perl ruby node nodejs deno bun php lua luajit tclsh osascript pwsh rscript julia r raku groovy"
    " guile elixir"
)
_PYTHONS = "python pypy ipython"
_FETCHERS = "curl wget fetch aria2c http https lynx nc ncat socat"
_DECODERS = "base64 base32 xxd openssl gunzip zcat uudecode rev tr"
_STARTERS = " ".join(sorted(SHELLS | STDIN_SHELLS | {"sudo", "sudo-rs", "dzdo", "doas"}))
"""What may run a script that it reads."""
_READERS = " ".join((*sorted(SHELLS), "eval", "source", "."))
"""What runs the text that it is given."""


def _given(call: Call) -> list[Word]:
    """The words that are read as a script."""
    if call.program not in SHELLS:
        return list(call.arguments)
    script = shell_script(call)
    return [script] if script is not None else list(call.arguments[:3])


def _programs(script: Script) -> Iterator[str]:
    for command in script.commands:
        for word in command.words:
            yield word.text.rpartition("/")[2]
            for inner in word.scripts:
                yield from _programs(inner)


def _substitutes(programs: str) -> Test:
    """The output of one of these programs is read as a script."""
    looked_for = names(programs)

    def test(call: Call, place: Place) -> bool:
        del place
        scripts = (script for word in _given(call) for script in word.scripts)
        return any(program in looked_for for script in scripts for program in _programs(script))

    return test


def _piped(call: Call, place: Place) -> bool:
    """A shell runs what another program prints, and that is not known here."""
    del place
    if call.program in {"source", "."}:
        return call.source is not None and not call.stdin and set(call.operands[:1]) <= STDIN_NAMES
    return reads_script(call) and call.source is not None and not call.stdin


def _redirected(call: Call, place: Place) -> bool:
    """What it reads comes from a substitution (``bash < <(...)``) or from a descriptor that was opened before."""
    del place
    read = [redirect for redirect in call.redirects if redirect.operator in {"<", "<&"}]
    opened = (text for text in call.texts[:3] if _DESCRIPTOR.match(text))
    return (
        any(redirect.target.scripts or _DESCRIPTOR.match(redirect.target.text) for redirect in read)
        or any(re.fullmatch(r"[0-9$].*", redirect.target.text) for redirect in read if redirect.operator == "<&")
        or any(opened)
        or any(word.text.startswith("<(") for word in call.arguments[:3])
    )


_DESCRIPTOR = re.compile(r"/dev/fd/[1-9$]|/proc/(?:self|[0-9$]+)/fd/[1-9$]")


def _unknown(call: Call, place: Place) -> bool:
    """The script that it is given has words that are not known here."""
    del place
    if call.program in SHELLS and shell_script(call) is None:
        return any(word.scripts for word in call.arguments[:3])
    return any(word.text != word.bare for word in _given(call))


def _inline(call: Call, place: Place) -> bool:
    """An interpreter runs a program that stands in the command, or comes through a pipe."""
    del place
    if any(redirect.operator in {"<<", "<<<"} for redirect in call.redirects):
        return True
    if call.source is not None and (not call.operands or call.operands[0] in STDIN_NAMES):
        return True
    family = re.sub(r"[0-9.]+$|js$", "", call.program)
    pattern = re.compile(
        rf"-[A-Za-z0-9]*[{_INLINE_LETTERS.get(family, 'ceEpr')}].*|--eval.*|--print.*|--execute.*|eval"
    )
    return any(pattern.fullmatch(text) for text in _own_options(call))


def _own_options(call: Call) -> Iterator[str]:
    """The arguments before the script's name: from there on they are the script's own."""
    after_option = False
    for text in call.texts:
        if text == "-m" or not (text.startswith("-") or after_option or text == "eval"):
            return
        yield text
        after_option = text.startswith("-")


def _computed(call: Call, place: Place) -> bool:
    del place
    return call.computed


def _to_network(call: Call, place: Place) -> bool:
    del place
    return any(redirect.target.text.startswith(("/dev/tcp/", "/dev/udp/")) for redirect in call.redirects)


# ``$((`` is arithmetic where nothing but figures and names stands before its ``))``. Else it may be a substitution that
# begins with a subshell.
_SUBSCRIPT = re.compile(r"\[[^\]]*(?:\$\((?!\([\w \t+*/%<>=!&|^~?:,#${}-]*\)\))|`)")
_EVALUATING = "let test [ [[ ( (( printf read unset declare typeset local readonly export mapfile readarray wait"


def _evaluates(call: Call, place: Place) -> bool:
    """A text is expanded where nobody expects it: the index of an array in arithmetic, ``${name@P}``."""
    del place
    evaluating = call.program in names(_EVALUATING)
    # An index may hold blanks, and is several words then.
    arguments = " ".join(word.bare for word in call.arguments) if evaluating else ""
    texts = (arguments, *(word.bare for word in call.assignments))
    return any(_SUBSCRIPT.search(text) for text in texts) or any("@P}" in text for text in call.texts)


_PRELOAD = re.compile(
    r"(?:LD_PRELOAD|LD_AUDIT|BASH_ENV|DYLD_INSERT_LIBRARIES|PERL5OPT|RUBYOPT|GCONV_PATH|GIT_CONFIG_COUNT|GIT_CONFIG_KEY_\d+"
    r"|BASH_FUNC_.*)=.|NODE_OPTIONS=.*(?:--require|--import|--loader|-r\b)"
)


def _preloads(call: Call, place: Place) -> bool:
    del place
    return any(_PRELOAD.match(text) for text in (*(word.text for word in call.assignments), *call.texts))


def _sed_runs(call: Call, place: Place) -> bool:
    """The commands ``e`` and ``s///e`` of sed run a shell."""
    del place
    return any(_SED_RUN.search(text) for text in (*call.texts, *map(_bare_script, call.texts)))


def _sets_command(call: Call, place: Place) -> bool:
    """A setting of git that makes its later commands run another one."""
    del place
    settings = zip(call.texts, call.texts[1:], strict=False)
    return "config" in call.operands[:3] and any(
        _RUN_BY_GIT.fullmatch(name) or (name.lower().startswith("alias.") and value.startswith("!"))
        for name, value in settings
    )


_RUN_BY_GIT = re.compile(r"core\.(?:fsmonitor|sshcommand|hookspath|pager)", re.IGNORECASE)


def _bare_script(text: str) -> str:
    return re.sub(r"^(?:--expression=|-[nErsuz]*e)", "", text)


_SED_RUN = re.compile(
    r"(?:^|[;{}\n])[ \t]*(?:(?:\d+|\$|/[^/]*/)(?:,(?:\d+|\$|/[^/]*/))?!?[ \t]*)?e(?:\s|$)"
    r"|(?:^|[;{}\s\d$/])s([^\w\s\\])(?:(?!\1).){0,999}\1(?:(?!\1).){0,999}\1[gpiIM0-9]*e[gpiIM0-9]*(?:$|[;}\s])"
)
_SHELLS = " ".join(sorted(SHELLS))

_ESCAPES = (
    (
        "sqlite3 sqlite duckdb",
        r"(?:^|\n)[ \t]*\.(?:sh(?:e|el|ell)?|sy(?:s|st|ste|stem)?|load)\b|(?:^|\n)[ \t]*\.\w+[^\n]*?\s[\"']?\|"
        r"|\bwritefile\s*\(|\bload_extension\s*\(",
    ),
    ("psql", r"\\!|\\[go]x?\s*\||\bprogram\s*'"),
    ("mysql mariadb", r"\\!|(?:^|[;\n])[ \t]*system\s"),
    ("gdb lldb", r"(?:^|=|\n)[ \t]*(?:shell\b|!|pipe\b|make\b|platform\s|python\b|script\b)"),
    ("less more", r"(?:^|\s)\+\+?!"),
    ("gnuplot", r"\bsystem\b|(?:^|[;\n])[ \t]*!"),
    ("dc", r"!(?![<>=])"),
)
"""How programs that are no shell are told to run a command, or to write where they please."""

CODE: tuple[Rule, ...] = (
    rule("remote-script", "runs a script straight from the network", _READERS, _substitutes(_FETCHERS)),
    rule("remote-script", "runs a script straight from the network", _SHELLS, both(_piped, fed_by(*_FETCHERS.split()))),
    rule(
        "remote-script",
        "runs a script straight from the network",
        _INTERPRETERS,
        both(_inline, fed_by(*_FETCHERS.split())),
    ),
    rule("decoded-script", "runs a script that it decodes first", _READERS, _substitutes(_DECODERS)),
    rule("decoded-script", "runs a script that it decodes first", _SHELLS, both(_piped, fed_by(*_DECODERS.split()))),
    rule("pipe-to-shell", "runs what another program prints", f"{_STARTERS} source .", _piped),
    rule("unknown-script", "runs a script whose words are not known before", _READERS, _unknown),
    rule("unknown-script", "runs what another program prints", f"{_READERS} {_INTERPRETERS}", _redirected),
    rule("inline-script", "runs a program that stands in the command itself", _INTERPRETERS, _inline),
    rule(
        "inline-script",
        "runs a program that stands in the command itself",
        "awk gawk mawk",
        said(r"\bsystem\s*\(|\|&?\s*getline|\|&?\s*\""),
    ),
    rule(
        "inline-script",
        "runs commands from within an editor",
        "vim vi nvim ex",
        both(said(r"(?:^| )(?:\+|-[A-Za-z]*[cS] ?|--cmd )"), said(r"!|system\s*\(")),
    ),
    rule("inline-script", "runs a program that stands in the command itself", "emacs", flag("--eval", "--batch")),
    rule("inline-script", "makes another program run commands", "git", said(r"\balias\.[\w-]+=!|\bcore\.\w+=")),
    rule(
        "inline-script",
        "runs commands from within an editor",
        "ed ex",
        said(r"(?:^|\n)[ \t]*+(?:[\d$.,%]++[ \t]*+)?(?:[rw][ \t]*+)?!"),
    ),
    rule("inline-script", "runs commands from within an editor", "sed gsed", _sed_runs),
    rule("inline-script", "runs a makefile that stands in the command itself", "make gmake", said(r"^--eval|^-E$")),
    rule(
        "inline-script",
        "runs a makefile that stands in the command itself",
        "make gmake",
        both(flag("-f", "--file", "--makefile"), operand(r"-|/dev/stdin|/dev/fd/.*|[<>$`].*")),
    ),
    rule("inline-script", "makes another program run commands", "git", _sets_command),
    rule("inline-script", "makes another program run commands", "git", said(r"\bext::|--upload-pack|--receive-pack")),
    rule("inline-script", "runs a program that stands in the command itself", "expect", flag("-c")),
    rule("inline-script", "runs a program that stands in the command itself", "pwsh powershell", said("^-(?:c|e)")),
    rule(
        "inline-script",
        "runs a program that stands in the command itself",
        _PYTHONS,
        said("^-m (?:timeit|code|pdb)\\b"),
    ),
    rule("unknown-script", "expands a text as a script", "", _evaluates),
    rule("inline-script", "makes another program run commands", "tar", said("--checkpoint-action|--to-command")),
    *(rule("inline-script", "makes another program run commands", programs, said(way)) for programs, way in _ESCAPES),
    rule("inline-script", "makes another program run commands", "ssh scp sftp", said("(?:Proxy|Local)Command[ =]")),
    rule(
        "network-shell",
        "gives a shell to the network",
        "nc ncat netcat socat",
        either(flag("-e", "-c", "--exec", "--sh-exec"), said(r"\bexec:|\bsystem:")),
    ),
    rule("network-shell", "gives a shell to the network", "", _to_network),
    rule("computed-command", "runs a program whose name is not known before", "", _computed),
    rule("preload", "puts foreign code into a program", "", _preloads),
)
