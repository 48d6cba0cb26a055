"""The terminal of `hermes chat`: one chat, one person, one account a session.

``adapter`` keeps the contract of every platform; what it shows goes to a ``View``: ``query`` for one question on a
command line, ``desk`` for the interactive prompt, whose screen is prompt_toolkit in a thread of its own (``screen``).
"""
