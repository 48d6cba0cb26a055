"""A module is one concept of at most 400 lines, a function at most 80; a longer one is split."""

import ast
from collections.abc import Iterator
from pathlib import Path

_MODULE_LINES = 400
_FUNCTION_LINES = 80

# Data tables, which are read by looking up a line and not from top to bottom.
_TABLES = frozenset({"tests/hermes/tools/danger/commands.py"})


def too_long(root: Path, *folders: str) -> list[str]:
    """NAME: LINES for each module and function above its bound."""
    found: list[str] = []
    for path in sorted(path for folder in folders for path in (root / folder).rglob("*.py")):
        name = str(path.relative_to(root))
        text = path.read_text(encoding="utf-8")
        lines = len(text.splitlines())
        if lines > _MODULE_LINES and name not in _TABLES:
            found.append(f"{name}: {lines}")
        found.extend(f"{name}:{function}: {length}" for function, length in functions(text) if length > _FUNCTION_LINES)
    return found


def functions(text: str) -> Iterator[tuple[str, int]]:
    """Name and lines of each function."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, (node.end_lineno or node.lineno) - node.lineno + 1


def test_modules_and_functions_are_short_enough_to_read(root: Path) -> None:
    assert too_long(root, "hermes", "actors", "adapters", "benchmarks", "scripts", "tests") == []


def test_a_long_module_and_a_long_function_would_be_found(tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code/fits.py").write_text("async def fits():\n" + "    pass\n" * 79 + "\n" * 320)
    (tmp_path / "code/function.py").write_text("async def long():\n" + "    pass\n" * 80)
    (tmp_path / "code/module.py").write_text("\n" * 401)
    assert too_long(tmp_path, "code") == ["code/function.py:long: 81", "code/module.py: 401"]
