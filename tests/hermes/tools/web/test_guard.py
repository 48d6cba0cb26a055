"""Which addresses may be reached."""

import ipaddress
from collections.abc import Sequence

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from hermes.errors import ConfigError, Refused
from hermes.tools.web.guard import MOST_ADDRESSES, Guard, is_public

PUBLIC = ("8.8.8.8", "1.1.1.1", "93.184.215.14", "2606:4700:4700::1111", "64:ff9b::8.8.8.8", "::ffff:8.8.8.8")
PRIVATE = [
    "0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.1.2.3", "169.254.169.254",
    "169.254.170.2", "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.0.192", "192.0.2.1", "192.88.99.1",
    "192.168.1.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.250", "240.0.0.1",
    "255.255.255.255", "168.63.129.16", "::", "::1", "::127.0.0.1", "::7f00:1", "::ffff:127.0.0.1",
    "::ffff:169.254.169.254", "::ffff:0:0", "64:ff9b::127.0.0.1", "64:ff9b::169.254.169.254", "64:ff9b::10.0.0.1",
    "64:ff9b:1::8.8.8.8", "100::1", "2001::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:db8::1",
    "2002:7f00:1::1", "2002:a9fe:a9fe::1", "3fff::1", "5f00::1", "fc00::1", "fd00:ec2::254", "fd12:3456::1",
    "fe80::1", "fec0::1", "ff02::1", "4000::1", "e000::1",
]  # fmt: skip
DISGUISED = [
    "2130706433", "017700000001", "0x7f000001", "0x7f.1", "0177.0.0.1", "127.1", "1", "0", "127.0.0.1.",
    "0x7f.0.0.0x1.", "a.0", "a.0x", "a.1.",
]  # fmt: skip


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_let_through(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", PRIVATE)
async def test_no_other_address_is_whether_written_down_or_looked_up(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))
    with pytest.raises(Refused, match="not on the public internet"):
        await Guard().addresses(address, 80)
    with pytest.raises(Refused, match=r"web\.allowed_hosts"):
        await Guard(resolve=finding(address)).addresses("looks-fine.org", 80)


@given(st.ip_addresses(v=4))
def test_wrapping_an_address_changes_nothing(address: ipaddress.IPv4Address) -> None:
    for prefix in ("::ffff:", "64:ff9b::"):
        assert is_public(ipaddress.ip_address(f"{prefix}{address}")) == is_public(address)
    assert not is_public(ipaddress.ip_address(f"::{address}"))


@pytest.mark.parametrize("host", DISGUISED)
async def test_a_number_in_disguise_is_not_even_looked_up(host: str) -> None:
    with pytest.raises(Refused, match="number in disguise"):
        await Guard(resolve=unasked).addresses(host, 80)


async def unasked(host: str, port: int) -> list[str]:
    raise AssertionError(f"{host} was looked up")


class finding:
    """A name server that gives these answers one after the other, the last one for ever."""

    def __init__(self, *answers: str | Sequence[str]) -> None:
        self.answers = [[one] if isinstance(one, str) else list(one) for one in answers]
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> list[str]:
        await trio.lowlevel.checkpoint()
        self.asked.append(host)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


async def test_a_name_is_looked_up_once_and_what_was_found_is_what_is_given() -> None:
    server = finding("93.184.215.14", "127.0.0.1")
    assert await Guard(resolve=server).addresses("example.org", 443) == ("93.184.215.14",)
    assert server.asked == ["example.org"]


async def test_one_bad_address_among_good_ones_spoils_them_all() -> None:
    for answers in (["8.8.8.8", "127.0.0.1"], ["::1", "8.8.8.8"]):
        with pytest.raises(Refused):
            await Guard(resolve=finding(answers)).addresses("example.org", 443)


async def test_as_many_addresses_are_given_as_are_worth_trying() -> None:
    many = [f"8.8.8.{number}" for number in range(100)]
    assert len(await Guard(resolve=finding(many)).addresses("example.org", 443)) == MOST_ADDRESSES


@pytest.mark.parametrize(
    ("entry", "host", "address", "through"),
    [
        ("127.0.0.1", "127.0.0.1", "", True),
        ("127.0.0.1", "::ffff:7f00:1", "", True),
        ("127.0.0.1", "127.0.0.2", "", False),
        ("[fd00::1]", "fd00::1", "", True),
        ("127.0.0.0/8", "a.org", "127.0.0.2", True),
        ("192.168.1.7/24", "nas.local", "192.168.1.9", True),
        ("192.168.1.0/24", "nas.local", "192.168.2.9", False),
        ("fd00::/8", "nas.local", "fd12::1", True),
        ("fd00::/8", "nas.local", "127.0.0.1", False),
        ("nas.local", "NAS.local.", "10.1.2.3", True),
        ("NAS.local.", "nas.local", "10.1.2.3", True),
        ("nas.local", "evil-nas.local", "10.1.2.3", False),
        ("nas.local", "nas.local.evil.org", "10.1.2.3", False),
        ("nas.local", "10.1.2.3", "", False),
    ],
)
async def test_what_the_configuration_names_is_let_through_and_nothing_beside_it(
    entry: str, host: str, address: str, through: bool
) -> None:
    guard = Guard.allowing([entry], finding(address))
    if through:
        assert await guard.addresses(host, 80) == (address or host,)
    else:
        with pytest.raises(Refused):
            await guard.addresses(host, 80)


@pytest.mark.parametrize("entry", ["http://nas.local", "nas local", "", "10.0.0.0/99", "a/b", "*"])
def test_an_entry_that_means_nothing_names_its_key(entry: str) -> None:
    with pytest.raises(ConfigError, match=r"web\.allowed_hosts"):
        Guard.allowing([entry])


async def test_a_name_that_is_not_known_is_told() -> None:
    async def unknown(host: str, port: int) -> list[str]:
        await trio.lowlevel.checkpoint()
        raise OSError(-2, "Name or service not known")

    with pytest.raises(Refused, match=r"example\.org was not found: Name or service not known"):
        await Guard(resolve=unknown).addresses("example.org", 80)
    for answers in ([], ["not an address"]):
        with pytest.raises(Refused, match="has"):
            await Guard(resolve=finding(answers)).addresses("example.org", 80)


async def test_a_name_server_that_does_not_answer_is_not_waited_for(autojump_clock: trio.testing.MockClock) -> None:
    async def silent(host: str, port: int) -> list[str]:
        await trio.sleep_forever()
        raise AssertionError

    with pytest.raises(Refused, match="within 10 seconds"):
        await Guard(resolve=silent).addresses("example.org", 80)


async def test_this_machines_own_name_is_refused_by_what_it_really_resolves_to() -> None:
    with trio.fail_after(30), pytest.raises(Refused, match="not on the public internet"):
        await Guard().addresses("localhost", 80)
