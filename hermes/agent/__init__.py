"""The agent itself: the turn as a machine without I/O, its prompt, its commands, and the ports that tools use."""
