"""What the rest may ask of the store about home channels; the rules are those of ``interface``."""

from typing import Protocol

from hermes.events import Outbound
from hermes.home_channel import HomeChannel


class HomeChannels(Protocol):
    """The home channels that were chosen in a chat, one an account."""

    async def choose_home(self, row_id: int, home: HomeChannel, outbox: tuple[Outbound, ...], now: float) -> None:
        """/sethome: the account's home is this one. Settles the row; repeating it changes nothing."""
        ...

    async def forget_home(self, row_id: int, outbox: tuple[Outbound, ...], now: float) -> None:
        """/sethome off: the account of the row has no chosen home any more. Settles the row."""
        ...

    async def chosen_home(self, platform: str, account: str) -> HomeChannel | None: ...
