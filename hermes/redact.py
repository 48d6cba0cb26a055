"""Takes secrets out of text: what is known by its shape, and what is known because it is configured.

Rules:

1. Text without a secret comes back as the same object. Ordinary prose and code are left alone: a shape needs a fixed
   prefix or a key name, and a value that looks made by a machine.
2. The number of lines never changes, so that line numbers stay true.
3. Redacting twice changes nothing more, unless five secrets were glued together.
4. A configured value is found plain, URL-encoded, JSON-escaped, in hex and in base64 at each alignment, also when
   newlines were put into it. Compressed, encrypted, reversed or otherwise transformed, it is not found.
5. A shape is looked for only when its anchor, a plain substring, is there; so clean text costs a few scans in C.
"""

import base64
import json
import re
from collections.abc import Callable, Iterable, Iterator
from urllib.parse import quote

from attrs import define, field, frozen

from hermes.holdback import settled_length

PLACEHOLDER = "[redacted]"

# A shorter configured value ("admin", "12345") would blank out ordinary words.
_SHORTEST_VALUE = 6
# A shorter run of base64 or hex, or one with newlines in it, is found in text by chance.
_SHORTEST_ENCODED = 7
_SHORTEST_WRAPPED = 12
# A line of a secret of several lines (a key file) that is worth finding alone.
_SHORTEST_LINE = 16
# Renewed tokens are registered as they come; the oldest have long expired by then.
_MOST_REGISTERED = 128


@frozen
class _Shape:
    """One kind of secret that is known by its looks. The group that matched, or all of the match, is replaced."""

    anchors: tuple[str, ...]
    """Lower case; without one of them in the lowered text the pattern is not tried."""
    pattern: re.Pattern[str]


def _shape(anchors: str, pattern: str, flags: int = 0) -> _Shape:
    return _Shape(tuple(anchors.split()), re.compile(pattern, flags))


# Spelled out in three cases: IGNORECASE would cost the fast search for the first letter.
_KEY_NAME = (
    r"(?:[Pp]ass(?:word|wd|phrase)|PASS(?:WORD|WD|PHRASE)|[Tt]oken|TOKEN"
    r"|(?:[Aa]pi|API|[Aa]ccess|ACCESS|[Pp]rivate|PRIVATE|[Ss]ecret|SECRET)[_-]?(?:[Kk]ey|KEY)|[Ss]ecret|SECRET)"
)
_KEY_ANCHORS = "password passwd passphrase secret apikey api_key api-key access private token"
# A letter and a digit: neither a plain word nor a plain number. A path or an address is no secret either.
_VALUE = r"[\w.~+/@%&!?#*^=:-]"
_MIXED = rf"(?!~?/|\w{{1,16}}://)(?={_VALUE}{{0,64}}[0-9])(?={_VALUE}{{0,64}}[A-Za-z])(?![.=:&])"
_QUOTED = r"(?!~?/|\w{1,16}://|[$<{\[*])(?=[^\"']{0,64}[0-9!@#%^&+=~])"
_BREAK = r"(?:\s|\\[nr])"
_PEM = (
    rf"-----BEGIN [A-Z ]{{0,30}}PRIVATE KEY-----(?:[\s\\\w:,\"'-]{{0,128}}{_BREAK})?[A-Za-z0-9+/=]{{32,16384}}"
    rf"(?:{_BREAK}{{1,8}}[A-Za-z0-9+/=]{{16,256}})*+"
    rf"(?:(?:{_BREAK}{{1,8}}[A-Za-z0-9+/=]{{1,256}})?{_BREAK}{{0,8}}-----END [A-Z ]{{0,30}}PRIVATE KEY-----)?"
)

