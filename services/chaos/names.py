"""What things are called that a proof makes outside its folder: known by it if they are left."""

import secrets

#: Before the chance number; nothing of another name is ever written to or deleted.
PREFIX = "patchbay_chaos_"


def new_name() -> str:
    """Return a name that nobody has."""
    return f"{PREFIX}{secrets.token_hex(6)}"
