from pathlib import Path

import pytest

from hermes.config.describe import schema_keys
from hermes.config.document import parse
from hermes.config.known import known_keys
from hermes.config.unknown import unknown_keys

FILE = Path("/c.yaml")


def told(text: str) -> list[str]:
    return [str(notice) for notice in unknown_keys(parse(text, FILE), FILE)]


@pytest.mark.parametrize(
    ("text", "key", "guess"),
    [
        ("aprovals: {mode: off}", "aprovals", "approvals"),
        ("terminal: {timout: 3}", "terminal.timout", "terminal.timeout"),
        ("agent: {max_turn: 3}", "agent.max_turn", "agent.max_turns"),
        ("compression: {enable: true}", "compression.enable", "compression.enabled"),
        ("platforms: {web: {enabeld: true}}", "platforms.web.enabeld", "platforms.web.enabled"),
        ("platforms: {telegram: {extras: {}}}", "platforms.telegram.extras", "platforms.telegram.extra"),
        ("mcp_server: {}", "mcp_server", "mcp_servers"),
    ],
)
def test_a_slip_of_the_pen_is_told_with_what_was_meant(text: str, key: str, guess: str) -> None:
    assert told(text) == [f"/c.yaml:1: unknown key {key} (did you mean {guess}?): kept, and not used"]


def test_a_key_like_no_other_is_told_without_a_guess() -> None:
    assert told("a: 1\nxyzzy:\n  deep: {er: 1}\n") == [
        "/c.yaml:1: unknown key a: kept, and not used",
        "/c.yaml:2: unknown key xyzzy: kept, and not used",
    ]


def test_every_key_of_ours_and_of_the_established_product_is_known() -> None:
    known = known_keys()
    for name in (*known.leaves, *known.free, *(key.dotted for key in schema_keys() if not key.variable)):
        text = ": {".join(name.split(".")) + ": x" + "}" * name.count(".")
        assert told(text) == []


def test_no_key_is_both_ours_and_not_yet_used() -> None:
    known = known_keys()
    assert not known.leaves & known.free
    assert not (known.leaves | known.free) & {key.dotted for key in schema_keys()}


def test_below_a_mapping_of_any_shape_nothing_is_judged() -> None:
    assert (
        told("mcp_servers: {x: {y: {z: 1}}}\nplatforms: {irc: {extra: {any: {thing: 1}}}}\nquick_commands: {a: b}")
        == []
    )


def test_a_section_without_keys_and_keys_that_are_no_words_are_no_problem() -> None:
    assert told("terminal:\nagent: 3\n7: 2\ntrue: 3\n") == [
        "/c.yaml:3: unknown key 7: kept, and not used",
        "/c.yaml: unknown key True: kept, and not used",
    ]
