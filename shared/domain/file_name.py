"""File names as strangers send them, made fit to be shown and to be saved under.

A name is never used as a path on our side; this is for those who read it and for those who download
the file. What is taken out: directories, control characters (NUL among them), characters that turn
the direction of writing so that `exe.gpj` looks like `jpg.exe`, invisible ones, and names that
Windows keeps for devices (Microsoft, “Naming Files, Paths, and Namespaces”).
"""

import re
import unicodedata
from collections.abc import Sequence
from pathlib import PurePosixPath

#: In bytes of UTF-8; file systems allow 255, and programs put things before and after.
MAX_NAME_BYTES = 200
#: A longer ending is no file type.
MAX_SUFFIX_CHARS = 16

_FALLBACK = "file"
_FORBIDDEN = re.compile(r'[<>:"|?*]')
_DEVICES = re.compile(r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)", re.IGNORECASE)
#: Control, format (the bidirectional ones among them), surrogate, private, unassigned, line ends.
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def clean_name(name: str) -> str:
    """Return a file name that is safe to show and to save under; `file` if nothing is left."""
    text = unicodedata.normalize("NFC", name).replace("\\", "/")
    text = "".join(c for c in text if unicodedata.category(c) not in _INVISIBLE)
    text = _FORBIDDEN.sub("_", text.rstrip("/ .").rpartition("/")[2])
    text = " ".join(text.split()).strip(" .") or _FALLBACK
    if _DEVICES.fullmatch(text.partition(".")[0].strip()):
        text = f"_{text}"
    return _shortened(text)


def with_suffix(name: str, suffixes: Sequence[str]) -> str:
    """Return the name with an ending of its type, the first of `suffixes` if it has none of them.

    So a text that calls itself `invoice.bat` is saved as `invoice.bat.txt`, and does not run.
    """
    if PurePosixPath(name).suffix.lower() in suffixes:
        return name
    return _shortened(name + suffixes[0])


def _shortened(name: str) -> str:
    """Cut the middle of a name that is too long; its ending says what it is."""
    if len(name.encode()) <= MAX_NAME_BYTES:
        return name
    suffix = PurePosixPath(name).suffix
    suffix = suffix if len(suffix) <= MAX_SUFFIX_CHARS else ""
    room = MAX_NAME_BYTES - len(suffix.encode())
    stem = name.removesuffix(suffix).encode()[:room].decode(errors="ignore")
    return stem.rstrip(" .") + suffix
