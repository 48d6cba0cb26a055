from pathlib import Path

from hermes.config.describe import markdown_table, schema_keys
from hermes.config.environment import OVERRIDES

DOCUMENTATION = Path(__file__).parents[3] / "docs" / "configuration.md"


def test_the_documentation_has_the_table_of_the_schema() -> None:
    text = DOCUMENTATION.read_text()
    _, _, rest = text.partition("held equal by a test -->\n")
    table, end, _ = rest.partition("<!-- end of keys -->")
    assert end
    assert table == markdown_table(), "put the output of hermes.config.describe.markdown_table() there"


def test_the_documentation_names_each_variable_with_its_key() -> None:
    text = DOCUMENTATION.read_text()
    keys = {key.path: key for key in schema_keys()}
    for name, path in OVERRIDES.items():
        key = keys[path]
        assert key.variable == name or f"| `{name}` | `{key.dotted}` |" in text


def test_every_key_has_a_meaning_and_a_name_of_its_own() -> None:
    keys = schema_keys()
    assert all(key.meaning for key in keys)
    assert len({key.dotted for key in keys}) == len(keys)
    assert {key.variable for key in keys if key.variable} <= set(OVERRIDES)
