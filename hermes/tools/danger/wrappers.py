"""Programs that run other programs: where, among their own arguments, the inner command begins."""

import re
from collections.abc import Sequence

from attrs import frozen

from hermes.tools.danger.shell import Word, names

SHELLS = names(
    "sh bash dash zsh ksh mksh ash rbash fish yash csh tcsh posh osh elvish nu xonsh rc es ysh hush ion murex oksh"
    " loksh lksh pdksh ksh93 sash psh bash-static zsh-static mksh-static"
)
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")


@frozen
class Wrapper:
    """``NAME [options] [operands] command [arguments]``"""

    values: frozenset[str]
    """Options that take a value as a word of its own."""
    operands: int = 0
    """Words of its own before the command."""
    assigns: bool = False
    """``NAME=value`` may stand before the command."""
    queries: frozenset[str] = frozenset()
    """Options with which it only asks about a command."""


def _wrapper(values: str = "", operands: int = 0, *, assigns: bool = False, queries: str = "") -> Wrapper:
    return Wrapper(names(values), operands, assigns, names(queries))


WRAPPERS = {
    **dict.fromkeys(
        names("sudo sudo-rs dzdo"),
        _wrapper(
            "-u -g -h -p -C -r -t -T -U -D -R --user --group --host --prompt --close-from --role --type --chdir"
            " --chroot",
            assigns=True,
        ),
    ),
    "doas": _wrapper("-u -C -a"),
    "please": _wrapper("-u -g -t -r -a -d --user --group --target --reason --allowenv --dir"),
    "run0": _wrapper(
        "-u -g -D -M --user --group --chdir --setenv --unit --property --machine --slice --nice --description"
        " --background"
    ),
    "env": _wrapper("-u -C --unset --chdir", assigns=True),
    "nohup": _wrapper(),
    "setsid": _wrapper(),
    "time": _wrapper("-f -o --format --output"),
    "coproc": _wrapper(),
    "pkexec": _wrapper("-u --user"),
    "xvfb-run": _wrapper("-n -s -e -f -p -w"),
    "dbus-run-session": _wrapper(),
    "timeout": _wrapper("-k -s --kill-after --signal", 1),
    "nice": _wrapper("-n --adjustment"),
    "ionice": _wrapper("-c -n -p --class --classdata"),
    "chrt": _wrapper("-T -P -D", 1),
    "taskset": _wrapper("", 1),
    "stdbuf": _wrapper("-i -o -e --input --output --error"),
    "unbuffer": _wrapper(),
    "command": _wrapper(queries="-v -V"),
    "builtin": _wrapper(),
    "exec": _wrapper("-a"),
    "busybox": _wrapper(),
    "toybox": _wrapper(),
    "strace": _wrapper("-e -o -p -s -u -E -P -S -a -I -O -b"),
    "ltrace": _wrapper("-e -o -p -s -u -n"),
    "chroot": _wrapper("--userspec --groups", 1),
    "arch-chroot": _wrapper("-u", 1),
    "schroot": _wrapper("-c -n -u -d -s -f -p -o --chroot --session-name --user --directory --shell --file --option"),
    "fakechroot": _wrapper("-l -d -e -c -b --lib --elfloader --environment --config-dir --bindir"),
    "unshare": _wrapper(
        "-S -G -R -w --setuid --setgid --root --wd --map-user --map-group --map-users --map-groups --propagation"
        " --setgroups --monotonic --boottime --load-interp"
    ),
    "nsenter": _wrapper("-t -S -G --target --setuid --setgid"),
    "systemd-run": _wrapper(
        "-u -p -E -M -H --unit --property --setenv --uid --gid --working-directory --slice --machine --host"
        " --description --service-type --nice --background --on-active --on-boot --on-startup --on-unit-active"
        " --on-unit-inactive --on-calendar --timer-property --path-property --socket-property"
    ),
    "systemd-nspawn": _wrapper(
        "-D -i -M -u -E -p -S -x --directory --image --oci-bundle --template --machine --user --uuid --setenv"
        " --property --slice --bind --bind-ro --capability --drop-capability --hostname --network-bridge --network-zone"
        " --chdir"
    ),
    "systemd-inhibit": _wrapper(),
    "flock": _wrapper("-w -E --timeout --conflict-exit-code", 1),
    "firejail": _wrapper(),
    "proot": _wrapper("-r -b -w -R -S"),
    "fakeroot": _wrapper("-l -s -i -b"),
    "caffeinate": _wrapper("-t -w"),
    "setpriv": _wrapper(
        "--reuid --regid --ruid --euid --rgid --egid --groups --inh-caps --ambient-caps --bounding-set --securebits"
        " --pdeathsig --selinux-label --apparmor-profile --seccomp-filter --landlock-access --landlock-rule"
    ),
    **dict.fromkeys(names("gosu su-exec s6-setuidgid s6-envuidgid envuidgid"), _wrapper("", 1)),
    "s6-applyuidgid": _wrapper("-u -g -G"),
    "runcon": _wrapper("-t -u -r -l --type --user --role --range"),
    "aa-exec": _wrapper("-p -n --profile --namespace"),
    "rootlesskit": _wrapper(),
    "lxc-usernsexec": _wrapper("-m"),
    **dict.fromkeys(
        names("lxc-attach lxc-execute lxc-unshare"),
        _wrapper(
            "-n -P -a -o -l -s -f -u -g -v -i -H --name --lxcpath --arch --logfile --logpriority --rcfile --uid --gid"
        ),
    ),
    **dict.fromkeys(names("host-spawn distrobox-host-exec"), _wrapper("-cwd -env")),
    "ssh-agent": _wrapper("-a -t -E -O -P"),
    "dbus-launch": _wrapper("--autolaunch --config-file"),
    "entr": _wrapper(),
    "xargs": _wrapper(
        "-I -n -P -L -d -E -s -a --replace --max-args --max-procs --max-lines --delimiter --eof --max-chars --arg-file"
    ),
    **dict.fromkeys(
        names(
            "setarch linux32 linux64 x86_64 i386 i686 aarch64 prlimit catchsegv rlwrap tini dumb-init chronic ifne"
            " arch npx bunx valgrind proxychains proxychains4 torsocks torify tsocks eatmydata daemon watchexec"
        ),
        _wrapper("-n -p -w -e -g -s"),
    ),
    "numactl": _wrapper("-N -m -C -i -p -P -w --membind --cpunodebind --physcpubind --interleave --preferred"),
    "cgexec": _wrapper("-g"),
    "faketime": _wrapper("", 1),
    "runuser": _wrapper("-u -g -G -s -w -c --user --group --supp-group --shell --command"),
    "sshpass": _wrapper("-p -f -d -P"),
    "chpst": _wrapper("-u -U -b -e -n -l -L -m -d -o -p -f -c -r -t -C"),
    "setuidgid": _wrapper("", 1),
    "softlimit": _wrapper("-a -c -d -f -l -m -o -p -r -s -t"),
    "sem": _wrapper("-j --jobs --id"),
    "daemonize": _wrapper("-a -c -e -o -p -l -u -E"),
    "cross-env": _wrapper("", assigns=True),
    "trickle": _wrapper("-u -d -w -t -l -n"),
    "parallel": _wrapper("-j -n -N -S -I -a --jobs --max-args --delay --arg-file --colsep"),
}

