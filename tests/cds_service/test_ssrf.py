"""Where the service may be sent (cds-hooks P5, P8): allowed bases only, wherever a name leads; no token elsewhere."""

import datetime
import ipaddress
import socket
import ssl

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from cds_service import addresses
from cds_service.addresses import Refused, allowed, parse_base
from cds_service.settings import load_settings
from tests import fhir_server as ways

TOKEN = {"access_token": "the-token", "token_type": "Bearer"}


# --- Addresses


@pytest.mark.parametrize(
    ("text", "base"),
    [
        ("https://fhir.example.org/r4", "https://fhir.example.org/r4"),
        ("https://fhir.example.org/r4/", "https://fhir.example.org/r4"),
        ("HTTPS://FHIR.example.org:443/r4", "https://fhir.example.org/r4"),
        ("https://fhir.example.org", "https://fhir.example.org"),
        ("https://[2001:db8::1]:8443/r4", "https://[2001:db8::1]:8443/r4"),
        ("http://127.0.0.1:8080/fhir", "http://127.0.0.1:8080/fhir"),
        ("http://[::1]/fhir", "http://[::1]/fhir"),
        ("http://localhost:80/fhir", "http://localhost/fhir"),
    ],
)
def test_one_spelling_of_a_base(text, base):
    assert str(parse_base(text)) == base


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("http://fhir.example.org/r4", addresses.PLAIN_HTTP),
        ("http://10.0.0.5/r4", addresses.PLAIN_HTTP),
        ("http://2130706433/r4", addresses.PLAIN_HTTP),  # 127.0.0.1 to some
        ("http://127.1/r4", addresses.PLAIN_HTTP),
        ("file:///etc/passwd", addresses.NOT_AN_ADDRESS),
        ("ftp://fhir.example.org/r4", addresses.NOT_AN_ADDRESS),
        ("gopher://fhir.example.org/r4", addresses.NOT_AN_ADDRESS),
        ("//fhir.example.org/r4", addresses.NOT_AN_ADDRESS),
        ("fhir.example.org/r4", addresses.NOT_AN_ADDRESS),
        ("", addresses.NOT_AN_ADDRESS),
        ("https://", addresses.NOT_AN_ADDRESS),
        ("https://user@fhir.example.org/r4", addresses.NOT_AN_ADDRESS),
        ("https://user:password@fhir.example.org/r4", addresses.NOT_AN_ADDRESS),
        ("https://@fhir.example.org/r4", addresses.NOT_AN_ADDRESS),
        ("https://fhir.example.org\\@evil.example/r4", addresses.NOT_AN_ADDRESS),
        ("https://fhir.example.org/r4\r\nHost: evil.example", addresses.NOT_AN_ADDRESS),
        ("https://fhir.exa\tmple.org/r4", addresses.NOT_AN_ADDRESS),
        (" https://fhir.example.org/r4", addresses.NOT_AN_ADDRESS),
        ("https://fhir.example.org:99999/r4", addresses.NOT_AN_ADDRESS),
        ("https://fhir.example.org:x/r4", addresses.NOT_AN_ADDRESS),
        ("https://[::1/r4", addresses.NOT_AN_ADDRESS),
        ("https://[fe80::1%25eth0]/r4", addresses.NOT_AN_ADDRESS),
        ("https://fhir.example.org/r4/../admin", addresses.NOT_AN_ADDRESS),
        ("https://fhir.example.org/r4?x=1", addresses.NOT_AN_ADDRESS),
        ("https://fhir.example.org/r4#x", addresses.NOT_AN_ADDRESS),
        ("https://ehr%2eexample.org/r4", addresses.NOT_AN_ADDRESS),
    ],
)
def test_what_is_no_base(text, cause):
    with pytest.raises(Refused) as refused:
        parse_base(text)
    assert refused.value.cause == cause
    assert "example" not in str(refused.value)


