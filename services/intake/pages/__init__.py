"""The public pages: the support form, its confirmation, and the status page of a ticket.

For people without a key. They read and write tickets through the same doors as the API does.
"""
