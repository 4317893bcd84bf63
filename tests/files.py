"""Small real files of each kind that the tests attach."""

import bz2
import gzip
import io
import lzma
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Mapping


def png() -> bytes:
    """One white pixel."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + check

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0))
    pixel = chunk(b"IDAT", zlib.compress(b"\0\xff\xff\xff"))
    return b"\x89PNG\r\n\x1a\n" + header + pixel + chunk(b"IEND", b"")


def gif() -> bytes:
    return b"GIF89a\x01\0\x01\0\x80\0\0\xff\xff\xff\0\0\0,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;"


def pdf() -> bytes:
    body = b"1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF"
    return b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n" + body


def mp4(brand: bytes = b"isom") -> bytes:
    return struct.pack(">I", 24) + b"ftyp" + brand + bytes(4) + b"isommp42" + bytes(100)


def webm(doctype: bytes = b"webm") -> bytes:
    return b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\x82\x84" + doctype + bytes(100)


def zipped(entries: Mapping[str, bytes], kind: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", kind) as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def ooxml(folder: str = "word", **more: bytes) -> bytes:
    entries = {"[Content_Types].xml": b"<Types/>", f"{folder}/document.xml": b"<w/>"}
    return zipped({**entries, **{f"{folder}/{name}": data for name, data in more.items()}})


def odf(kind: str = "text") -> bytes:
    said = f"application/vnd.oasis.opendocument.{kind}".encode()
    return zipped({"mimetype": said, "content.xml": b"<o/>"})


def ole(*streams: str) -> bytes:
    """A compound file whose directory has these names."""
    header = bytearray(512)
    header[:8] = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
    struct.pack_into("<H", header, 30, 9)
    struct.pack_into("<I", header, 48, 0)
    directory = bytearray()
    for name in ("Root Entry", *streams):
        entry = bytearray(128)
        encoded = name.encode("utf-16-le")
        entry[: len(encoded)] = encoded
        struct.pack_into("<H", entry, 64, len(encoded) + 2)
        directory += entry
    return bytes(header + directory.ljust(512, b"\0"))


def tar() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        info = tarfile.TarInfo("log.txt")
        info.size = 3
        archive.addfile(info, io.BytesIO(b"log"))
    return buffer.getvalue()


def gz(data: bytes = b"log line\n") -> bytes:
    return gzip.compress(data, mtime=0)


def bzip2(data: bytes = b"log line\n") -> bytes:
    return bz2.compress(data)


def xz(data: bytes = b"log line\n") -> bytes:
    return lzma.compress(data)


def encrypted_zip() -> bytes:
    """A ZIP file whose one entry says that it is encrypted."""
    data = bytearray(zipped({"secret.txt": b"secret"}))
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    return bytes(data)
