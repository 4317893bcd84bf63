"""The demo: real incidents through the whole of Patchbay, over its API and nothing else.

It stands where a help desk's own systems stand: outside. It posts tickets, plays the agents and
receives the webhooks; only for the last word, what is true, it looks into the database.
"""
