"""What is said of a command that was judged."""

from enum import StrEnum

from attrs import frozen

UNJUDGED = frozenset({"too-long", "too-much"})
"""Rules that say nothing of the command itself, only that it cannot be judged."""


class Level(StrEnum):
    SAFE = "safe"
    DANGEROUS = "dangerous"
    """A person is asked."""
    BLOCKED = "blocked"
    """Never run, whatever anybody has allowed."""


@frozen
class Finding:
    """One rule that caught a command."""

    level: Level
    rule: str
    reason: str
    """Ends the sentence "This command ..."."""


@frozen
class Verdict:
    """What is wrong with a command; the worst first, each rule once."""

    findings: tuple[Finding, ...] = ()

    @property
    def level(self) -> Level:
        return self.findings[0].level if self.findings else Level.SAFE

    @property
    def rule(self) -> str:
        """The worst rule; empty when the command is safe."""
        return self.findings[0].rule if self.findings else ""

    @property
    def reason(self) -> str:
        return self.findings[0].reason if self.findings else ""
