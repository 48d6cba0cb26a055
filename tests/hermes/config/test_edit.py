import stat
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import yaml
from hypothesis import assume, given
from hypothesis import strategies as st

from hermes.config.document import parse
from hermes.config.edit import allow_always, with_rule
from hermes.config.files import SIZE_LIMIT
from hermes.errors import ConfigError
from hermes.home import Home

FILE = Path("/c.yaml")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", 'command_allowlist:\n- "new"\n'),
        ("# only words", '# only words\ncommand_allowlist:\n- "new"\n'),
        ("a: 1 # why", 'a: 1 # why\ncommand_allowlist:\n- "new"\n'),
        ("---\na: 1\n# end\n", '---\na: 1\n# end\ncommand_allowlist:\n- "new"\n'),
        ("  a: 1\n  b: 2\n", '  a: 1\n  b: 2\n  command_allowlist:\n  - "new"\n'),
        ("a: 1\r\nb: 2\r\n", 'a: 1\r\nb: 2\r\ncommand_allowlist:\r\n- "new"\r\n'),
        ("a: |+\n  text\n\n\n", 'a: |+\n  text\n\n\ncommand_allowlist:\n- "new"\n'),
        ("# top\na: |\n  no end of line", '# top\ncommand_allowlist:\n- "new"\na: |\n  no end of line'),
        ("a: 1\n...\n", 'command_allowlist:\n- "new"\na: 1\n...\n'),
        (
            "command_allowlist:\n- a # why\n# after\nb: 1\n",
            'command_allowlist:\n- a # why\n- "new"\n# after\nb: 1\n',
        ),
        ("command_allowlist:\n    - a\nb: 1", 'command_allowlist:\n    - a\n    - "new"\nb: 1'),
        ("command_allowlist:\n- a\n-   b", 'command_allowlist:\n- a\n-   b\n- "new"\n'),
        ("command_allowlist:\n- |\n  two\n  lines\nb: 1\n", 'command_allowlist:\n- |\n  two\n  lines\n- "new"\nb: 1\n'),
        ('command_allowlist:\n- "two\n  lines"\n', 'command_allowlist:\n- "two\n  lines"\n- "new"\n'),
        ("command_allowlist: # none\nb: 1", 'command_allowlist: # none\n- "new"\nb: 1'),
        ("command_allowlist: ~ # none\n", 'command_allowlist: ["new"] # none\n'),
        ("command_allowlist: []\n", 'command_allowlist: ["new"]\n'),
        ("command_allowlist: [a, b] # c\n", 'command_allowlist: [a, b, "new"] # c\n'),
        ("command_allowlist: [a, b,]\n", 'command_allowlist: [a, b, "new"]\n'),
        ("command_allowlist: [\n  a,\n  b\n]\nc: 1\n", 'command_allowlist: [\n  a,\n  b\n, "new"]\nc: 1\n'),
        ("{}", '{"command_allowlist": ["new"]}'),
        ('{"a": 1}\n', '{"a": 1, "command_allowlist": ["new"]}\n'),
        ('{"command_allowlist": ["a"], "b": 1}', '{"command_allowlist": ["a", "new"], "b": 1}'),
        ("é: 😀\ncommand_allowlist: [é😀]\n", 'é: 😀\ncommand_allowlist: [é😀, "new"]\n'),
    ],
)
def test_the_rule_is_put_in_and_everything_else_stays_as_it_is_written(before: str, after: str) -> None:
    assert with_rule(before, "new", FILE) == after


@pytest.mark.parametrize(
    "text", ["command_allowlist: [a, new]", 'command_allowlist:\n- "new"', "command_allowlist:\n- new"]
)
def test_a_rule_that_is_there_changes_nothing(text: str) -> None:
    assert with_rule(text, "new", FILE) is None


@pytest.mark.parametrize("text", ["command_allowlist: [1]", "command_allowlist: [[new]]", "a: new"])
def test_what_only_looks_like_the_rule_is_not_it(text: str) -> None:
    rule = {"command_allowlist: [1]": "1"}.get(text, "new")
    changed = with_rule(text, rule, FILE)
    assert changed is not None
    assert parse(changed, FILE).data["command_allowlist"][-1] == rule  # type: ignore[index]


@pytest.mark.parametrize(
    "text",
    [
        "command_allowlist: word\n",
        "command_allowlist: {a: b}\n",
        "x: &list [a]\ncommand_allowlist: *list\n",
        "command_allowlist: &list\n- a\ny: *list\n",
        "x: &m {command_allowlist: [a]}\n<<: *m\n",
        "~",
    ],
)
def test_where_the_change_would_touch_more_it_is_refused_with_what_to_do(text: str) -> None:
    with pytest.raises(ConfigError, match=r"cannot be added to command_allowlist .*: add it by hand") as caught:
        with_rule(text, "new", FILE)
    assert (caught.value.file, caught.value.key) == (str(FILE), "command_allowlist")


