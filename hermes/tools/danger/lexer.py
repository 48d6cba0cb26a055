"""The reader behind ``shell.py``: one pass over the text that puts words, redirections and operators into commands."""

import re
from collections.abc import Mapping

from attrs import Factory, define, field

from hermes.tools.danger.expand import CLOSE, COMMA, OPEN, SPLIT, UNKNOWN, Variables, assigned
from hermes.tools.danger.shell import Redirect, Script, Simple, Word, names
from hermes.tools.danger.words import Building, WordReader

RESERVED = names("if then elif else while until do ! { }")
"""Words after which a command begins."""

_DECLARING = names("export declare local readonly typeset")
_PLAIN = re.compile(r"[^ \t\n'\"\\$`(){},;&|<>#~]+")
_OPERATOR = re.compile(r"&&|\|\||\|&|;;&?|;&|[;&|()\n]")
_DESCRIPTOR = re.compile(rf"[0-9]+|{OPEN}[A-Za-z_]\w*{CLOSE}")
"""In front of a redirection: its number, or the variable that gets it."""
_REDIRECT = re.compile(r"&>>|&>|<<<|<<-|<<|<>|<&|>>|>&|>\||<|>")
# No command means the characters that stand for something else in here.
_FOREIGN = dict.fromkeys(map(ord, (OPEN, COMMA, CLOSE, SPLIT, UNKNOWN)), "\ufffd")
_BRACES = {"{": OPEN, ",": COMMA, "}": CLOSE}


def parse(text: str, variables: Mapping[str, str] | None = None, depth: int = 0) -> Script:
    """Read ``text``, ``depth`` levels inside another; ``variables`` are the values that are known at its start.

    Raises ``TooMuch``.
    """
    return _Lexer(text.translate(_FOREIGN), Variables.of(variables or {}), depth).script(closing=False)


@define
class _Collecting:
    """A simple command in the making."""

    before: str
    words: list[Word] = Factory(list[Word])
    redirects: list[Redirect] = Factory(list[Redirect])
    redirect: str = ""
    """The operator whose target is the next word."""
    head: list[str] = Factory(list[str])
    """The first three words after the reserved ones and the assignments."""
    looped: bool = False

    @property
    def assigning(self) -> bool:
        """Whether the next word may be an assignment."""
        return not self.head or self.head[0] in _DECLARING

    def add(self, word: Word, variables: Variables) -> None:
        """Take in a word, and what it assigns when it stands where an assignment can."""
        self.words.append(word)
        if assigned(word) and self.assigning:
            variables.assign(word)
        elif not self.head and word.text in RESERVED:
            return
        elif len(self.head) < 3:
            self.head.append(word.text)
        elif self.head[0] == "for" and self.head[2] == "in":
            variables.loop_over(self.head[1], word, first=not self.looped)
            self.looped = True


@define
class _Heredoc:
    delimiter: str
    quoted: bool
    strip: bool
    command: _Collecting
    index: int


