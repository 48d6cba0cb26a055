"""Where a dangerous command is caught: ``assess`` reads it as bash would and holds it against tables of rules."""

from hermes.tools.danger.assess import DANGEROUS, UNJUDGED, Finding, Verdict, assess
from hermes.tools.danger.blocked import BLOCKED
from hermes.tools.danger.predicates import Level, Rule
from hermes.tools.danger.protected import Place

__all__ = ["BLOCKED", "DANGEROUS", "UNJUDGED", "Finding", "Level", "Place", "Rule", "Verdict", "assess"]
