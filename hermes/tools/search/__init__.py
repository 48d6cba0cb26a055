"""Searching files: by ripgrep where it is installed, by a walk of our own where it is not, with the same answers."""
