"""Rows that gave up: what they are, why, and how they get on or off their list again.

`lists` says which lists can have some, `reading` finds them, `moving` tries them again or drops
them for good.
"""
