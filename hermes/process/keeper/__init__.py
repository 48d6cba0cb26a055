"""What runs outside the gateway: the host, and one guardian a child, forked from it.

Started by ``python -I -S`` with stubs in place of the packages above, so that no site-packages and none of their
``__init__`` are loaded: the modules of this package import the smallest parts of the standard library only.

- Both ignore SIGTERM, SIGINT and SIGHUP: a terminal's Ctrl-C or a service manager's stop is the gateway's to judge, and
  pipes that reach their end say when the gateway is gone.
- Both are single-threaded and fork freely.
"""
