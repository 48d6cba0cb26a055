"""Telegram, by python-telegram-bot's ``Bot`` and types over HTTP of our own. Its ``ext`` layer is for asyncio only."""
