"""Telegram, by python-telegram-bot's ``Bot`` and types over HTTP of our own. Its ``ext`` layer is for asyncio only."""

# Before anything imports the library, which imports httpx: it stays small that way.
from hermes.lean_httpx import httpx as httpx
