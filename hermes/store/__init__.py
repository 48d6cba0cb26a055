"""The store: journal and sessions in SQLite, behind the interface of hermes/store/interface.py.

An operation is a synchronous function over a connection, in the module of its concept (``tables``). ``engine`` runs
batches of them in one transaction, and reads beside it; ``store`` is the facade that the rest of the program holds.
"""