@pytest.mark.parametrize(
    ("reference", "address"),
    [
        ("Patient/17", "https://h.example/r4/Patient/17"),
        ("Observation?code=https://x|y&page=2", "https://h.example/r4/Observation?code=https://x|y&page=2"),
        ("?_getpages=1", "https://h.example/r4/?_getpages=1"),
        ("https://h.example/r4?_getpages=1", "https://h.example/r4?_getpages=1"),
        ("https://H.example:443/r4/Observation?page=2", "https://h.example/r4/Observation?page=2"),
        ("/r4/Observation?page=2", "https://h.example/r4/Observation?page=2"),
    ],
)
def test_an_address_within_a_base(reference, address):
    assert parse_base("https://h.example/r4").within(reference) == address


@pytest.mark.parametrize(
    "reference",
    [
        "https://evil.example/r4/Observation?page=2",
        "//evil.example/r4/Observation",
        "https://h.example.evil.example/r4/Observation",
        "https://h.example@evil.example/r4/Observation",
        "https://h.example:8443/r4/Observation",
        "https://h.example/r44/Observation",
        "https://h.example/admin",
        "/admin",
        "../admin",
        "Patient/../../admin",
        "https://h.example/r4/../admin",
        "https://h.example/r4/%2e%2e/admin",
        "https://h.example/r4/..%2fadmin",
        "https://h.example/r4/..%5cadmin",
        "https://h.example/r4\\..\\admin",
        "http://h.example/r4/Observation",
        "file:///etc/passwd",
        "Patient/17\r\nX: y",
        "Patient/..",
        "",
    ],
)
def test_an_address_outside_a_base(reference):
    with pytest.raises(Refused):
        parse_base("https://h.example/r4").within(reference)


def permitted(**environ):
    return allowed(load_settings(environ={f"OSTEOHOOKS__{name.upper()}": value for name, value in environ.items()}))


@pytest.mark.parametrize(
    ("fhir_server", "may"),
    [
        ("https://h.example/r4", True),
        ("https://h.example/r4/", True),
        ("https://h.example/r4/tenant-1", True),
        ("https://h.example/r4x", False),
        ("https://h.example", False),
        ("https://h.example:8443/r4", False),
        ("https://h.example.evil.example/r4", False),
        ("https://evil.example/?https://h.example/r4", False),
        ("http://127.0.0.1:8080/r4", False),
    ],
)
def test_only_what_is_listed(fhir_server, may):
    bases = permitted(fhir__allow="https://h.example/r4")
    if may:
        bases.base(fhir_server)
    else:
        with pytest.raises(Refused):
            bases.base(fhir_server)


@pytest.mark.parametrize(
    ("environ", "may"),
    [
        ({}, True),
        ({"server__base_url": "http://localhost:8000"}, True),
        ({"server__base_url": "https://cds.example.org"}, False),
        ({"server__base_url": "http://0.0.0.0:8000"}, False),
        ({"server__base_url": "https://cds.example.org", "security__insecure": "true"}, True),
        ({"fhir__allow": "https://h.example/r4"}, False),
    ],
)
def test_this_machine_only_when_nothing_is_listed_and_it_is_served_here(environ, may):
    bases = permitted(**environ)
    assert bases.loopback == may
    for outside in ("https://h.example/r4x", "https://169.254.169.254/latest", "https://10.0.0.1/r4"):
        with pytest.raises(Refused):
            bases.base(outside)


# --- What is behind a name


def behind(monkeypatch, *machines):
    """Every name leads to these addresses."""

    def look_up(host, port, **_):
        family = {4: socket.AF_INET, 6: socket.AF_INET6}
        versions = [(family[ipaddress.ip_address(one).version], one) for one in machines]
        return [(kind, socket.SOCK_STREAM, 6, "", (one, port)) for kind, one in versions]

    monkeypatch.setattr(addresses.socket, "getaddrinfo", look_up)


class Reached(Exception):
    """A connection would have been made."""


@pytest.fixture
def unplugged(monkeypatch):
    def reached(self, address):
        raise Reached(address[0])

    monkeypatch.setattr(addresses.socket.socket, "connect", reached)


