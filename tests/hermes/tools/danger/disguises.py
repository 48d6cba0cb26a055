"""Ways to write a command so that it is not recognised: each gives text that runs it all the same, or looks as if."""

import base64
import json
import re
from collections.abc import Callable

Disguise = Callable[[str], str]

SIMPLE = re.compile(
    r"(?!(?:if|for|case|time|cd|pushd|function|exec|coproc|set|read|source|alias|trap)\b)[\w/][\w./~:=+@%, -]*"
)
"""Commands of plain words, which may be written anew word by word."""


def single_quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def double_quoted(text: str) -> str:
    return '"' + re.sub(r'([\\"$`])', r"\\\1", text) + '"'


def _words(change: Callable[[str], str]) -> Disguise:
    """``change`` each word; one with an assignment or a tilde is left as it is, since quoting changes its meaning."""
    return lambda text: " ".join(word if re.search(r"[=~]", word) else change(word) for word in text.split())


def _program(change: Callable[[str], str]) -> Disguise:
    def disguise(text: str) -> str:
        program, blank, rest = text.partition(" ")
        return change(program) + blank + rest

    return disguise


def _middle(insert: str) -> Callable[[str], str]:
    return lambda word: word[: len(word) // 2] + insert + word[len(word) // 2 :]


def _wide(text: str) -> str:
    return "".join(chr(ord(character) + 0xFEE0) if "!" <= character <= "~" else character for character in text)


def _octal(text: str) -> str:
    return "".join(f"\\{byte:03o}" for byte in text.encode())


WORDS: dict[str, Disguise] = {
    "single quotes": _words(single_quoted),
    "double quotes": _words(double_quoted),
    "backslashes": _words(lambda word: re.sub(r"(\w)", r"\\\1", word)),
    "empty quotes inside": _words(_middle("''")),
    "half quoted": _words(lambda word: f'{word[:1]}"{word[1:]}"'),
    "hexadecimal": _words(lambda word: "$'" + "".join(f"\\x{ord(character):02x}" for character in word) + "'"),
    "octal": _words(lambda word: "$'" + _octal(word) + "'"),
    "unicode escapes": _words(lambda word: "$'" + "".join(f"\\u{ord(character):04x}" for character in word) + "'"),
    "line continuation inside": _words(_middle("\\\n")),
    "line continuation between": lambda text: text.replace(" ", " \\\n\t"),
    "tabs": lambda text: text.replace(" ", "\t"),
    "IFS": lambda text: text.replace(" ", "${IFS}"),
    "nothing inside": _words(_middle("${nothing}")),
    "no parameters inside": _words(_middle("$@")),
    "an empty substitution inside": _words(_middle("$()")),
    "name in a variable": _program(lambda word: f"x={word}; $x"),
    "name by a default": _program(lambda word: f"${{nothing:-{word}}}"),
    "name printed": _program(lambda word: f"$(echo {word})"),
    "name printed by parts": _program(lambda word: f"$(printf %s%s {word[:1]} {word[1:]})"),
    "name in backticks": _program(lambda word: f"`echo {word}`"),
    "name in capitals": _program(str.upper),
    "name with a path": _program(lambda word: word if "/" in word else f"/usr/bin/{word}"),
    "name with a pattern": _program(lambda word: f"/usr/bin/{word[:1]}?{word[2:]}"),
    "name with a class": _program(lambda word: f"/usr/bin/[{word[:1]}]{word[1:]}"),
    "name with braces": _program(lambda word: f"/usr/bin/{word[:1]}{{{word[1:]},}}"),
    "full width": _wide,
    "zero width": _program(_middle("\u200b")),
    "soft hyphen": _program(_middle("\u00ad")),
    "mark of order": lambda text: "\ufeff" + text,
    "colour": _program(_middle("\x1b[31m")),
    "title": lambda text: f"\x1b]0;harmless\x07{text}",
    "hidden by colour": lambda text: f"\x1b[8m{text}\x1b[0m",
    "other dashes": lambda text: text.replace("-", "\u2010"),
    "a homoglyph": lambda text: text.replace("o", "\u043e").replace("e", "\u0435").replace("a", "\u0430"),
    "written over": lambda text: f"echo harmless\r{text}",
    "carriage returns": lambda text: text + "\r",
}
"""For commands that are ``SIMPLE``."""

_PREFIXES = r"""
A=1
A=1 B='x y'
A+=x
2>/dev/null
</dev/null
{fd}>/dev/null
!
true;
true &&
false ||
true &
# x¶
cd /tmp;
if true; then
while true; do
{
(
sudo
sudo -u root --
sudo -nEu root
doas
pkexec
env
env -i X=1
env - A=1
env -u X -C /tmp
nice
nice -n 5
nice -5
ionice -c 3
timeout 5
timeout -k 1s --signal=KILL 5m
xargs
xargs -0 -n 1
echo x | xargs --max-args=1
command
command -p --
exec
exec -a x
nohup
setsid -f
stdbuf -oL -e 0
time -p
/usr/bin/time -f %e
busybox
toybox
unshare -r
setarch x86_64 -R
linux32
prlimit --nofile=1
strace -f -o /dev/null
flock -n /tmp/l
taskset -c 0
chrt -i 0
numactl -N 0
chroot /
fakeroot
uv run --with x
poetry run
npx --
conda run -n x
bundle exec
direnv exec .
mise exec --
xterm -e
fd -x
perf stat
gdb --args
valgrind
sem
parallel
faketime x
sshpass -p x
tini --
dumb-init
chronic
cross-env A=1
proxychains4 -q
gtimeout 5
/lib64/ld-linux-x86-64.so.2
git bisect run
runuser -u bob --
su-exec root
gosu root
systemd-run --user --scope
bwrap --bind / /
watch -n 1
ssh host
eval
hyperfine
coproc
nsenter -t 1 -m
setpriv --reuid 0
command exec
nohup nice time
"""


def _prefix(prefix: str) -> Disguise:
    return lambda text: f"{prefix} {text}"


PREFIXES: dict[str, Disguise] = {line: _prefix(line.replace("¶", "\n")) for line in _PREFIXES.strip().splitlines()}
"""For commands that begin with their program."""

_TEMPLATES = r"""
bash -c Q
bash -lc Q
sh -ec Q
bash -o posix -c Q
bash +x -c Q
bash +o history -c Q
bash --norc --posix -c Q
sh -c -- Q
zsh -fc Q
fish --command=Q
fish -c Q
busybox sh -c Q
env -S Q
env A=1 sh -c Q
exec env - sh -c Q
sudo -E -- sh -c Q
echo x | xargs sh -c Q
xargs -I @ bash -c Q
nice -n19 sh -c Q
timeout --foreground 5 sh -c Q
nohup sh -c Q &
setsid -f sh -c Q
stdbuf -o0 sh -c Q
time sh -c Q
command sh -c Q
exec -a x sh -c Q
builtin eval Q
eval Q
eval -- Q
trap Q EXIT
trap -- Q EXIT
script -qc Q /dev/null
flock /tmp/l -c Q
parallel ::: Q
parallel sh -c ::: Q
su root -c Q
sg x -c Q
capsh -- -c Q
runuser -l bob -c Q
watch -x sh -c Q
tmux new -d Q
any-wrapper -x sh -c Q
echo Q | sh
printf %s Q | bash -s
printf '%b' Q | sh
echo Q | tee /dev/null | sh
echo Q | cat | bash -
echo Q | sudo -u x sh
(echo Q) | sh
echo Q | (cat | sh)
echo Q > >(sh)
echo Q | tee >(bash)
echo Q | xargs -0 sh -c
echo Q | xargs -I% sh -c %
echo Q | at now
echo Q | parallel
echo Q | ssh host
echo Q | su
echo Q | while read -r x; do eval "$x"; done
echo Q | source /dev/stdin
echo Q > x; sh x
echo Q > x && . ./x
bash <<< Q
sudo bash -s <<< Q
su <<< Q
sudo -s <<< Q
source /dev/stdin <<< Q
bash /dev/fd/3 3<<< Q
exec 3<<< Q; sh <&3
exec 3<<< Q; . /dev/fd/3
bash <(echo Q)
source <(printf %s Q)
bash < <(echo Q)
bash -c "$(echo Q)"
eval "$(printf %s Q)"
eval `echo Q`
x=Q; eval "$x"
x=Q; sh -c "$x"
export X=Q; bash -c 'eval "$X"'
X=Q bash -c 'eval "$X"'
a=(Q); eval "${a[0]}"
set -- Q; eval "$1"
bash -c '$1' x Q
bash -c 'eval "$@"' x Q
PROMPT_COMMAND=Q bash -i
EDITOR=Q git commit
env GIT_PAGER=Q git log
export PAGER=Q; man x
LESSOPEN=Q less x
BASH_ENV=<(echo Q) bash -c :
alias z=Q
mapfile -C Q x
find . -exec true \; -exec sh -c Q \;
find . -maxdepth 0 -execdir bash -c Q {} +
fd -x sh -c Q
git submodule foreach Q
git rebase --exec Q HEAD~1
git -c core.pager=Q log
tar -I Q -cf x y
tar --use-compress-program=Q -cf x y
rsync -e Q a h:b
scp -S Q a h:
man -P Q x
sort --compress-program=Q x
split --filter=Q x
entr -s Q
npx -c Q
nodemon --exec Q
make -f - <<< Q
echo Q | make -f -
expect -c Q
ex -sc '!x' Q
python3 -m timeit Q
perl -e Q
ruby -e Q
node -e Q
php -r Q
pwsh -Command Q
ed <<< '!x' Q
ssh -oProxyCommand=Q h
socat - EXEC:Q
osascript -e Q
[[ -n $(N) ]]
echo $(N)
echo "$(N)"
x=$(N)
echo <(N)
: >(N)
echo ${x:-$(N)}
echo $(( $(N) ))
cat <<E¶$(N)¶E
x=(a $(N))
export X="$(N)"
((1)) && { N¶}
[[ a ]] && (N)
f() { N¶}; f
function f { N¶}; f
for i in 1; do N¶done
case x in (x) N¶;; esac
if N¶then :; fi
while N¶do break; done
until N¶do :; done
{ N¶}
( N )
let 'x=a[$(N)]'
test -v 'a[$(N)]'
x='a[$(N)]'; (( x ))
x='$(N)'; echo ${x@P}
printf -v 'a[$(N)]' x
bash <<'E'¶N¶E
sh <<-\E¶N¶E
cat <<'E' | sh¶N¶E
eval "$(cat <<'E'¶N¶E¶)"
echo B | base64 -d | sh
bash -c "$(echo B | base64 -d)"
printf O | sh
sh -c $'H'
eval $'H'
awk J
echo R | rev | sh
"""
"""One a line, with ¶ for the end of a line. Q is the command in quotes, N as it is, the others are encodings of it."""


def _template(pattern: str) -> Disguise:
    def disguise(text: str) -> str:
        values = {
            "Q": single_quoted(text),
            "N": text,
            "B": base64.b64encode(text.encode()).decode(),
            "O": f"'{_octal(text)}'",
            "H": "".join(f"\\x{byte:02x}" for byte in text.encode()),
            "R": single_quoted(text[::-1]),
            "J": single_quoted(f"BEGIN{{system({json.dumps(text)})}}"),
        }
        return re.sub(r"(?<![\w])[QNBOHRJ](?![\w])", lambda match: values[match[0]], pattern)

    return disguise


TEXTS: dict[str, Disguise] = {
    pattern: _template(pattern.replace("¶", "\n")) for pattern in _TEMPLATES.strip().splitlines()
}
"""For any command."""
