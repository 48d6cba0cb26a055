"""The local chat page: one page, one websocket, served by the gateway itself on the loopback interface."""
