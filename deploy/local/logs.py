"""The log lines that explain why something did not come about."""

from pathlib import Path


def log_tail(*logs: Path, lines: int = 20) -> str:
    """The last ``lines`` lines of each log that exists, each under its path."""
    tails = []
    for log in logs:
        if log.is_file():
            last = log.read_text(errors="replace").splitlines()[-lines:]
            tails.append("\n".join([f"--- end of {log}", *last]))
    return "\n".join(tails)
