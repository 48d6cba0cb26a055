"""Dangerous with files and with their history: deleting, replacing, opening up, giving away."""

import re

from hermes.tools.danger.call import Call
from hermes.tools.danger.predicates import (
    Rule,
    both,
    either,
    flag,
    names_file_of,
    operand,
    reads_secret,
    reads_secret_folder,
    replaces,
    rule,
    said,
    unless,
    words,
    writes_to,
    writes_to_device,
)
from hermes.tools.danger.protected import Care, Place
from hermes.tools.danger.shell import names

_DELETERS = "rm unlink shred rmdir truncate mv dd"
_RECURSIVE = flag("-R", "--recursive")
_WORLD_WRITABLE = r"[0-7]{0,2}[0-7]{2}[2367]|.*[oa][ugoa]*[+=][rxXst]*w.*"
_SET_USER = r"0?[4567][0-7]{3}|(?:.*[ua,])?[+=][rwxXt]*s.*"
_CONFIGURATION = r"(?:^|/)(?:\.env(?:\.\w+)?|[^/]*\.conf|config\.(?:ya?ml|toml|json|ini)|\.\w*rc)$"
_ONLY_NAMES = names("ls stat test [ echo printf cd find git")
"""Programs that say of a file no more than its name and its size."""

_READERS = names(
    "cat less more head tail grep rg egrep fgrep zgrep wc diff cmp file du sha256sum md5sum sort uniq jq cut awk"
)


def _deletes_unseen(call: Call, place: Place) -> bool:
    """The names, or options, that it is given come from an expansion that is not quoted."""
    del place
    unknown = (word for word in call.arguments if word.text != word.bare and not word.quoted)
    return any(re.match(r"[$`]", word.text) for word in unknown)


def _only_names(call: Call, place: Place) -> bool:
    del place
    return call.program in _ONLY_NAMES


def _only_reads(call: Call, place: Place) -> bool:
    del place
    return call.program in _READERS or call.program in _ONLY_NAMES


def _in_find(call: Call, place: Place) -> bool:
    del place
    return "find" in call.via


def _in_xargs(call: Call, place: Place) -> bool:
    del place
    return bool(call.via & {"xargs", "parallel"})


FILES: tuple[Rule, ...] = (
    rule("rm-recursive", "deletes folders with all that is in them", "rm", flag("-r", "-R", "--recursive")),
    rule(
        "rm-unseen",
        "deletes files whose names are not known before it runs",
        _DELETERS,
        either(_deletes_unseen, _in_xargs),
    ),
    rule("find-delete", "deletes what it finds", "find", operand("-delete")),
    rule("find-delete", "deletes what it finds", "find", said(r"(?:^| )-delete(?: |$)")),
    rule("find-delete", "deletes what it finds", _DELETERS, _in_find),
    rule("shred", "deletes files beyond recovery", "shred srm wipe scrub"),
    rule("truncate", "empties files", "truncate"),
    rule("dd", "copies raw data over its target", "dd", said(r"\bof=(?!/dev/null\b)")),
    rule("mv-to-nothing", "moves files into nothing", "mv", operand("/dev/null")),
    rule("sync-delete", "deletes what is not in the source", "rsync", flag("--delete", "--remove-source-files")),
    rule("sync-delete", "deletes what is not in the source", "rsync", said("--delete-")),
    rule("world-writable", "lets every user write", "chmod", operand(_WORLD_WRITABLE)),
    rule("set-user-id", "makes a program run as its owner", "chmod", operand(_SET_USER)),
    rule("modes-recursive", "changes the modes of a whole folder", "chmod setfacl", _RECURSIVE),
    rule("owner-recursive", "changes the owner of a whole folder", "chown chgrp", _RECURSIVE),
    rule("replace-config", "replaces a configuration file", "", replaces(_CONFIGURATION)),
    rule("system-files", "changes files of the system", "", writes_to(Care.SYSTEM)),
    rule("device", "writes to a device", "", writes_to_device),
    rule("ssh-files", "changes SSH keys or settings", "", writes_to(Care.SSH)),
    rule("ssh-files", "may replace an SSH key", "ssh-keygen", flag("-f")),
    rule("startup-files", "changes what runs at log-in", "", writes_to(Care.STARTUP)),
    rule("secret-files", "changes a file with credentials", "", writes_to(Care.SECRETS)),
    rule("secret-files", "changes what people said to the agent", "", writes_to(Care.PRIVATE)),
    rule(
        "read-secrets",
        "reads a file with credentials, or what others said",
        "",
        both(reads_secret, unless(_only_names)),
    ),
    rule(
        "read-secrets",
        "reads a folder that has credentials in it",
        "tar bsdtar zip 7z 7za 7zz rsync rg ag ack rclone restic borg",
        reads_secret_folder,
    ),
    rule(
        "read-secrets",
        "reads a folder that has credentials in it",
        "cp scp grep egrep fgrep zgrep diff",
        both(flag("-r", "-R", "-a", "--recursive", "--archive", "--dereference-recursive"), reads_secret_folder),
    ),
    rule("hermes-files", "changes the agent's own files", "", writes_to(Care.HERMES)),
    rule(
        "hermes-files",
        "works on the agent's own files",
        "",
        both(names_file_of(Care.HERMES), unless(_only_reads)),
    ),
    rule("hermes-files", "moves the agent's own files", "mv", operand(r".*\.hermes/?|.*HERMES_HOME\}?/?")),
)

HISTORY: tuple[Rule, ...] = (
    rule(
        "git-push-force",
        "overwrites or deletes what is on a remote",
        "git",
        both(words("push"), either(flag("-f", "--force", "--mirror", "--delete", "-d", "--prune"), operand(r"[+:].+"))),
    ),
    rule(
        "git-push-force",
        "overwrites or deletes what is on a remote",
        "git",
        both(words("push"), said("--force-")),
    ),
    rule(
        "git-reset-hard",
        "throws away changes that are not committed",
        "git",
        both(words("reset"), flag("--hard", "--merge", "--keep")),
    ),
    rule(
        "git-clean",
        "deletes files that are not tracked",
        "git",
        both(words("clean"), flag("-f", "--force")),
    ),
    rule(
        "git-discard",
        "throws away changes",
        "git",
        both(words("checkout|switch"), either(flag("-f", "--force", "--discard-changes"), operand(r"\.|:/"))),
    ),
    rule("git-discard", "throws away changes", "git", both(words("restore"), unless(flag("--staged", "-S")))),
    rule("git-discard", "throws away a branch", "git", both(words("branch"), flag("-D"))),
    rule("git-discard", "throws away what was put aside", "git", words("stash", "drop|clear")),
    rule(
        "git-discard",
        "throws away a working tree",
        "git",
        both(words("worktree", "remove"), flag("-f", "--force")),
    ),
    rule("git-history", "rewrites or drops history", "git", words("filter-branch|filter-repo|update-ref")),
    rule("git-history", "rewrites or drops history", "git", words("reflog", "expire|delete")),
    rule("git-history", "rewrites or drops history", "git", both(words("gc"), said("--prune="))),
)
