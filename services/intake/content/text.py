"""Text or not; and text that a browser or a shell would run."""

import re

#: A page, or what makes one of anything else: tags that run or load something.
_MARKUP = re.compile(
    rb"<(?:!doctype\s+html|html|head|body|script|iframe|object|embed|svg|math|meta|link|style)[\s>/]",
    re.IGNORECASE,
)
#: Bytes that no text holds: all controls but tab, line feed, form feed, return and escape.
_CONTROLS = bytes(set(range(32)) - {9, 10, 12, 13, 27}) + b"\x7f"
_BOMS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}

#: How far into a file browsers look for what it is (WHATWG MIME Sniffing §5.2: 1,445 bytes).
SNIFFED_BYTES = 1445


def has_markup(head: bytes) -> bool:
    """Tell whether a browser that guesses could take the beginning of a file for a page."""
    return bool(_MARKUP.search(head[:SNIFFED_BYTES]))


def detect_text(head: bytes, name: str) -> str | None:
    """Return the type of a text by its first bytes, or None if it is no text.

    Which kind of plain text it is makes no difference to anybody's safety, so there the name may
    say it. Old one-byte encodings such as windows-1251 are text as well.
    """
    if head[:2] in _BOMS:
        # Cut to whole units, and without half a surrogate pair at the end.
        units = head[: len(head) // 2 * 2].decode(_BOMS[head[:2]], errors="ignore")
        head = units.encode(errors="ignore")
    if head.translate(None, _CONTROLS) != head:
        return None
    if has_markup(head):
        return "image/svg+xml" if b"<svg" in head[:SNIFFED_BYTES].lower() else "text/html"
    if head.startswith(b"#!"):
        return "text/x-shellscript"
    return "text/csv" if name.lower().endswith((".csv", ".tsv")) else "text/plain"
