"""Where the bytes of attachments are: one small seam, a local folder and S3 behind it.

The rows that describe them are in the database. Nothing in here is called while a transaction is
open; what a crash leaves between the two is found and removed later.
"""
