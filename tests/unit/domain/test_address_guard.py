"""The guard against an adversarial corpus and against properties of whole address ranges."""

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.address_guard import NOT_ALLOWED, AddressGuard, ForbiddenAddress

CLOSED = AddressGuard()
LOOPBACK = AddressGuard([ip_network("127.0.0.0/8"), ip_network("::1/128")])
EVERYTHING = AddressGuard([ip_network("0.0.0.0/0"), ip_network("::/0")])

METADATA = [
    "169.254.169.254",
    "169.254.170.2",
    "100.100.100.200",
    "168.63.129.16",
    "192.0.0.192",
    "fd00:ec2::254",
    "fd20:ce::254",
    "::ffff:169.254.169.254",
    "64:ff9b::169.254.169.254",
]

FORBIDDEN = [
    *METADATA,
    "0.0.0.0",
    "10.0.0.1",
    "100.64.0.1",
    "127.0.0.1",
    "127.255.255.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.7",
    "203.0.113.9",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:0:7f00:1",
    "::5efe:7f00:1",
    "64:ff9b::7f00:1",
    "64:ff9b::808:808",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:db8::1",
    "2002:7f00:1::1",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd12:3456::1",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "localhost",
    "not an address",
]

PUBLIC = ["1.1.1.1", "93.184.215.14", "172.32.0.1", "::ffff:8.8.8.8", "2606:4700::1111", "2a00::1"]

REFUSED_URLS = [
    "ftp://hooks.example.com/",
    "file:///etc/passwd",
    "gopher://hooks.example.com/",
    "//hooks.example.com/",
    "hooks.example.com",
    "",
    "https://",
    "https:///path",
    "https://user@hooks.example.com/",
    "https://user:pass@hooks.example.com/",
    "https://@hooks.example.com/",
    "https://hooks.example.com\\@127.0.0.1/",
    "https://hooks.example.com/#part",
    "https://hooks.example.com/#",
    "https://hooks.example.com/a b",
    "https://hooks.example.com/a\nb",
    "\thttps://hooks.example.com/",
    "https://hooks.example.com:0/",
    "https://hooks.example.com:22/",
    "https://hooks.example.com:65536/",
    "https://hooks.example.com:x/",
    "http://hooks.example.com/",
    "https://1.1.1.1:25/",
    "http://1.1.1.1/",
    "https://hooks..example.com/",
    "https://.example.com/",
    "https://127%2e0%2e0%2e1/",
    "https://[fe80::1%25eth0]/",
    "https://[v1.x]/",
    "https://hooks\u200b.example.com/",
    "https://hooks.example.com/" + "a" * 2048,
]

LOOPBACK_URLS = [
    "https://127.0.0.1/",
    "https://127.0.0.1./",
    "https://127.1/",
    "https://127.0.1/",
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0x7f.0.0.1/",
    "https://0177.0.0.1/",
    "https://017700000001/",
    "https://127.0.0.01/",
    "https://0/",
    "https://127\u30020\u30020\u30021/",
    "https://\uff11\uff12\uff17.0.0.1/",
    "https://\u2460\u2461\u2466.0.0.1/",
    "https://\u0661\u0662\u0667.0.0.1/",
    "https://[::1]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:7f00:1]/",
    "https://[0:0:0:0:0:0:0:1]/",
    "https://[64:ff9b::7f00:1]/",
    "https://localhost/",
    "https://LOCALHOST/",
    "https://localhost./",
    "https://a.localhost/",
    "https://localhost.localdomain/",
    "https://ip6-localhost/",
    "https://\uff4c\uff4f\uff43\uff41\uff4c\uff48\uff4f\uff53\uff54/",
]


