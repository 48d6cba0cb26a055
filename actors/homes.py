"""Where what has no chat of its own is told: the home channel of an account.

What a person chose in a chat counts, else what is configured; without either there is none. Read anew each time, so
that a choice needs no restart.
"""

from collections.abc import Mapping

from attrs import frozen

from hermes.home_channel import HomeChannel
from hermes.store.homes_interface import HomeChannels

Account = tuple[str, str]
"""Platform and account."""


@frozen
class Homes:
    """Of all accounts of this gateway."""

    _store: HomeChannels
    _configured: Mapping[Account, HomeChannel | None]
    """Every account that can have one, with what is configured for it."""

    async def of(self, platform: str, account: str) -> HomeChannel | None:
        """Raises what a read of the store raises."""
        if (platform, account) not in self._configured:
            return None
        chosen = await self._store.chosen_home(platform, account)
        return chosen or self._configured[platform, account]

    async def all(self) -> tuple[HomeChannel, ...]:
        """Those that there are, in the order of the accounts."""
        found = [await self.of(*account) for account in self._configured]
        return tuple(home for home in found if home is not None)