def test_a_file_that_cannot_be_read_is_refused_as_it_is_at_the_start() -> None:
    with pytest.raises(ConfigError, match=r"/c\.yaml:2: this is no valid YAML"):
        with_rule("a: [", "new", FILE)


def test_a_file_is_not_made_larger_than_can_be_read_again() -> None:
    text = "a: " + "x" * (SIZE_LIMIT - 10)
    with pytest.raises(ConfigError, match="add it by hand"):
        with_rule(text, "new", FILE)


def test_a_rule_that_no_file_can_hold_is_refused() -> None:
    with pytest.raises(ConfigError, match="add it by hand"):
        with_rule("a: 1\n", "\ud800", FILE)


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
plain = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts
trees = st.recursive(
    plain, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3), max_leaves=6
)
rules = st.lists(texts, max_size=3) | st.none()


@st.composite
def configurations(draw: st.DrawFn) -> dict[str, object]:
    """Mappings of any shape, with a list of rules at any place or none."""
    pairs = draw(st.lists(st.tuples(texts, trees), max_size=4))
    if draw(st.booleans()):
        pairs.insert(draw(st.integers(0, len(pairs))), ("command_allowlist", draw(rules)))
    return dict(pairs)


@given(configurations(), texts, st.sampled_from([True, False, None]), st.sampled_from([None, '"', "'", "|", ">"]))
def test_for_any_mapping_the_edit_adds_exactly_the_rule(
    tree: dict[str, object], rule: str, flow: bool | None, style: str | None
) -> None:
    # A nothing that is written as a tagged block of text is refused, which is well: nobody writes that by hand.
    assume(style not in ("|", ">") or tree.get("command_allowlist", []) is not None)
    text = yaml.safe_dump(tree, default_flow_style=flow, default_style=style, sort_keys=False)
    before = parse(text, FILE).data
    changed = with_rule(text, rule, FILE)
    expected = dict(before)
    allowed = expected.get("command_allowlist") or []
    assert isinstance(allowed, list)
    expected["command_allowlist"] = [*allowed, rule]
    if rule in allowed:
        assert changed is None
    else:
        assert changed is not None
        assert parse(changed, FILE).data == expected
        assert with_rule(changed, rule, FILE) is None
        assert is_one_piece_longer(text, changed)


def is_one_piece_longer(before: str, after: str) -> bool:
    """Whether ``after`` is ``before`` with one piece put in, where a written nothing may have stood."""
    pairs = enumerate(zip(before, after, strict=False))
    rest = before[next((place for place, (old, new) in pairs if old != new), len(before)) :]
    return any(after.endswith(rest.removeprefix(nothing)) for nothing in ("", "null", "!!null 'null'", '!!null "null"'))


def test_the_file_is_changed_with_its_mode_kept_and_through_a_link(hermes_home: Path, tmp_path: Path) -> None:
    home = Home(hermes_home)
    target = tmp_path / "real.yaml"
    target.write_text("# mine\nmodel: a\n")
    target.chmod(0o640)
    home.config_file.symlink_to(target)
    assert allow_always(home, "rm -r")
    assert target.read_text() == '# mine\nmodel: a\ncommand_allowlist:\n- "rm -r"\n'
    assert stat.S_IMODE(target.stat().st_mode) == 0o640
    assert home.config_file.is_symlink()
    assert not allow_always(home, "rm -r")


def test_a_file_that_does_not_exist_is_made_for_its_owner_alone(hermes_home: Path) -> None:
    home = Home(hermes_home)
    assert allow_always(home, "rm -r")
    assert home.config_file.read_text() == 'command_allowlist:\n- "rm -r"\n'
    assert stat.S_IMODE(home.config_file.stat().st_mode) == 0o600


def test_a_managed_home_is_refused_with_its_option(hermes_home: Path) -> None:
    home = Home(hermes_home, managed_by="NixOS")
    home.config_file.write_text("a: 1\n")
    with pytest.raises(ConfigError, match=r"services\.hermes-agent\.settings\.command_allowlist"):
        allow_always(home, "rm -r")
    assert home.config_file.read_text() == "a: 1\n"


def test_a_home_that_does_not_exist_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot open .*new"):
        allow_always(Home(tmp_path / "new"), "rm -r")


def test_several_writers_at_once_lose_no_rule(hermes_home: Path) -> None:
    home = Home(hermes_home)
    wanted = [f"rule {number}" for number in range(20)]
    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(lambda rule: allow_always(home, rule), wanted))
    found = parse(home.config_file.read_text(), FILE).data
    assert isinstance(found, Mapping)
    assert sorted(found["command_allowlist"]) == sorted(wanted)  # type: ignore[type-var]