# Each begins with its letters and only then looks behind them: that keeps the fast search for the first of them.
_SHAPES = (
    _shape("private", _PEM),
    _shape("sk-", r"sk-(?<![\w-]sk-)(?=[A-Za-z_-]{0,64}[0-9])[A-Za-z0-9_-]{20,512}"),
    _shape("sk_live_ sk_test_ rk_live_ rk_test_", r"[sr]k_(?<!\w...)(?:live|test)_[A-Za-z0-9]{16,256}"),
    _shape("ghp_ gho_ ghu_ ghs_ ghr_", r"gh[opusr]_(?<!\w....)[A-Za-z0-9]{20,255}"),
    _shape("github_pat_ glpat-", r"gl?(?:ithub_pat_|pat-)[A-Za-z0-9_-]{20,255}"),
    _shape("xox xapp-", r"x(?<!\w.)(?:ox[a-z]|app)-[A-Za-z0-9-]{10,255}"),
    _shape("akia asia", r"A(?<!\w.)(?:KIA|SIA)[0-9A-Z]{16}(?!\w)"),
    _shape("aiza", r"AIza(?<!\w....)[A-Za-z0-9_-]{35}"),
    _shape("hf_ npm_ gsk_ xai- tvly- nvapi-", r"[hngxt](?<!\w.)(?:f_|pm_|sk_|ai-|vly-|vapi-)[A-Za-z0-9_-]{20,255}"),
    _shape("sg.", r"SG\.(?<!\w...)[A-Za-z0-9_-]{16,64}\.[A-Za-z0-9_-]{16,64}"),
    _shape(":aa", r"[0-9](?<!\w.)[0-9]{5,11}:AA[A-Za-z0-9_-]{30,50}"),
    _shape(".eyj", r"eyJ(?<!\w...)[A-Za-z0-9_-]{8,4096}\.eyJ[A-Za-z0-9_-]{8,8192}\.[A-Za-z0-9_-]{8,2048}"),
    _shape("bearer", r"(?:[Bb]earer|BEARER)\s{1,8}([A-Za-z0-9._~+/-]{16,4096}={0,2})"),
    _shape("basic", r"uthorization:\s{0,8}[Bb]asic\s{1,8}([A-Za-z0-9+/]{8,1024}={0,2})"),
    _shape("://", r"://[^\s/:@\"'<>\[\]]{0,128}:([^\s/@\"'<>$\[{*][^\s/@\"'<>]{0,255})@"),
    # In turn: NAME=value (environment file, query), name: value (YAML, header), name = "value" (JSON, TOML, code).
    _shape(
        _KEY_ANCHORS,
        _KEY_NAME
        + rf"(?:=({_MIXED}{_VALUE}{{6,255}}+)(?![(\[])"
        + rf"|:[ \t]{{1,8}}({_MIXED}{_VALUE}{{10,255}}+)(?![(\[])"
        + rf"|[\"']?[ \t]{{0,8}}[:=]{{1,2}}[ \t]{{0,8}}[\"']({_QUOTED}[^\s\"']{{6,255}})[\"'])",
    ),
)


# What is put in place of one secret can bring to light another that was glued to it.
_MOST_PASSES = 4


def redact(text: str) -> str:
    """``text`` without the secrets that are known by their shape: key prefixes, tokens, PEM keys, passwords in URLs."""
    for _ in range(_MOST_PASSES):
        before, text = text, _pass(text)
        if text == before:
            break
    return text


def _pass(text: str) -> str:
    lowered = text.lower()
    for shape in _SHAPES:
        if any(anchor in lowered for anchor in shape.anchors):
            text = shape.pattern.sub(_replacement, text)
    return text


def _replacement(match: re.Match[str]) -> str:
    """The match with its secret replaced; the newlines inside the secret are kept."""
    start, end = (position - match.start() for position in match.span(match.lastindex or 0))
    whole = match[0]
    return whole[:start] + _mark(whole[start:end]) + whole[end:]


# What is left of a secret with a public prefix says which key it was, and nothing of the key.
_KEPT_PREFIX = re.compile(r"(?:sk-|gh[opusr]_|xox[a-z]|xapp|AKIA|ASIA|AIza|hf_|npm_|gsk_|glpa)")


