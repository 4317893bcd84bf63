"""What no way of routing can beat, and closed forms to check a simulator against.

Pure computations on rates and traces; nothing here knows tickets in a database. Each module names
the argument or the paper that it stands on; `docs/lab-theory.md` compares them.
"""
