"""The hard-blocked set: what no answer, mode or allow-list can ever let through.

It holds what destroys the machine or all of a person's work at once, and what nobody asks an agent to do by accident.
"""

from hermes.tools.danger.call import Call
from hermes.tools.danger.predicates import (
    Rule,
    both,
    either,
    finds_in_roots,
    flag,
    from_roots,
    into_roots,
    names_disk,
    on_roots,
    on_system_roots,
    operand,
    rule,
    said,
    unless,
    words,
    writes_to,
    writes_to_disk,
)
from hermes.tools.danger.protected import Care, Place

_RECURSIVE = flag("-r", "-R", "--recursive")
_MAKERS = (
    "mkfs mke2fs mkswap mkfs.ext2 mkfs.ext3 mkfs.ext4 mkfs.xfs mkfs.btrfs mkfs.vfat mkfs.fat mkfs.ntfs mkfs.f2fs"
    " mkfs.exfat mkfs.minix mkfs.bcachefs mkfs.erofs mkfs.jfs mkfs.reiserfs mkfs.nilfs2 mkfs.udf mkfs.ocfs2"
    " mkexfatfs mkntfs mkdosfs newfs"
)
_STOPPING_TARGETS = "reboot.target|poweroff.target|halt.target|kexec.target|rescue.target|emergency.target"


def _kills_all(call: Call, place: Place) -> bool:
    """A process id of -1, which means every process; as the first of several words it is a signal."""
    del place
    return "-1" in call.texts[1:] or call.texts == ("-1",)


BLOCKED: tuple[Rule, ...] = (
    rule("rm-root", "deletes a whole system or home folder", "rm", both(_RECURSIVE, on_roots)),
    rule("rm-root", "deletes a whole system or home folder", "rm", both(_RECURSIVE, flag("--no-preserve-root"))),
    rule(
        "find-delete-root",
        "deletes all that it finds in a system or home folder",
        "find",
        both(finds_in_roots, said(r"(?:^| )-(?:delete|exec(?:dir)? (?:\S*/)?(?:rm|shred|unlink))(?: |$)")),
    ),
    rule("sync-root", "replaces a whole system or home folder", "rsync", both(flag("--delete"), into_roots)),
    rule("move-root", "moves a whole system or home folder away", "mv", from_roots),
    rule(
        "modes-of-root",
        "changes owner or modes of a whole system folder",
        "chmod chown chgrp setfacl",
        both(_RECURSIVE, on_system_roots),
    ),
    rule("make-filesystem-on-disk", "formats a disk", _MAKERS, either(names_disk, operand(r".*\$.*"))),
    rule("wipe-disk", "wipes a disk", "blkdiscard shred scrub", names_disk),
    rule("wipe-disk", "wipes a disk", "wipefs", both(names_disk, flag("-a", "--all"))),
    rule(
        "wipe-disk", "wipes a disk", "sgdisk", both(names_disk, flag("-Z", "--zap-all", "-z", "--zap", "-o", "--clear"))
    ),
    rule("wipe-disk", "wipes a disk", "sfdisk", both(names_disk, flag("--delete"))),
    rule("wipe-disk", "wipes a disk", "parted", both(names_disk, operand("mklabel|mktable"))),
    rule(
        "wipe-disk",
        "wipes a disk",
        "cryptsetup nvme",
        both(names_disk, words("luksFormat|luksErase|erase|format|sanitize")),
    ),
    rule("wipe-disk", "wipes a disk", "hdparm", said("--security-erase|--trim-sector-ranges")),
    rule("write-disk", "writes over a disk past its file system", "", writes_to_disk),
    rule(
        "shutdown",
        "stops or restarts the machine",
        "shutdown reboot halt poweroff kexec",
        unless(flag("--help", "--version", "-c", "-w", "--wtmp-only")),
    ),
    rule(
        "shutdown",
        "stops or restarts the machine",
        "systemctl loginctl",
        words("reboot|poweroff|halt|kexec|soft-reboot|exit"),
    ),
    rule("shutdown", "stops or restarts the machine", "systemctl", words("isolate|start", _STOPPING_TARGETS)),
    rule(
        "shutdown",
        "stops or restarts the machine",
        "busctl dbus-send gdbus qdbus",
        said(r"login1.*(?:Reboot|PowerOff|Halt|KExec)"),
    ),
    rule("shutdown", "stops or restarts the machine", "init telinit", operand("[06S1]")),
    rule("kill-everything", "ends every process that it may", "kill", _kills_all),
    rule("kill-everything", "ends every process that it may", "killall5"),
    rule("account-files", "changes the accounts of this machine", "", writes_to(Care.ACCOUNTS)),
    rule("kernel-files", "writes into the running kernel", "", writes_to(Care.KERNEL)),
)