def _mark(secret: str) -> str:
    kept = _KEPT_PREFIX.match(secret)
    return (kept[0] if kept and len(secret) >= 20 else "") + PLACEHOLDER + "\n" * secret.count("\n")


def _as_tuple(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(values)


@define
class Redactor:
    """Knows the configured secrets besides the shapes. Safe to use from several threads."""

    _values: tuple[str, ...] = field(default=(), converter=_as_tuple, alias="values", repr=False)
    _registered: tuple[str, ...] = field(default=(), init=False, repr=False)
    _forms: tuple[str, ...] = field(default=(), init=False, repr=False)
    """All that is searched for, the longest first, so that a value inside another leaves no rest of it."""

    def __attrs_post_init__(self) -> None:
        self._rebuild()

    def register(self, value: str) -> None:
        """Redact ``value`` from now on. Of values given here the last 128 are kept; those of the constructor always.

        A value of fewer than 6 characters is ignored: it would blank out ordinary words.
        """
        if value in self._registered or value in self._values:
            return
        self._registered = (*self._registered, value)[-_MOST_REGISTERED:]
        self._rebuild()

    def redact(self, text: str) -> str:
        """``text`` without secrets; the same object when there are none."""
        for form in self._forms:
            if form in text:
                text = text.replace(form, PLACEHOLDER + "\n" * form.count("\n"))
        if "\n" in text:
            text = _redact_wrapped(text, self._forms)
        return redact(text)

    def settle(self, text: str) -> str:
        """The beginning of a text that is still being written, redacted: nothing that may yet become part of a secret.

        Of a text that grows, each result begins with the one before.
        """
        return self.redact(text[: settled_length(text, self._forms)])

    def _rebuild(self) -> None:
        forms = {form for value in (*self._values, *self._registered) for form in _forms(value)}
        self._forms = tuple(sorted(forms, key=lambda form: (-len(form), form)))


class Unredacted(Redactor):
    """In its place where security.redact_secrets is off."""

    def redact(self, text: str) -> str:
        return text

    def settle(self, text: str) -> str:
        return text


def _redact_wrapped(text: str, forms: Iterable[str]) -> str:
    """Find forms with newlines put into them (``fold``, ``base64 -w``)."""
    joined = text.replace("\r", "").replace("\n", "")
    for form in forms:
        if len(form) >= _SHORTEST_WRAPPED and form in joined:
            pattern = "[\r\n]*".join(map(re.escape, form))
            text = re.sub(pattern, lambda match: PLACEHOLDER + "\n" * match[0].count("\n"), text)
            joined = text.replace("\r", "").replace("\n", "")
    return text


def _forms(value: str) -> Iterator[str]:
    """Every spelling of one value that is worth searching for."""
    value = value.strip()
    if len(value) < _SHORTEST_VALUE or value in PLACEHOLDER:
        return
    yield value
    yield quote(value, safe="", errors="surrogatepass")
    yield json.dumps(value)[1:-1]
    yield json.dumps(value, ensure_ascii=False)[1:-1]
    for line in value.splitlines():
        if len(line.strip()) >= _SHORTEST_LINE and "-----" not in line and line != value:
            yield line.strip()
    yield from (form for form in _encoded(value.encode("utf-8", "surrogatepass")) if len(form) >= _SHORTEST_ENCODED)


def _encoded(value: bytes) -> Iterator[str]:
    spelled = value.hex()
    yield spelled
    yield spelled.upper()
    encoders: tuple[Callable[[bytes], bytes], ...] = (base64.b64encode, base64.urlsafe_b64encode)
    for encode in encoders:
        yield encode(value).decode().rstrip("=")
        yield from (_aligned(encode, value, offset) for offset in range(3))


def _aligned(encode: Callable[[bytes], bytes], value: bytes, offset: int) -> str:
    """The characters of base64 that depend on nothing but ``value``, which ``offset`` bytes (modulo 3) precede."""
    text = encode(b"\0" * offset + value).decode()
    first = -(-offset * 8 // 6)
    last = (offset + len(value)) * 8 // 6
    return text[first:last]
