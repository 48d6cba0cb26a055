"""Local servers that stand in for a model provider and for the Bot API; each starts alone with ``python -m``."""
