"""Sites that a person has put out of the agent's reach."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermes.errors import ConfigError, Refused
from hermes.tools.web import blocklist as module
from hermes.tools.web.blocklist import Blocklist, blocklist
from hermes.tools.web.guard import Guard


@pytest.mark.parametrize(
    ("entry", "host", "held"),
    [
        ("example.com", "example.com", True),
        ("example.com", "www.example.com", True),
        ("example.com", "EXAMPLE.com.", True),
        ("example.com", "notexample.com", False),
        ("example.com", "example.com.org", False),
        ("example.com", "com", False),
        ("*.example.com", "example.com", False),
        ("*.example.com", "a.b.example.com", True),
        ("https://Example.com:8080/path?x#y", "example.com", True),
        ("b\u00fccher.example", "xn--bcher-kva.example", True),
        ("xn--bcher-kva.example", "b\u00fccher.example", True),
        ("192.0.2.7", "192.0.2.7", True),
        ("192.0.2.7", "192.0.2.70", False),
    ],
)
def test_an_entry_holds_its_name_and_what_is_below_it(entry: str, host: str, held: bool) -> None:
    assert blocklist([entry], ()).holds(host) is held


def test_a_file_has_an_entry_a_line(tmp_path: Path) -> None:
    file = tmp_path / "list"
    file.write_bytes(
        b"# a list\n\none.example # why\r\n0.0.0.0 two.example\n::1 three.example\n*.four.example\n\xff!\n"
    )
    found = blocklist(["own.example"], [file])
    assert found == Blocklist(
        frozenset({"own.example", "one.example", "two.example", "three.example"}), frozenset({"four.example"})
    )


@pytest.mark.parametrize("entry", ["", "*", "*.", "a b", "exa!mple.com", "https://"])
def test_what_is_no_name_is_told_with_its_key(entry: str) -> None:
    with pytest.raises(ConfigError, match=r"security\.website_blocklist\.domains: expected names of sites") as caught:
        blocklist([entry], ())
    assert caught.value.key == "security.website_blocklist.domains"


def test_a_file_that_cannot_be_had_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match=r"shared_files: .*none cannot be read: No such file"):
        blocklist((), [tmp_path / "none"])
    monkeypatch.setattr(module, "MOST_BYTES", 3)
    (tmp_path / "long").write_text("a.example")
    with pytest.raises(ConfigError, match="is longer than 3 bytes"):
        blocklist((), [tmp_path / "long"])


async def test_a_site_on_it_is_refused_before_it_is_looked_up_and_whatever_else_allows_it() -> None:
    asked: list[str] = []

    async def resolve(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["93.184.216.34"]

    guard = Guard.allowing(["a.example"], resolve, blocklist(["a.example"], ()))
    for host in ("a.example", "www.a.example"):
        with pytest.raises(Refused, match=r"list of sites .*\(security\.website_blocklist\.domains\)"):
            await guard.addresses(host, 443)
    assert asked == []
    assert await guard.addresses("b.example", 443) == ("93.184.216.34",)


@given(st.text(max_size=30), st.text(max_size=30))
def test_anything_is_a_host_or_is_none(entry: str, host: str) -> None:
    try:
        found = blocklist([entry], ())
    except ConfigError:
        return
    found.holds(host)
    assert len(found.whole) + len(found.below) == 1