@pytest.mark.parametrize("address", FORBIDDEN)
def test_an_address_that_is_not_public_is_refused(address: str) -> None:
    with pytest.raises(ForbiddenAddress):
        CLOSED.vet(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_accepted(address: str) -> None:
    CLOSED.vet(address)


@pytest.mark.parametrize("address", METADATA)
def test_metadata_stays_closed_even_when_every_network_is_allowed(address: str) -> None:
    with pytest.raises(ForbiddenAddress):
        EVERYTHING.vet(address)


@pytest.mark.parametrize("name", ["metadata.google.internal", "METADATA.google.internal."])
def test_the_name_of_a_metadata_service_stays_closed(name: str) -> None:
    with pytest.raises(ForbiddenAddress):
        EVERYTHING.vet_url(f"http://{name}/computeMetadata/v1/")


@pytest.mark.parametrize("url", REFUSED_URLS)
def test_a_malformed_or_unwanted_url_is_refused(url: str) -> None:
    with pytest.raises(ForbiddenAddress):
        CLOSED.vet_url(url)


@pytest.mark.parametrize("url", LOOPBACK_URLS)
def test_no_spelling_of_the_loopback_address_gets_through(url: str) -> None:
    with pytest.raises(ForbiddenAddress) as refusal:
        CLOSED.vet_url(url)
    assert str(refusal.value) == NOT_ALLOWED


def test_the_public_reason_hides_what_the_operator_is_told() -> None:
    with pytest.raises(ForbiddenAddress) as refusal:
        CLOSED.vet("10.1.2.3")
    assert "10.1.2.3" in refusal.value.reason
    assert "private" in refusal.value.reason
    assert str(refusal.value) == refusal.value.public_reason == NOT_ALLOWED


def test_a_fault_that_the_url_itself_shows_is_told_to_everybody() -> None:
    with pytest.raises(ForbiddenAddress, match="fragment"):
        CLOSED.vet_url("https://hooks.example.com/#x")


@pytest.mark.parametrize(
    ("url", "host", "port"),
    [
        ("https://hooks.example.com/in?token=1", "hooks.example.com", 443),
        ("HTTPS://Hooks.Example.COM./", "hooks.example.com", 443),
        ("https://hooks.example.com:8443/", "hooks.example.com", 8443),
        ("https://h\u00f6hle.example/", "h\u00f6hle.example", 443),
        ("https://1.1.1.1/", "1.1.1.1", 443),
        ("https://[2606:4700::1111]/", "2606:4700::1111", 443),
        ("https://1e100.net/", "1e100.net", 443),
    ],
)
def test_an_ordinary_url_is_accepted(url: str, host: str, port: int) -> None:
    destination = CLOSED.vet_url(url)
    assert (destination.host, destination.port) == (host, port)


def test_an_allowed_network_may_be_reached_on_any_port_and_without_tls() -> None:
    LOOPBACK.vet_url("http://127.0.0.1:9999/")
    LOOPBACK.vet_url("http://localhost:9999/")
    LOOPBACK.vet_dial("127.0.0.1", 9999, plain_http=True)
    LOOPBACK.vet_dial("::ffff:127.0.0.1", 9999, plain_http=True)


def test_ports_and_plain_http_of_a_name_are_judged_by_the_address_it_turns_out_to_have() -> None:
    LOOPBACK.vet_url("http://receiver.internal:9999/")
    with pytest.raises(ForbiddenAddress, match=NOT_ALLOWED) as refusal:
        LOOPBACK.vet_dial("1.1.1.1", 9999, plain_http=False)
    assert "port 9999" in refusal.value.reason
    with pytest.raises(ForbiddenAddress) as refusal:
        LOOPBACK.vet_dial("1.1.1.1", 80, plain_http=True)
    assert "plain http" in refusal.value.reason


def test_plain_http_is_open_for_everybody_when_the_operator_says_so() -> None:
    guard = AddressGuard(allow_http=True)
    guard.vet_url("http://hooks.example.com/")
    guard.vet_dial("1.1.1.1", 80, plain_http=True)


def test_an_allowed_network_opens_nothing_else() -> None:
    with pytest.raises(ForbiddenAddress):
        LOOPBACK.vet("10.0.0.1")


def test_a_translated_address_passes_only_if_the_embedded_one_does() -> None:
    guard = AddressGuard([ip_network("64:ff9b::/96")])
    guard.vet("64:ff9b::808:808")
    with pytest.raises(ForbiddenAddress):
        guard.vet("64:ff9b::a00:1")


@given(st.ip_addresses(v=4))
def test_whatever_is_accepted_is_global_for_the_standard_library_too(address: IPv4Address) -> None:
    if _accepts(str(address)):
        assert address.is_global
        assert not address.is_multicast


@given(st.ip_addresses(v=6))
def test_every_ipv6_address_outside_global_unicast_is_refused(address: IPv6Address) -> None:
    if address not in IPv6Network("2000::/3") and address.ipv4_mapped is None:
        assert not _accepts(str(address))


@given(st.ip_addresses(v=4))
def test_a_mapped_address_gets_the_verdict_of_the_address_inside(address: IPv4Address) -> None:
    assert _accepts(f"::ffff:{address}") == _accepts(str(address))


@given(st.ip_addresses(v=4), st.sampled_from(["2002::", "64:ff9b::", "::", "::ffff:0:0:0"]))
def test_every_translated_ipv4_address_is_refused(address: IPv4Address, prefix: str) -> None:
    shift = 80 if prefix == "2002::" else 0
    assert not _accepts(str(IPv6Address(int(IPv6Address(prefix)) | int(address) << shift)))


@given(st.ip_addresses(v=4), st.sampled_from(["{:d}", "{:#x}", "0{:o}"]))
def test_no_number_is_taken_for_a_host(address: IPv4Address, form: str) -> None:
    with pytest.raises(ForbiddenAddress):
        EVERYTHING.vet_url(f"https://{form.format(int(address))}/")


@given(st.text(max_size=60))
def test_any_text_is_either_a_destination_or_refused(text: str) -> None:
    for url in (text, f"https://{text}/", f"https://hooks.example.com/{text}"):
        try:
            destination = CLOSED.vet_url(url)
        except ForbiddenAddress:
            continue
        assert destination.host


def _accepts(address: str) -> bool:
    try:
        CLOSED.vet(address)
    except ForbiddenAddress:
        return False
    return True
