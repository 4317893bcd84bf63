"""What a server's directory remembers, so that a later process can find the server again."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from deploy.local.processes import Process

SERVER = "server"


@dataclass(frozen=True, slots=True)
class ServerState:
    """Ports and processes by role, and where the data lies (None until first started).

    The process of role ``SERVER`` is the one that clients talk to.
    """

    ports: dict[str, int] = field(default_factory=dict)
    processes: dict[str, Process] = field(default_factory=dict)
    data_directory: str | None = None


def load_state(path: Path) -> ServerState:
    """Read a state file; a file that does not exist is a server that was never started."""
    try:
        content = json.loads(path.read_text())
    except FileNotFoundError:
        return ServerState()
    return ServerState(
        ports=content["ports"],
        processes={role: Process(**process) for role, process in content["processes"].items()},
        data_directory=content["data_directory"],
    )


def save_state(path: Path, state: ServerState) -> None:
    """Write a state file, whole."""
    write_whole(path, json.dumps(asdict(state), indent=2) + "\n")


def write_whole(path: Path, text: str) -> None:
    """Write a file in one step: a reader sees the old content or the new."""
    draft = path.with_suffix(".draft")
    draft.write_text(text)
    os.replace(draft, path)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock file, made with its directory, while the block runs: one process at a time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
