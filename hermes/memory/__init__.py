"""What the agent keeps from one session to the next: short notes in MEMORY.md, and USER.md about the person."""
