"""Which outgoing addresses are taken, as far as they tell themselves."""

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.addresses import (
    AddressMalformed,
    AddressRefused,
    Policy,
    is_public,
    read_address,
)

ANYBODY = Policy()
LISTING = Policy(listed=frozenset({"ntfy.lan", "10.0.0.9:8080", "[fd00::9]", "127.0.0.1"}))

MISSPELT = [
    "",
    "hooks.example.org",
    "//hooks.example.org/",
    "https:hooks.example.org",
    "https:/hooks.example.org",
    "https:///hooks.example.org",
    "https://",
    "https://:443/",
    "http://hooks.example.org/",
    "ftp://hooks.example.org/",
    "file:///etc/passwd",
    "gopher://hooks.example.org:443/_x",
    "javascript://hooks.example.org/%0aalert(1)",
    "json://hooks.example.org/",
    " https://hooks.example.org/",
    "https://hooks.example.org/ ",
    "https://hooks.example.org/a b",
    "https://hooks.example.org/\r\nHost: localhost",
    "https://hooks.example.org/\t",
    "https://hooks.example.org/\x00",
    "https://hooks.example.org/é",
    "https://hooks.example.org\\@127.0.0.1/",
    "https://hooks.example.org/..\\..",
    "https://ada@hooks.example.org/",
    "https://ada:secret@hooks.example.org/",
    "https://@hooks.example.org/",
    "https://hooks.example.org@127.0.0.1/",
    "https://hooks.example.org%40127.0.0.1/",
    "https://hooks.example.org\uff20127.0.0.1/",
    "https://hooks.example.org\uff0f.evil.example.org/",
    "https://hooks.example.org/#part",
    "https://hooks.example.org#@127.0.0.1/",
    "https://hooks.example.org:/",
    "https://hooks.example.org:0/",
    "https://hooks.example.org:00443/",
    "https://hooks.example.org:65536/",
    "https://hooks.example.org:443:80/",
    "https://hooks.example.org:٤٤٣/",
    "https://hooks.example.org:-1/",
    "https://hooks.example.org:22/",
    "https://hooks.example.org:25/",
    "https://hooks.example.org:80/",
    "https://hooks.example.org:6379/",
    "https://hooks..example.org/",
    "https://.example.org/",
    "https://hooks.example.org../",
    "https://hooks_example.org/",
    "https://-hooks.example.org/",
    "https://hooks.ex%61mple.org/",
    f"https://{'a' * 64}.example.org/",
    f"https://{'a.' * 130}org/",
    f"https://hooks.example.org/{'a' * 2_000}",
    "https://xn--\u0661.example.org/",
]

# Spellings of addresses that some program or other reads as an inner one.
DISGUISED = [
    "https://127.1/",
    "https://127.0.1/",
    "https://127.1./",
    "https://2130706433/",
    "https://017700000001/",
    "https://0177.0.0.1/",
    "https://0177.0.0.01/",
    "https://0x7f000001/",
    "https://0x7f.0.0.1/",
    "https://0x7F.1/",
    "https://127.0.0.0x1/",
    "https://0/",
    "https://0x/",
    "https://127.0.0.1.1/",
    "https://127.0.0.256/",
    "https://127.0.0.001/",
    "https://hooks.example.org.1/",
    "https://①②⑦.1/",
    "https://[::1%25lo]/",
    "https://[fe80::1%eth0]/",
    "https://[::1/",
    "https://::1/",
    "https://[127.0.0.1]/",
    "https://[::ffff:127.1]/",
    "https://[v1.::1]/",
]

INNER = [
    "https://127.0.0.1/",
    "https://127.0.0.1./",
    "https://127.8.8.8:8443/",
    "https://\uff11\uff12\uff17.0.0.1/",
    "https://①②⑦.0.0.1/",
    "https://127。0。0。1/",
    "https://10.1.2.3/",
    "https://172.16.0.1/",
    "https://172.31.255.254/",
    "https://192.168.1.1/",
    "https://169.254.169.254/latest/meta-data/",
    "https://100.64.0.1/",
    "https://100.100.100.200/latest/meta-data/",
    "https://0.0.0.0/",
    "https://0.1.2.3/",
    "https://192.0.0.192/",
    "https://192.0.2.1/",
    "https://192.88.99.1/",
    "https://198.18.0.1/",
    "https://198.51.100.1/",
    "https://203.0.113.1/",
    "https://224.0.0.1/",
    "https://239.255.255.250/",
    "https://240.0.0.1/",
    "https://255.255.255.255/",
    "https://[::]/",
    "https://[::1]/",
    "https://[0:0:0:0:0:0:0:1]/",
    "https://[0000::0001]:8443/",
    "https://[::127.0.0.1]/",
    "https://[::8.8.8.8]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:7f00:1]/",
    "https://[::FFFF:8.8.8.8]/",
    "https://[::ffff:0:127.0.0.1]/",
    "https://[64:ff9b::127.0.0.1]/",
    "https://[64:ff9b::a9fe:a9fe]/",
    "https://[64:ff9b:1::a9fe:a9fe]/",
    "https://[2002:7f00:1::]/",
    "https://[2002:a9fe:a9fe::1]/",
    "https://[2001:0:4136:e378:8000:63bf:80ff:fffe]/",
    "https://[2001:db8::1]/",
    "https://[3fff::1]/",
    "https://[100::1]/",
    "https://[fe80::1]/",
    "https://[febf::1]/",
    "https://[fec0::1]/",
    "https://[fc00::1]/",
    "https://[fd00:ec2::254]/latest/meta-data/",
    "https://[ff02::1]/",
    "https://[4000::1]/",
    "https://[5f00::1]/",
    "https://localhost/",
    "https://localhost./",
    "https://LOCALHOST/",
    "https://ⓛocalhost/",
    "https://any.localhost/",
    "https://localhost.localdomain/",
    "https://printer.local/",
    "https://metadata.google.internal/",
    "https://nas.home.arpa/",
    "https://router.lan/",
    "https://intranet/",
    "https://db/",
    "https://hidden.onion/",
]

