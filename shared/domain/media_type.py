"""The types of files that may be attached: their names, their groups, the endings of their names.

What is not in this table is never taken, whatever the settings say.
"""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum


class FileGroup(StrEnum):
    """Kinds of files that are allowed, or not, as a whole."""

    IMAGES = "images"
    DOCUMENTS = "documents"
    SPREADSHEETS = "spreadsheets"
    ARCHIVES = "archives"
    VIDEOS = "videos"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class MediaType:
    """One type. `suffixes` in lower case, the usual one first; `inline` if browsers may show it."""

    name: str
    group: FileGroup
    suffixes: tuple[str, ...]
    inline: bool = False


#: Endings that make no program run; a text may have any of them.
_PLAIN = (
    ".txt .log .md .json .jsonl .ndjson .xml .yaml .yml .toml .ini .conf .cfg .properties .eml "
    ".diff .patch .pem .crt .csr .sql .srt .vtt .tex .rst .ics .vcf .out .err .trace"
)
_OOXML = "application/vnd.openxmlformats-officedocument."
_ODF = "application/vnd.oasis.opendocument."


def _types(
    group: FileGroup, table: dict[str, str], inline: Collection[str] = ()
) -> list[MediaType]:
    return [
        MediaType(name, group, tuple(suffixes.split()), name in inline)
        for name, suffixes in table.items()
    ]


_ALL = [
    *_types(
        FileGroup.IMAGES,
        {
            "image/png": ".png .apng",
            "image/jpeg": ".jpg .jpeg .jfif",
            "image/gif": ".gif",
            "image/webp": ".webp",
            "image/bmp": ".bmp",
            "image/tiff": ".tif .tiff",
            "image/heic": ".heic .heif",
            "image/avif": ".avif",
        },
        inline=("image/png", "image/jpeg", "image/gif", "image/webp"),
    ),
    *_types(
        FileGroup.DOCUMENTS,
        {
            "application/pdf": ".pdf",
            "application/msword": ".doc .dot",
            "application/vnd.ms-powerpoint": ".ppt .pps",
            "application/vnd.ms-outlook": ".msg",
            "application/rtf": ".rtf .doc",
            f"{_OOXML}wordprocessingml.document": ".docx",
            f"{_OOXML}presentationml.presentation": ".pptx .ppsx",
            f"{_ODF}text": ".odt",
            f"{_ODF}presentation": ".odp",
            f"{_ODF}graphics": ".odg",
        },
    ),
    *_types(
        FileGroup.SPREADSHEETS,
        {
            "application/vnd.ms-excel": ".xls .xlt",
            f"{_OOXML}spreadsheetml.sheet": ".xlsx",
            f"{_ODF}spreadsheet": ".ods",
        },
    ),
    *_types(
        FileGroup.ARCHIVES,
        {
            "application/zip": ".zip",
            "application/gzip": ".gz .tgz",
            "application/x-bzip2": ".bz2 .tbz2",
            "application/x-xz": ".xz .txz",
            "application/zstd": ".zst .tzst",
            "application/x-tar": ".tar",
            "application/x-7z-compressed": ".7z",
            "application/vnd.rar": ".rar",
        },
    ),
    *_types(
        FileGroup.VIDEOS,
        {
            "video/mp4": ".mp4 .m4v",
            "video/quicktime": ".mov .qt",
            "video/webm": ".webm",
            "video/x-matroska": ".mkv",
            "video/x-msvideo": ".avi",
            "video/3gpp": ".3gp",
        },
    ),
    *_types(FileGroup.TEXT, {"text/plain": _PLAIN, "text/csv": ".csv .tsv"}),
]

#: Every type by its name (RFC 6838).
MEDIA_TYPES = {each.name: each for each in _ALL}


def allowed_names(groups: Collection[FileGroup]) -> list[str]:
    """Return the names of the types in these groups, sorted."""
    return sorted(name for name, each in MEDIA_TYPES.items() if each.group in groups)
