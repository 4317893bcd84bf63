"""Every form of URL known to lead a webhook inside, and what its names resolve to."""

import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from ipaddress import IPv4Address
from itertools import product
from typing import Any

INSIDE = ("10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "198.18.0.1")
METADATA = ("169.254.169.254", "169.254.170.2", "100.100.100.200", "168.63.129.16", "192.0.0.192")

_DIGITS = {
    "plain": "0123456789",
    "full width": "０１２３４５６７８９",
    "circled": "⓪①②③④⑤⑥⑦⑧⑨",
    "mathematical": "𝟎𝟏𝟐𝟑𝟒𝟓𝟔𝟕𝟖𝟗",
    "superscript": "⁰¹²³⁴⁵⁶⁷⁸⁹",
    "arabic": "٠١٢٣٤٥٦٧٨٩",
}
_DOTS = {"dot": ".", "ideographic": "。", "full width": "．", "half width": "｡"}


def numbers() -> Iterator[str]:
    """An IPv4 address in every notation that some parser takes for one."""
    for text in ("127.0.0.1", "127.1.2.3", "0.0.0.0", "255.255.255.255", *INSIDE, *METADATA):
        number, octets = int(IPv4Address(text)), text.split(".")
        yield text
        yield f"{text}."
        yield str(number)
        yield hex(number)
        yield f"0{number:o}"
        yield ".".join(f"0{int(each):o}" for each in octets)
        yield ".".join(hex(int(each)) for each in octets)
    yield from ("127.1", "127.0.1", "0", "0x7f.1", "0177.1", "127.0.0.01", "127.0.0.0x1")
    yield from ("0x7F.0.0.1", "127.000.000.001")
    yield from ("4294967297", "127.0.0.1.", "0127.0.0.1", "256.0.0.1", "127.0.0.1.0")
    for digits, dot in product(_DIGITS.values(), _DOTS.values()):
        yield "127.0.0.1".translate(str.maketrans("0123456789.", digits + dot))


IPV6 = (
    *("::1", "0:0:0:0:0:0:0:1", "::", "::ffff:127.0.0.1", "::ffff:7f00:1", "::127.0.0.1"),
    *("::ffff:0:127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::127.0.0.1", "64:ff9b:1::7f00:1"),
    *("2002:7f00:1::", "2002:a9fe:a9fe::", "2001:0:7f00:1::", "2001:db8::1", "fe80::1", "fec0::1"),
    *("fc00::1", "fd00:ec2::254", "fd20:ce::254", "ff02::1", "::5efe:7f00:1", "3fff::1", "5f00::1"),
    *("::ffff:169.254.169.254", "::ffff:10.0.0.1", "100::1", "fe80::1%25lo", "::1%25lo"),
)

NAMES = (
    *("localhost", "LOCALHOST", "localhost.", "a.localhost", "localhost.localdomain"),
    *("ip6-localhost", "ip6-loopback", "ｌｏｃａｌｈｏｓｔ", "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ", "locaℓhost", "loc𝐚lhost"),
    *("metadata", "metadata.google.internal", "METADATA.google.internal.", "instance-data"),
)

#: Names of others, and what their owners let them resolve to.
RESOLVES = {
    "127.0.0.1.nip.example": ["127.0.0.1"],
    "localtest.example": ["127.0.0.1"],
    "six.example": ["::1"],
    "mapped.example": ["::ffff:127.0.0.1"],
    "nat64.example": ["64:ff9b::7f00:1"],
    "any.example": ["0.0.0.0"],
    "any6.example": ["::"],
    "inside.example": ["10.1.2.3"],
    "metadata.example": ["169.254.169.254"],
    "metadata6.example": ["fd00:ec2::254"],
    "first-bad.example": ["127.0.0.1", "93.184.215.14"],
    "last-bad.example": ["93.184.215.14", "127.0.0.1"],
    "both-families.example": ["2606:4700::1111", "::1"],
    "zone.example": ["fe80::1%lo"],
    "xn--e1afmkfd.example": ["127.0.0.1"],
    "пример.example": ["127.0.0.1"],
}

TRICKS = (
    *("http://user@127.0.0.1:{port}/", "http://user:pass@127.0.0.1:{port}/"),
    *("http://hooks.example@127.0.0.1:{port}/", "http://127.0.0.1:{port}\\@hooks.example/"),
    *("http://hooks.example\\@127.0.0.1:{port}/", "http://127.0.0.1:{port}#@hooks.example/"),
    *("http://hooks.example#@127.0.0.1:{port}/", "http://127.0.0.1:{port}/#hooks.example"),
    *("http:/127.0.0.1:{port}/", "http:127.0.0.1:{port}/", "http:///127.0.0.1:{port}/"),
    *("//127.0.0.1:{port}/", "http:\\\\127.0.0.1:{port}\\", "http://127.0.0.1:{port}\t/"),
    *("http://127.0.0.1\r\n:{port}/", "http://\t127.0.0.1:{port}/", " http://127.0.0.1:{port}/"),
    *("http://127.0.0.1%00.hooks.example:{port}/", "http://127%2e0%2e0%2e1:{port}/"),
    *(
        "http://%31%32%37.0.0.1:{port}/",
        "http://loc%61lhost:{port}/",
        "http://127.0.0.1%2f:{port}/",
    ),
    *("http://[::1]:{port}@hooks.example/", "http://[::1", "http://::1:{port}/"),
    *("http://[::ffff:127.0.0.1%25lo]:{port}/", "http://[127.0.0.1]:{port}/", "http://[v1.x]/"),
    *("http://127.0.0.1:{port}:80/", "http://127.0.0.1:0{port}x/", "http://127.0.0.1:/"),
    *("http://127.0.0.1:65536/", "http://127.0.0.1:-1/", "http://127.0.0.1:0/"),
    *(
        "http://127.0.0.1:\uff18\uff10/",
        "http://127.0.0.1\u200b:{port}/",
        "http://\u00ad127.0.0.1:{port}/",
    ),
    *("http://127.0.0.1\u2024hooks.example:{port}/", "http://①②⑦.0.0.1:{port}/"),
    *("HTTP://127.0.0.1:{port}/", "hTTp://LocalHost:{port}/", "https://127.0.0.1:{port}/"),
    *("ftp://127.0.0.1:{port}/", "gopher://127.0.0.1:{port}/_x", "file:///etc/passwd"),
    *("dict://127.0.0.1:{port}/", "unix:///run/docker.sock", "http+unix://%2frun%2fx.sock/"),
    *("ws://127.0.0.1:{port}/", "data:text/plain,x", "jar:http://127.0.0.1:{port}!/"),
    *("http://0:{port}/", "http://127.0.0.1:{port}/?u=http://hooks.example", "http://.127.0.0.1/"),
)

FORMS = sorted(
    {
        *(f"http://{each}:{{port}}/" for each in numbers()),
        *(f"http://[{each}]:{{port}}/" for each in IPV6),
        *(f"http://{each}:{{port}}/" for each in (*NAMES, *RESOLVES)),
        *TRICKS,
    }
)

#: Forms that may be registered, because nothing is known against them yet, and why. The sender
#: vets them at each connect, and refuses them then.
MAY_RESOLVE_LATER = {
    # A dot leader is folded into a dot: a name of hooks.example, which has no address so far.
    "http://127.0.0.1\u2024hooks.example:{port}/",
}


def name_server_of(known: Mapping[str, Sequence[str]]) -> Callable[..., list[Any]]:
    """Return what takes the place of `socket.getaddrinfo` and answers from a table."""

    def look_up(host: str, port: int, *_: Any, **__: Any) -> list[Any]:
        ascii_host = host.encode("idna").decode() if not host.isascii() else host
        addresses = known.get(host) or known.get(ascii_host)
        if addresses is None:
            raise socket.gaierror(socket.EAI_NONAME, "no such name")
        return [
            (
                socket.AF_INET6 if ":" in each else socket.AF_INET,
                socket.SOCK_STREAM,
                6,
                "",
                (each, port, 0, 0) if ":" in each else (each, port),
            )
            for each in addresses
        ]

    return look_up