MOVING = {
    **dict.fromkeys(names("sudo sudo-rs dzdo run0"), ("-D", "--chdir")),
    "env": ("-C", "--chdir"),
    "please": ("-d", "--dir"),
    "unshare": ("--wd",),
    "systemd-run": ("--working-directory",),
}
"""Options that say where the inner command runs."""

LOADERS = ("ld-linux", "ld-musl", "ld.so")
"""How the names of programs begin that load another program."""

MARKED = {
    **dict.fromkeys(names("uv poetry pipenv pdm rye hatch pixi dotenv op devbox"), names("run exec")),
    **dict.fromkeys(names("npm pnpm yarn bun"), names("exec dlx")),
    **dict.fromkeys(names("bundle mise asdf rbenv pyenv direnv"), names("exec x")),
    **dict.fromkeys(names("conda mamba micromamba"), names("run")),
    **dict.fromkeys(names("nix nix-shell guix flatpak-spawn"), names("-c --command run --host")),
    **dict.fromkeys(names("toolbox"), names("run")),
    **dict.fromkeys(names("distrobox distrobox-enter distrobox-ephemeral"), names("-e --exec")),
    **dict.fromkeys(names("apptainer singularity"), names("exec")),
    "machinectl": names("shell"),
    "ip": names("exec"),
    **dict.fromkeys(names("buildah podman"), names("unshare")),
    **dict.fromkeys(names("nsjail pct"), names("--")),
    **dict.fromkeys(names("xterm konsole gnome-terminal alacritty kitty foot"), names("-e -x")),
    **dict.fromkeys(names("fd fdfind"), names("-x -X --exec --exec-batch")),
    "perf": names("stat record trace"),
    "gdb": names("--args"),
    "start-stop-daemon": names("--exec -x --startas -a"),
    "git": names("run"),
}
"""The words of these programs behind which a command stands; behind ``--`` one may stand in any of them."""

MARKED_FIRST = names("machinectl ip git podman")
"""Those of them for which ``--`` says no such thing."""

MARKED_INNER = {
    "direnv": _wrapper(operands=1, assigns=True),
    "machinectl": _wrapper("--uid -E --setenv -M --machine -H --host", 1, assigns=True),
    "ip": _wrapper(operands=1),
    "toolbox": _wrapper("-c -d -r --container --distro --release --preserve-fds"),
    **dict.fromkeys(
        names("apptainer singularity"),
        _wrapper("-B -H -W -S -o -p --bind --home --workdir --scratch --overlay --pwd --cwd --env --env-file --app", 1),
    ),
}
"""What stands between the mark and the command; of the others see ``MARKED_VALUES``."""

MARKED_VALUES = "-n -p -m -u -w -C --name --prefix --python --with --package --env-file --directory --project --cwd"

