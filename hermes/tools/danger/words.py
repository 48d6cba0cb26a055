"""Reads single words: quoting, expansions, substitutions. ``lexer.py`` puts them into commands."""

import re
from abc import ABC, abstractmethod
from typing import Self

from attrs import Factory, define, evolve

from hermes.tools.danger.expand import FIXED, SPLIT, UNKNOWN, Variables, braces, decode_ansi_c, is_assignment, output_of
from hermes.tools.danger.shell import MOST_NESTED, Script, TooMuch, Word

_BLANKS = re.compile(r"[ \t\n]+")
_PLAIN_QUOTED = re.compile(r"[^\"\\$`]+")
_NAME = re.compile(r"[A-Za-z_]\w*|[0-9@*#?!$-]")
_PARAMETER = re.compile(r"(!|#)?([A-Za-z_]\w*|[0-9]+|[@*#?!$-])")
_ANSI_C = re.compile(r"\$'((?:[^'\\]|\\.)*)('?)", re.DOTALL)
_BACKTICKS = re.compile(r"`((?:[^`\\]|\\.)*)(`?)", re.DOTALL)


@define
class Building:
    """A word in the making."""

    text: list[str] = Factory(list[str])
    bare: list[str] = Factory(list[str])
    scripts: list[Script] = Factory(list[Script])
    started: bool = False
    computed: bool = False
    quoted: bool = False

    def known(self, text: str) -> None:
        self.started = True
        self.text.append(text)
        self.bare.append(text)

    def literal(self, text: str) -> None:
        """Text that was quoted: a tilde at its start names a file and no home."""
        self.quoted = True
        self.known("./" + text if text.startswith("~") and not any(self.text) else text)

    def unknown(self, source: str) -> None:
        self.started = self.computed = True
        self.text.append(source)

    def words(self, *, assigning: bool) -> list[Word]:
        """The finished word, or several after brace expansion and the splitting of expanded values.

        ``assigning``: where it stands, ``NAME=value`` is an assignment, whose value is never split.
        """
        if not self.started:
            return []
        texts, bares = braces("".join(self.text)), braces("".join(self.bare))
        computed = self.computed or len(texts) > 1
        parts = zip(texts, bares, strict=True)
        pairs = (pair for text, bare in parts for pair in _split(text, bare, assigning=assigning))
        return [Word(text, bare, computed, self.quoted, tuple(self.scripts)) for text, bare in pairs]


def _split(text: str, bare: str, *, assigning: bool) -> list[tuple[str, str]]:
    """One word, or several where an expansion put blanks."""
    if SPLIT not in text or (assigning and is_assignment(text)):
        return [(text.replace(SPLIT, " "), bare.replace(SPLIT, " "))]
    texts, bares = ([piece for piece in part.split(SPLIT) if piece] for part in (text, bare))
    return list(zip(texts, bares if len(bares) == len(texts) else [""] * len(texts), strict=True))


