"""Writes the definitions that `rabbitmqctl import_definitions` takes, from the list of doorbells.

    python -m deploy.rabbitmq.make_definitions

Three files, because one desk uses one kind of queue, and because the account is imported once: it
comes without a password, and importing it again would take away the one it was given since.
"""

import json
from pathlib import Path
from typing import Any

from shared.domain.work import ListName

FOLDER = Path(__file__).parent
VHOST = USER = "patchbay"

#: Doorbells are worth nothing when they are old, and any one of them says all: a queue nobody reads
#: must not grow. What is dropped is found by the watch.
_SHORT = {"max-length": 1000, "overflow": "drop-head"}


def definitions() -> dict[str, dict[str, Any]]:
    """Return the content of each file by its name."""
    lists = "|".join(sorted(ListName))
    account = {
        "vhosts": [{"name": VHOST}],
        # No password can be right with an empty hash: set one by `rabbitmqctl change_password`.
        "users": [{"name": USER, "password_hash": "", "tags": ""}],
        "permissions": [
            {
                "user": USER,
                "vhost": VHOST,
                "configure": f"^({lists})$",
                # Doorbells go through the default exchange, whose name here is amq.default.
                "write": rf"^(amq\.default|{lists})$",
                "read": f"^({lists})$",
            }
        ],
    }
    quorum = {
        **_SHORT,
        # The default from 4.0 on, and none before: a doorbell that comes back for the twentieth
        # time is dropped.
        "delivery-limit": 20,
        "queue-leader-locator": "balanced",
    }
    return {
        "definitions.json": account,
        "policies-classic.json": _policy(lists, _SHORT),
        "policies-quorum.json": _policy(lists, quorum),
    }


def _policy(lists: str, definition: dict[str, Any]) -> dict[str, Any]:
    """One policy under one name: importing the other kind replaces it."""
    policy = {
        "vhost": VHOST,
        "name": "patchbay-doorbells",
        "pattern": f"^({lists})$",
        # `classic_queues` and `quorum_queues` are understood from 3.12 on only.
        "apply-to": "queues",
        "priority": 10,
        "definition": definition,
    }
    return {"policies": [policy]}


def rendered() -> dict[str, str]:
    """Return the text of each file by its name."""
    return {name: json.dumps(content, indent=2) + "\n" for name, content in definitions().items()}


if __name__ == "__main__":
    for name, text in rendered().items():
        (FOLDER / name).write_text(text)
