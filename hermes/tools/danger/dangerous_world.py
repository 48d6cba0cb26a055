"""Dangerous beyond files: processes, services, the machine, what others see, databases, the agent's own settings."""

from hermes.tools.danger.predicates import Rule, both, either, flag, operand, rule, said, unless, words

_DATABASES = "mysql mariadb psql sqlite3 sqlite duckdb clickhouse-client cockroach sqlcmd"
_DROP = r"\bdrop\s+(?:table|database|schema|view|user|role|index)\b|\btruncate\s+(?:table\s+)?\w"
_DELETE_ALL = r"\bdelete\s+from\s+[\w.\"`\[\]]+\s*(?:;|--|\"|'|$)"
_PACKAGE_TOOLS = "apt apt-get aptitude dnf yum zypper apk brew pip pipx npm pnpm yarn gem cargo snap flatpak conda uv"
_MAKERS = (
    "mkfs mke2fs mkswap mkfs.ext2 mkfs.ext3 mkfs.ext4 mkfs.xfs mkfs.btrfs mkfs.vfat mkfs.fat mkfs.ntfs mkdosfs newfs"
)
_PARTITIONERS = "fdisk sfdisk gdisk sgdisk parted wipefs cryptsetup lvremove vgremove pvremove zpool zfs mdadm"
_ACCOUNT_TOOLS = (
    "useradd adduser userdel deluser usermod groupadd groupdel groupmod passwd chpasswd visudo vipw gpasswd chsh chage"
)
_CLOUDS = "kubectl helm terraform tofu pulumi aws gcloud az doctl heroku fly flyctl gh gsutil"
_HOST_ACCESS = r"(?:-v|--volume)[ =]?(?:/|~|\$HOME)[^:]*:|--pid[ =]host|docker\.sock|(?:source|src)=/"


PROCESSES: tuple[Rule, ...] = (
    rule("kill-gateway", "ends this very gateway", "kill pkill killall", said("hermes|gateway")),
    rule("kill-by-name", "ends processes by name", "pkill killall skill", unless(flag("-l", "--list", "-0"))),
    rule("kill-init", "signals the first process", "kill", both(operand("1"), unless(flag("-0")))),
    rule("stop-gateway", "stops this very gateway", "hermes hermes-agent", words("gateway", "stop|restart|uninstall")),
    rule(
        "stop-service",
        "stops or disables a service",
        "systemctl",
        words("stop|disable|mask|kill|restart|isolate|revert|set-default|edit"),
    ),
    rule("stop-service", "stops or disables a service", "service rc-service", operand("stop|restart")),
    rule(
        "stop-service",
        "stops or disables a service",
        "launchctl initctl sv update-rc.d",
        operand("unload|bootout|remove|stop|disable|down|exit"),
    ),
    rule("cron", "changes what runs on a schedule", "crontab at batch", unless(flag("-l"))),
)

MACHINE: tuple[Rule, ...] = (
    rule("make-filesystem", "makes a file system", _MAKERS),
    rule("partition", "changes disks or their partitions", _PARTITIONERS, unless(flag("-l", "--list"))),
    rule("mount", "changes what is mounted", "mount umount swapoff losetup", operand(".+")),
    rule("accounts", "changes accounts or passwords", _ACCOUNT_TOOLS),
    rule(
        "firewall",
        "opens or empties the firewall",
        "iptables ip6tables",
        flag("-F", "--flush", "-X", "--delete-chain", "-P", "--policy", "-D", "--delete"),
    ),
    rule("firewall", "opens or empties the firewall", "nft ufw", words("flush|delete|disable|reset")),
    rule("firewall", "opens or empties the firewall", "firewall-cmd", said("--remove|--panic")),
    rule("kernel", "changes the running kernel", "modprobe insmod rmmod"),
    rule(
        "kernel",
        "changes the running kernel",
        "sysctl",
        either(flag("-w", "--write", "-p", "--load"), operand(".*=.*")),
    ),
    rule(
        "packages-remove",
        "removes packages",
        _PACKAGE_TOOLS,
        words("remove|purge|uninstall|autoremove|erase|del|rm|un"),
    ),
    rule("packages-remove", "removes packages", "pacman rpm", flag("-R", "-e", "--remove", "--erase")),
    rule("packages-remove", "removes packages", "dpkg", flag("-r", "-P", "--remove", "--purge")),
    rule("packages-remove", "removes packages", "nix-collect-garbage"),
)

OUTSIDE: tuple[Rule, ...] = (
    rule("publish", "publishes to everybody", "npm pnpm yarn", words("publish|unpublish|deprecate")),
    rule("publish", "publishes to everybody", "cargo uv poetry flit hatch", words("publish|yank")),
    rule("publish", "publishes to everybody", "gem twine", words("push|upload|yank")),
    rule("cloud-delete", "deletes what runs elsewhere", _CLOUDS, words("delete|destroy|uninstall|rm|rb|apps:destroy")),
    rule("cloud-delete", "deletes what runs elsewhere", _CLOUDS, said(r"(?:^| |-)(?:destroy|terminate)(?:$| |-|:)")),
    rule(
        "container-remove",
        "deletes containers, images or volumes",
        "docker podman nerdctl",
        both(words("rm|rmi|kill"), unless(words("exec|run|build|logs"))),
    ),
    rule(
        "container-remove",
        "deletes containers, images or volumes",
        "docker podman nerdctl",
        words("container|image|volume|network|system|builder|compose", "rm|prune|remove|down"),
    ),
    rule("container-remove", "deletes containers", "docker-compose podman-compose", words("rm|down|kill")),
    rule("container-host", "runs a command in another view of this machine", "bwrap proot"),
    rule(
        "container-host",
        "lets a container reach this machine",
        "docker podman nerdctl",
        both(words("run|create"), either(flag("--privileged"), said(_HOST_ACCESS))),
    ),
)

DATA: tuple[Rule, ...] = (
    rule("sql-drop", "drops tables or databases", _DATABASES, said(_DROP)),
    rule("sql-drop", "drops a database", "dropdb dropuser"),
    rule("sql-drop", "drops a database", "mysqladmin", words("drop")),
    rule("sql-delete", "deletes every row of a table", _DATABASES, said(_DELETE_ALL)),
    rule(
        "database-flush",
        "empties a database",
        "redis-cli valkey-cli mongo mongosh",
        said(r"\bflush(?:all|db)\b|\bdropDatabase\b|\.drop\s*\(|\bdeleteMany\s*\(\s*\{\s*\}"),
    ),
    rule("hermes-files", "works on the agent's own database", _DATABASES, said(r"state\.db")),
    rule(
        "hermes-settings",
        "changes the settings of this agent",
        "hermes hermes-agent",
        words(
            "config|auth|pairing|mcp|plugins|hooks|skills",
            "set|edit|unset|migrate|add|remove|rm|reset|approve|revoke|configure|install|uninstall|enable|disable|update",
        ),
    ),
    rule(
        "hermes-settings",
        "changes the settings of this agent",
        "hermes hermes-agent",
        words("login|logout|setup|uninstall|update|import"),
    ),
    rule("history", "erases the record of what was typed", "history", flag("-c", "-d", "-w")),
)
