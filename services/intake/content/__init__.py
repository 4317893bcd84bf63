"""What a file is, by its content: its type, and whether it would do harm. No I/O of its own.

Looked at before a file is stored, in what has arrived of it: a strange name or a false
Content-Type does not matter, only what is in it.
"""
