"""Where a dangerous command is caught: ``assess.assess`` reads it as bash would and holds it against tables of rules.

Nothing is imported here: the rules cost 15 ms, and many a program never judges a command.
"""
