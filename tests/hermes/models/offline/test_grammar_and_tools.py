"""The offline model's calls fit the real tools."""

import json

import pytest

from hermes.models.offline.grammar import HELP, Call, parse
from hermes.tools.registry import Registry
from hermes.tools.signature.arguments import parse_arguments

EXAMPLES = (
    "run ls",
    "read a.txt and b.txt from 10",
    "write a.txt: text",
    "todo one; two",
    "todo",
    "ask Which one? red, blue",
    "ask your name",
    "remember tea",
)


@pytest.mark.parametrize("text", EXAMPLES)
def test_what_a_command_calls_is_what_the_tool_takes(text: str) -> None:
    schemas = {schema.name: schema.parameters for schema in Registry(["hermes-cli"]).schemas()}
    for command in parse(text):
        assert isinstance(command, Call)
        assert parse_arguments(json.dumps(command.arguments), schemas[command.tool]) == command.arguments


def test_each_tool_of_the_help_has_an_example() -> None:
    called = {command.tool for text in EXAMPLES for command in parse(text) if isinstance(command, Call)}
    assert called == {tool for _, _, tool in HELP if tool}