@define
class WordReader(ABC):
    """A position in a text, and the word that is being read there."""

    text: str
    variables: Variables
    depth: int
    position: int = 0
    broken: bool = False
    word: Building = Factory(Building)

    @abstractmethod
    def script(self, *, closing: bool) -> Script:
        """Read commands to the end, or with ``closing`` to the parenthesis that ends a substitution."""

    def nested(self, text: str, position: int = 0) -> Self:
        if self.depth >= MOST_NESTED:
            raise TooMuch
        return type(self)(text, self.variables, self.depth + 1, position)

    def at(self, text: str) -> bool:
        return self.text.startswith(text, self.position)

    def quote(self) -> None:
        """Read what a backslash, a quote, a backtick or a dollar sign begins, outside of double quotes."""
        if self.at("\\"):
            self._backslash()
        elif self.at("'"):
            self._single_quoted()
        elif self.at('"') or self.at('$"'):
            self.position += 1 + self.at("$")
            self._double_quoted()
        elif self.at("$'"):
            self._ansi_c()
        elif self.at("`"):
            self._backticks(quoted=False)
        else:
            self._dollar(quoted=False)

    def quoted_step(self) -> None:
        """One piece inside double quotes or a here-document."""
        plain = _PLAIN_QUOTED.match(self.text, self.position)
        if plain:
            self.position = plain.end()
            self.word.literal(plain[0])
        elif self.at("\\"):
            escaped = self.text[self.position + 1 : self.position + 2]
            self.position += 2
            self.word.literal("" if escaped == "\n" else escaped if escaped in set('$`"\\') else "\\" + escaped)
        elif self.at("`"):
            self._backticks(quoted=True)
        elif self.at("$"):
            self._dollar(quoted=True)
        else:
            self.position += 1
            self.word.literal('"')

    def substitution(self) -> Script:
        """Read ``$(...)``, ``<(...)`` or ``>(...)`` in place."""
        fed = self.at(">(")
        nested = self.nested(self.text, self.position + 2)
        script = evolve(nested.script(closing=True), fed=fed)
        self.position = nested.position
        self.broken |= script.broken
        self.word.scripts.append(script)
        return script

    def _backslash(self) -> None:
        escaped = self.text[self.position + 1 : self.position + 2]
        self.position += 2
        if escaped != "\n":
            self.word.literal(escaped)

    def _single_quoted(self) -> None:
        start = self.position + 1
        end = self.text.find("'", start)
        self.broken |= end < 0
        end = len(self.text) if end < 0 else end
        self.position = end + 1
        self.word.literal(self.text[start:end])

    def _ansi_c(self) -> None:
        match = _ANSI_C.match(self.text, self.position)
        assert match is not None
        self.broken |= not match[2]
        self.position = match.end()
        self.word.literal(decode_ansi_c(match[1]))

    def _double_quoted(self) -> None:
        self.word.literal("")
        while self.position < len(self.text):
            if self.at('"'):
                self.position += 1
                return
            self.quoted_step()
        self.broken = True

    def _dollar(self, *, quoted: bool) -> None:
        start = self.position
        if self.at("$(("):
            self._arithmetic()
            if not self.text.endswith("))", start, self.position) or ";" in self.text[start : self.position]:
                # No arithmetic after all: a substitution that begins with a subshell.
                self.position = start
                self.substitution()
            self.word.unknown(self.text[start : self.position])
        elif self.at("$("):
            value = output_of(self.substitution())
            self._insert(value, self.text[start : self.position], quoted=quoted)
        elif self.at("${"):
            name, value = self._parameter()
            self._insert(value, self.text[start : self.position], quoted=quoted, name=name)
        elif found := _NAME.match(self.text, start + 1):
            self.position = found.end()
            self._insert(self.variables.get(found[0]), found[0], quoted=quoted, name=found[0])
        else:
            self.position += 1
            self.word.known("$")

    def _backticks(self, *, quoted: bool) -> None:
        match = _BACKTICKS.match(self.text, self.position)
        assert match is not None
        self.position = match.end()
        script = self.nested(re.sub(r"\\([`\\$])", r"\1", match[1])).script(closing=False)
        self.broken |= not match[2] or script.broken
        self.word.scripts.append(script)
        self._insert(output_of(script), match[0], quoted=quoted)

    def _arithmetic(self) -> None:
        """Pass over ``$((...))``; only what it substitutes is read."""
        self.position += 3
        level = 2
        while self.position < len(self.text) and level:
            if self.at("$(") and not self.at("$(("):
                self.substitution()
            elif self.at("`"):
                self._backticks(quoted=True)
            else:
                level += {"(": 1, ")": -1}.get(self.text[self.position], 0)
                self.position += 1
        self.broken |= bool(level)

    def _parameter(self) -> tuple[str, str]:
        """Read ``${...}``; the name, and the value or ``UNKNOWN``."""
        self.position += 2
        head = _PARAMETER.match(self.text, self.position)
        self.position = head.end() if head else self.position
        rest = self._parameter_rest()
        if head is None or head[1]:
            return "", UNKNOWN
        name, value = head[2], self.variables.get(head[2])
        if not rest:
            return name, value
        operator = re.match(r":?[-=+?]", rest)
        if operator is None or operator[0].endswith("?"):
            # Whatever is cut from the name of the home, the rest is still near it.
            return name, value if operator or name == "HOME" else UNKNOWN
        other = rest[operator.end() :]
        if operator[0].endswith("="):
            self.variables.put(name, other)
        return name, other if operator[0].endswith("+") or value in {"", UNKNOWN} else value

    def _parameter_rest(self) -> str:
        """The text behind the name up to the closing brace, quotes removed."""
        inner = self.nested(self.text, self.position)
        while inner.position < len(inner.text) and not inner.at("}"):
            if inner.text[inner.position] in "'\"\\`$":
                inner.quote()
            else:
                inner.word.known(inner.text[inner.position])
                inner.position += 1
        self.broken |= inner.broken or not inner.at("}")
        self.position = inner.position + 1
        self.word.scripts.extend(inner.word.scripts)
        return UNKNOWN if inner.word.text != inner.word.bare else "".join(inner.word.text)

    def _insert(self, value: str, source: str, *, quoted: bool, name: str = "") -> None:
        """Put the value of an expansion into the word; unquoted, its blanks separate words."""
        if UNKNOWN in value:
            self.word.unknown("$" + source if name == source else source)
            return
        if value or quoted:
            self.word.known(value if quoted else _BLANKS.sub(SPLIT, value))
            self.word.computed |= name not in FIXED
