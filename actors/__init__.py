"""Every actor of the gateway, and the runtime that supervises them."""
