"""One actor a session key: it claims turns from the inbox, performs what the turn machine asks for, and leaves the
answer in the outbox."""