@define
class _Lexer(WordReader):
    command: _Collecting = Factory(lambda: _Collecting(""))
    heredocs: list[_Heredoc] = Factory(list[_Heredoc])
    done: list[tuple[_Collecting, str]] = Factory(list[tuple[_Collecting, str]])
    functions: set[str] = field(factory=set[str])
    cases: list[bool] = field(factory=list[bool])
    """For each open ``case``, whether a pattern comes next."""

    def script(self, *, closing: bool) -> Script:
        open_parentheses = 0
        while self.position < len(self.text):
            operator = _OPERATOR.match(self.text, self.position)
            if operator is None or self.at("&>"):
                self._step()
                continue
            self.end_word()
            if operator[0] in "()" and not self._of_pattern():
                open_parentheses += 1 if operator[0] == "(" else -1
            if open_parentheses < 0 and closing:
                self.position += 1
                return self._finished()
            open_parentheses = max(0, open_parentheses)
            self.position = operator.end()
            self._end_command(operator[0])
        self.broken |= closing
        return self._finished()

    def _of_pattern(self) -> bool:
        """Whether a parenthesis here belongs to a pattern of ``case``, and groups nothing."""
        head = self.command.head[:1]
        return head == ["case"] or (head != ["esac"] and self.cases[-1:] == [True])

    def end_word(self) -> None:
        building, self.word = self.word, Building()
        for word in building.words(assigning=self.command.assigning):
            if self.command.redirect:
                self._redirect_to(word)
            else:
                self.command.add(word, self.variables)

    def _finished(self) -> Script:
        self._end_command("")
        self.broken |= bool(self.heredocs)
        commands = tuple(
            Simple(tuple(command.words), tuple(command.redirects), command.before, after)
            for command, after in self.done
            if command.words or command.redirects
        )
        return Script(commands, self.broken, frozenset(self.functions))

    def _step(self) -> None:
        """Read one piece of an unquoted word, or what stands between words."""
        plain = _PLAIN.match(self.text, self.position)
        character = self.text[self.position]
        if plain:
            self.position = plain.end()
            self.word.known(plain[0])
        elif character in " \t":
            self.position += 1
            self.end_word()
        elif character in "<>&":
            self._redirect()
        elif character == "#" and not self.word.started:
            end = self.text.find("\n", self.position)
            self.position = len(self.text) if end < 0 else end
        elif character in "{},#~":
            self.position += 1
            self.word.known(_BRACES.get(character, character))
        else:
            self.quote()

    def _redirect(self) -> None:
        start = self.position
        if self.at("<(") or self.at(">("):
            self.substitution()
            self.word.unknown(self.text[start : self.position])
            return
        if self.word.started and not self.word.quoted and _DESCRIPTOR.fullmatch("".join(self.word.text)):
            self.word = Building()
        self.end_word()
        operator = _REDIRECT.match(self.text, start)
        assert operator is not None
        self.position = operator.end()
        self.command.redirect = operator[0]

    def _redirect_to(self, word: Word) -> None:
        operator, self.command.redirect = self.command.redirect, ""
        if operator in {"<<", "<<-"}:
            index = len(self.command.redirects)
            self.heredocs.append(_Heredoc(word.text, word.quoted, operator == "<<-", self.command, index))
        self.command.redirects.append(Redirect(operator, word))

    def _end_command(self, operator: str) -> None:
        self.end_word()
        head = self.command.head
        defined = head if operator == "(" and len(head) == 1 else head[1:2] if head[:1] == ["function"] else []
        self.functions.update(defined)
        if operator == "(" and self.command.words:
            self.functions.add(self.command.words[-1].text)
        if defined or head[:1] == ["set"]:
            self.variables.forget_parameters()
        if operator == "(" and self.command.words and self.command.words[-1].text.endswith("="):
            self.variables.put(assigned(self.command.words[-1]), UNKNOWN)
        self._follow_case(head[:1], operator)
        self.broken |= bool(self.command.redirect)
        self.done.append((self.command, operator))
        empty = not self.command.words and not self.command.redirects
        # What is piped into a subshell is piped into its first command.
        self.command = _Collecting(self.command.before if operator == "(" and empty else operator)
        if operator == "\n":
            self._read_heredocs()

    def _follow_case(self, head: list[str], operator: str) -> None:
        if head == ["case"]:
            self.cases.append(True)
        elif head == ["esac"] and self.cases:
            self.cases.pop()
        if self.cases and operator != "(" and (operator == ")" or operator.startswith((";;", ";&"))):
            self.cases[-1] = operator != ")"

    def _read_heredocs(self) -> None:
        heredocs, self.heredocs = self.heredocs, []
        for heredoc in heredocs:
            lines: list[str] = []
            while (line := self._line(strip=heredoc.strip)) != heredoc.delimiter:
                if line is None:
                    self.broken = True
                    break
                lines.append(line)
            self._heredoc_body(heredoc, "\n".join(lines))

    def _line(self, *, strip: bool) -> str | None:
        """The next line of the text, or None at its end."""
        if self.position >= len(self.text):
            return None
        end = self.text.find("\n", self.position)
        end = len(self.text) if end < 0 else end
        line, self.position = self.text[self.position : end], end + 1
        return line.lstrip("\t") if strip else line

    def _heredoc_body(self, heredoc: _Heredoc, body: str) -> None:
        reader = self.nested(body)
        if heredoc.quoted:
            reader.word.known(body)
        else:
            while reader.position < len(body):
                reader.quoted_step()
        word = reader.word
        text = Word("".join(word.text), "".join(word.bare), word.computed, heredoc.quoted, tuple(word.scripts))
        heredoc.command.redirects[heredoc.index] = Redirect("<<", text)
