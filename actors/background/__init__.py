"""Background processes: what a session started and did not wait for."""
