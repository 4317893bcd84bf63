"""Whether a database is sound: the invariants as SQL, and what mends a breach of them.

`check` says what a check is; each of the others has those of one subject. `examination` runs them
all, `census` the cheap core again and again, `mending` puts right what can be.
"""