@pytest.mark.parametrize(
    "machine",
    [
        "127.0.0.1",
        "127.8.8.8",
        "::1",
        "0.0.0.0",
        "::",
        "169.254.169.254",
        "fe80::1",
        "224.0.0.1",
        "ff02::1",
        "255.255.255.255",
        "240.0.0.1",
        "fd00:ec2::254",
        "100.100.100.200",
        "168.63.129.16",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",  # 169.254.169.254 behind NAT64
        "2002:7f00:1::",  # 127.0.0.1 behind 6to4
    ],
)
def test_a_machine_that_is_no_fhir_server(monkeypatch, unplugged, machine):
    behind(monkeypatch, machine)
    with pytest.raises(Refused) as refused:
        addresses.connect("fhir.example.org", 443, 1)
    assert refused.value.cause == addresses.FORBIDDEN
    behind(monkeypatch, "203.0.113.9", machine)  # one bad address among good ones spoils the name
    with pytest.raises(Refused):
        addresses.connect("fhir.example.org", 443, 1)


@pytest.mark.parametrize(
    "machine", ["8.8.8.8", "10.1.2.3", "192.168.1.4", "fd12::1", "2a00:1450::1", "64:ff9b::808:808"]
)
def test_a_machine_that_may_be_one(monkeypatch, unplugged, machine):
    """A hospital's own network is where its FHIR server is."""
    behind(monkeypatch, machine)
    with pytest.raises(Reached, match=machine):
        addresses.connect("fhir.example.org", 443, 1)


@pytest.mark.parametrize("machine", ["10.0.0.1", "8.8.8.8"])
def test_localhost_is_this_machine_and_no_other(monkeypatch, unplugged, machine):
    behind(monkeypatch, machine)
    with pytest.raises(Refused):
        addresses.connect("localhost", 80, 1)


def test_a_name_is_looked_up_once(monkeypatch, unplugged):
    """Rebinding: the name means one machine when it is checked, another a moment later."""
    answers = iter(["203.0.113.9", "169.254.169.254"])

    def look_up(host, port, **_):
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (next(answers), port))]

    monkeypatch.setattr(addresses.socket, "getaddrinfo", look_up)
    with pytest.raises(Reached, match=r"203\.0\.113\.9"):
        addresses.connect("fhir.example.org", 443, 1)
    assert next(answers) == "169.254.169.254"


def test_a_name_that_cannot_be_one():
    with pytest.raises(Refused):
        addresses.connect("a..b", 443, 1)


def test_the_next_machine_is_tried_when_one_does_not_answer(monkeypatch):
    server = ways.FhirServer()
    behind(monkeypatch, "127.0.0.9", "127.0.0.1")  # nobody listens on the first
    addresses.connect("localhost", server.server_port, 5).close()
    server.close()


# --- Through the service


@pytest.fixture
def server():
    server = ways.FhirServer()
    yield server
    server.close()


@pytest.fixture
def fetch(serve, client, complete, example):
    """What the service says it did not fetch when the lesions are missing."""

    def fetch(fhir_server, *, on=client, **more):
        prefetch = complete()
        del prefetch["lesions"]
        request = example.request(prefetch=prefetch, fhirServer=fhir_server, fhirAuthorization=TOKEN) | more
        told = on.post(example.mirels, json=request).get_json()["extension"]["org.osteohooks.evaluation"]
        assert ("mirels" in told.get("silent", [])) == ("notFetched" not in told)
        return [failure["cause"] for failure in told.get("notFetched", [])]

    return fetch


def test_p8_a_server_that_is_not_listed_is_not_called(serve, fetch, server):
    on = serve(fhir__allow="https://fhir.example.org/r4", server__allow_as_of="true")
    assert fetch(server.base, on=on) == [addresses.NOT_ALLOWED]
    assert server.asked == []


def test_p8_a_server_that_is_listed_is_called(serve, fetch, server):
    assert fetch(server.base, on=serve(fhir__allow=server.base, server__allow_as_of="true")) == []
    assert len(server.asked) == 1


def test_p8_who_connects_a_client_is_told_why_its_server_is_not_called(serve, example, server):
    on = serve(fhir__allow="https://fhir.example.org/r4")
    response = on.post(example.mirels, json=example.request(fhirServer=server.base))
    assert response.status_code == 412
    assert "lesions (not supplied, fhirServer is not in fhir.allow): " in response.get_json()["issue"][0]["diagnostics"]


@pytest.mark.parametrize("fhir_server", ["file:///etc/passwd", "https://u:p@localhost/r4", "", "nonsense"])
def test_p8_what_is_no_address_is_not_called(fetch, fhir_server):
    assert fetch(fhir_server) == [addresses.NOT_AN_ADDRESS]


