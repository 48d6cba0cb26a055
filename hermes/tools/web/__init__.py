"""The ``web`` tools, and what stands between them and a network that means harm."""
