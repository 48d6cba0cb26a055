"""The agent: it knows nothing of supervision or of any chat platform."""

__version__ = "0.1.0"