TAKEN = [
    ("https://hooks.example.org", ("hooks.example.org", 443, "/")),
    ("HTTPS://Hooks.Example.ORG/A?b=C", ("hooks.example.org", 443, "/A?b=C")),
    ("https://hooks.example.org?b", ("hooks.example.org", 443, "/?b")),
    ("https://hooks.example.org:443/", ("hooks.example.org", 443, "/")),
    ("https://hooks.example.org:8443/", ("hooks.example.org", 8443, "/")),
    ("https://hooks.example.org./x", ("hooks.example.org", 443, "/x")),
    ("https://hooks.example.org/a@b:c", ("hooks.example.org", 443, "/a@b:c")),
    ("https://hooks.example.org/%0d%0a", ("hooks.example.org", 443, "/%0d%0a")),
    ("https://hooks.example.org/../x//y", ("hooks.example.org", 443, "/../x//y")),
    ("https://bücher.example.org/", ("xn--bcher-kva.example.org", 443, "/")),
    ("https://xn--bcher-kva.example.org/", ("xn--bcher-kva.example.org", 443, "/")),
    ("https://10.example.org/", ("10.example.org", 443, "/")),
    ("https://localhost.example.org/", ("localhost.example.org", 443, "/")),
    ("https://127.0.0.1.example.org/", ("127.0.0.1.example.org", 443, "/")),
    ("https://8.8.8.8/", ("8.8.8.8", 443, "/")),
    ("https://[2606:4700::1111]/", ("2606:4700::1111", 443, "/")),
    ("https://[2606:4700:0:0:0:0:0:1111]:8443/", ("2606:4700::1111", 8443, "/")),
]


@pytest.mark.parametrize("text", [*MISSPELT, *DISGUISED])
def test_security_34_an_address_with_two_readings_is_not_taken(text: str) -> None:
    with pytest.raises(AddressMalformed):
        read_address(text, ANYBODY)


@pytest.mark.parametrize("text", INNER)
def test_security_34_an_inner_address_is_refused_in_one_sentence(text: str) -> None:
    with pytest.raises(AddressRefused) as refused:
        read_address(text, ANYBODY)

    assert refused.value.code == "address_refused"
    assert refused.value.detail == "This address does not lead to a server on the internet."


@pytest.mark.parametrize(("text", "read"), TAKEN)
def test_security_34_a_public_address_is_taken(text: str, read: tuple[str, int, str]) -> None:
    target = read_address(text, ANYBODY)

    assert (target.scheme, target.host, target.port, target.path) == ("https", *read)
    assert not target.is_listed


@pytest.mark.parametrize(
    "text",
    [
        "http://ntfy.lan/alerts",
        "https://NTFY.lan./alerts",
        "http://10.0.0.9:8080/",
        "https://10.0.0.9:8080/",
        "http://[fd00:0::9]/",
        "http://127.0.0.1/",
        "https://127.0.0.1:8443/",
    ],
)
def test_security_34_a_listed_host_may_be_an_inner_one(text: str) -> None:
    assert read_address(text, LISTING).is_listed


@pytest.mark.parametrize(
    "text",
    [
        "http://ntfy.lan:8080/",
        "http://a.ntfy.lan/",
        "http://ntfy.lan.example.org/",
        "http://10.0.0.9/",
        "https://10.0.0.9/",
        "https://10.0.0.9:8443/",
        "http://10.0.0.90:8080/",
        "http://[fd00::9]:8080/",
        "http://127.0.0.2/",
        "http://127.1/",
        "http://[::ffff:127.0.0.1]/",
        "http://localhost/",
    ],
)
def test_security_34_a_list_opens_what_it_names_and_nothing_else(text: str) -> None:
    with pytest.raises((AddressMalformed, AddressRefused)):
        read_address(text, LISTING)


@given(st.ip_addresses())
def test_security_34_nothing_is_public_that_python_knows_to_be_inner(
    address: IPv4Address | IPv6Address,
) -> None:
    if is_public(str(address)):
        assert address.is_global
        assert not any((address.is_multicast, address.is_reserved, address.is_loopback))


@given(st.ip_addresses(v=4), st.sampled_from(["::", "::ffff:", "64:ff9b::", "::ffff:0:"]))
def test_security_34_no_ipv4_address_is_public_in_another_dress(
    address: IPv4Address, dress: str
) -> None:
    assert not is_public(f"{dress}{address}")
    assert not is_public(str(IPv6Address((0x2002 << 112) | (int(address) << 80))))


@pytest.mark.parametrize("address", ["8.8.8.8", "52.89.214.238", "2606:4700::1111"])
def test_security_34_what_is_on_the_internet_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("text", ["", "127.1", "fe80::1%eth0", "2606:4700::1%eth0", "example.org"])
def test_security_34_what_is_no_plain_address_is_not_public(text: str) -> None:
    assert not is_public(text)


@given(st.text(max_size=60))
def test_security_34_any_text_is_read_or_refused(text: str) -> None:
    for whole in (text, f"https://{text}", f"https://{text}/"):
        try:
            host = read_address(whole, ANYBODY).host
        except (AddressMalformed, AddressRefused):
            continue
        assert host == host.lower()
        assert host.isascii()
        assert ":" not in host or ip_address(host).version == 6