def test_p8_a_listed_name_that_leads_to_this_machine(serve, fetch, server, monkeypatch):
    on = serve(fhir__allow=f"https://fhir.example.org:{server.server_port}/r4", server__allow_as_of="true")
    behind(monkeypatch, "127.0.0.1")
    assert fetch(f"https://fhir.example.org:{server.server_port}/r4", on=on) == [addresses.FORBIDDEN]
    assert server.ports == set()


def test_p8_the_environment_sends_nothing_elsewhere(fetch, server, monkeypatch, tmp_path):
    """Neither a proxy nor a password file of the machine has a say."""
    proxy = ways.FhirServer()
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.server_port}")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    netrc = tmp_path / "netrc"
    netrc.write_text("machine localhost login user password from-netrc\n")
    monkeypatch.setenv("NETRC", str(netrc))
    assert fetch(server.base, fhirAuthorization=None) == []
    assert proxy.asked == []
    assert ["Authorization" in headers for _, headers in server.asked] == [False]
    proxy.close()


def test_p8_a_cookie_does_not_outlive_its_answer(fetch, server):
    """Or what a server set for one patient's call would come with the next one's."""
    server.on("Observation", ways.body(ways.searchset(), Set_Cookie="session=of-another-call; Path=/"))
    for _ in range(2):
        assert fetch(server.base) == []
    assert [headers.get("Cookie") for _, headers in server.asked] == [None, None]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("elsewhere", [True, False])
def test_p8_no_redirect_is_followed(fetch, server, status, elsewhere):
    other = ways.FhirServer()
    target = (other if elsewhere else server).base
    server.on("Observation", ways.body(b"", status, Location=f"{target}/Condition?patient=17"))
    assert fetch(server.base) == ["redirect"]
    assert (other.asked, server.kinds()) == ([], ["Observation"])
    other.close()


# --- TLS


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate for ``localhost`` that only those who were given it trust."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    folder = tmp_path_factory.mktemp("tls")
    (folder / "certificate.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    plain, none = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (folder / "key.pem").write_bytes(key.private_bytes(serialization.Encoding.PEM, plain, none))
    return folder


@pytest.fixture
def tls_server(certificate):
    """An HTTPS server, and the names it was called by (SNI)."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "certificate.pem", certificate / "key.pem")
    names = []
    context.sni_callback = lambda _line, name, _context: names.append(name)
    server = ways.FhirServer(tls=context)
    yield server, names
    server.close()


@pytest.fixture
def trusting(serve, certificate):
    return serve(fhir__ca_file=str(certificate / "certificate.pem"), server__allow_as_of="true")


def test_s1_tls_goes_by_the_name_that_was_asked_for(fetch, trusting, tls_server):
    """The connection is made to a checked address, and still it is the name that is asked for and certified."""
    server, names = tls_server
    assert fetch(server.base, on=trusting) == []
    assert names == ["localhost"]
    assert server.asked[0][1]["Host"] == f"localhost:{server.server_port}"


def test_s1_a_certificate_for_another_name(fetch, trusting, tls_server):
    server, _ = tls_server
    assert fetch(server.base.replace("localhost", "127.0.0.1"), on=trusting) == ["certificate not trusted"]
    assert server.asked == []


def test_s1_a_certificate_that_nobody_vouches_for(fetch, tls_server):
    server, _ = tls_server
    assert fetch(server.base) == ["certificate not trusted"]
    assert server.asked == []


def test_s1_a_handshake_that_never_ends_is_cut_at_the_deadline(serve, fetch, certificate):
    """Who listens takes the greeting and says nothing."""
    silent = socket.create_server(("127.0.0.1", 0))
    on = serve(server__deadline_ms="500", server__allow_as_of="true", fhir__timeout_ms="60000")
    try:
        assert fetch(f"https://localhost:{silent.getsockname()[1]}/r4", on=on) == ["deadline"]
        greeted, _ = silent.accept()
        greeted.settimeout(10)
        while greeted.recv(65536):
            pass  # the greeting, and then the end: the service has hung up
        greeted.close()
    finally:
        silent.close()
