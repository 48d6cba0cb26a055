"""``${NAME}`` in any text of the configuration stands for a variable of the environment.

What has no value stays as it is written, and its name is told: a literal ``${...}`` may be meant. What a variable
holds is not looked at again. The rules of ``LITERAL`` keys are compared with commands as they were typed, so they are
left alone.
"""

import re
from collections.abc import Mapping

from hermes.config.tree import KeyPath, Tree, as_items, as_tree

LITERAL = frozenset({"command_allowlist"})

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


def expand(values: Tree, environment: Mapping[str, str]) -> tuple[dict[object, object], dict[str, KeyPath]]:
    """A copy of ``values`` with its variables replaced, and each name without a value with the key that asked first."""
    missing: dict[str, KeyPath] = {}
    expanded = {
        key: value if key in LITERAL else _expanded(value, environment, missing, (str(key),))
        for key, value in values.items()
    }
    return expanded, missing


def _expanded(value: object, environment: Mapping[str, str], missing: dict[str, KeyPath], path: KeyPath) -> object:
    if (section := as_tree(value)) is not None:
        return {key: _expanded(inner, environment, missing, (*path, str(key))) for key, inner in section.items()}
    if (items := as_items(value)) is not None:
        return [_expanded(inner, environment, missing, path) for inner in items]
    if not isinstance(value, str):
        return value

    def replaced(match: re.Match[str]) -> str:
        found = environment.get(match[1])
        if found is None:
            missing.setdefault(match[1], path)
        return match[0] if found is None else found

    return _VARIABLE.sub(replaced, value)