STDIN_SHELLS = names(
    "parallel newgrp su sg ssh rsh chroot arch-chroot schroot unshare nsenter runuser capsh machinectl systemd-nspawn"
    " lxc-attach toolbox distrobox distrobox-enter host-spawn distrobox-host-exec"
)
"""Programs that, without a command, start a shell, which reads what they read."""

JOINED = {
    "ssh": _wrapper("-b -c -D -E -e -F -I -i -J -L -l -m -O -o -p -Q -R -S -W -w", 1),
    "rsh": _wrapper("-l", 1),
    "mosh": _wrapper("-p -a --ssh --port --predict --server --client --family --bind-server", 1),
    **dict.fromkeys(names("gksu gksudo kdesu kdesudo lxqt-sudo lxsu beesu"), _wrapper("-u -c --user")),
    "watch": _wrapper("-n --interval"),
    "hyperfine": _wrapper("-n -w -r -m -M -p -c -s"),
    "eval": _wrapper(),
}
"""Their words are put together with blanks and read by a shell once more."""

SCRIPT_OPTIONS = {
    "su": ("-c", "--command", "--session-command"),
    "newgrp": ("-c", "--command"),
    **dict.fromkeys(("kdesu", "kdesudo"), ("-c",)),
    "nu": ("--commands", "-e", "--execute"),
    "runuser": ("-c", "--command", "--session-command"),
    "script": ("-c", "--command"),
    "scriptlive": ("-c", "--command"),
    "flock": ("-c", "--command"),
    "env": ("-S", "--split-string"),
    "nix-shell": ("--run", "--command"),
    "git": ("--exec", "-x", "--extcmd"),
    "sg": ("-c",),
    "capsh": ("-c",),
    "tar": ("-I", "-F", "--use-compress-program", "--to-command", "--info-script", "--rsh-command"),
    "rsync": ("-e", "--rsh", "--rsync-path"),
    "scp": ("-S",),
    "sftp": ("-S",),
    "sort": ("--compress-program",),
    "split": ("--filter",),
    "entr": ("-s",),
    "npx": ("-c", "--call"),
    "npm": ("-c", "--call"),
    "man": ("-P", "--pager"),
    "nodemon": ("-x", "--exec"),
    "mapfile": ("-C",),
    "readarray": ("-C",),
    "fish": ("--command", "-C", "--init-command"),
    "cargo": ("-s", "--shell"),
    "zip": ("-TT", "--unzip-command"),
    "rg": ("--pre",),
    "xterm": ("-e",),
    "konsole": ("-e",),
}
"""Options whose value is read by a shell, or is a command in one word."""

COMMAND_VARIABLES = names(
    "PAGER GIT_PAGER MANPAGER EDITOR VISUAL GIT_EDITOR GIT_SEQUENCE_EDITOR GIT_SSH_COMMAND GIT_SSH GIT_EXTERNAL_DIFF"
    " GIT_ASKPASS SSH_ASKPASS SUDO_ASKPASS LESSOPEN LESSCLOSE PROMPT_COMMAND BROWSER RSYNC_RSH FCEDIT PS1 PS4"
)
"""Variables whose value another program runs."""


SHELL_OPTIONS = _wrapper("-o +o -O +O --rcfile --init-file")


def inner_words(words: Sequence[Word], wrapper: Wrapper) -> list[Word]:
    """The command inside ``words``, the arguments of a wrapper; empty when there is none."""
    operands, index = wrapper.operands, 0
    while index < len(words):
        text = words[index].text
        if text in wrapper.queries:
            return []
        if text == "--":
            wrapper = Wrapper(frozenset(), operands, wrapper.assigns)
        elif text.startswith("-") or text in wrapper.values:
            index += _takes_next(text, wrapper.values)
        elif not (wrapper.assigns and _ASSIGNMENT.match(text)):
            if not operands:
                return list(words[index:])
            operands -= 1
        index += 1
    return []


def _takes_next(option: str, values: frozenset[str]) -> bool:
    """Whether the value of ``option`` is the next word."""
    if option.startswith("--"):
        return option in values
    if option in values:
        return True
    letters = option[1:]
    taking = next((index for index, letter in enumerate(letters) if "-" + letter in values), None)
    return taking is not None and taking == len(letters) - 1


def option_values(words: Sequence[Word], options: Sequence[str]) -> list[Word]:
    """The values of the options ``options``: a word of their own, behind ``=``, or joined to the letter."""
    found: list[Word] = []
    for index, word in enumerate(words):
        if word.text in options or _clustered(word.text, options):
            found.extend(words[index + 1 : index + 2])
        for name in options:
            if name.startswith("--") and word.text.startswith(name + "="):
                text, bare = (part.partition("=")[2] for part in (word.text, word.bare))
                found.append(Word(text, bare, word.computed, word.quoted, word.scripts))
            if not name.startswith("--") and word.text.startswith(name) and word.text != name:
                found.append(Word(word.text[2:], word.bare[2:], word.computed, word.quoted, word.scripts))
    return found


def _clustered(text: str, options: Sequence[str]) -> bool:
    """Whether ``text`` is a cluster of letters (``-lc``) whose last is one of ``options``."""
    return bool(re.fullmatch(r"-[A-Za-z]{2,8}", text)) and "-" + text[-1] in options
