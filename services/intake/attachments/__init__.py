"""Attachments below HTTP: taking files in, looking them up, scanning them, cleaning up.

Nothing in here talks to the storage or the scanner while a transaction is open.
"""
