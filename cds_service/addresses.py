"""Which addresses the service may call, and what stands behind a name (docs/fetching.md).

A call brings the address of a FHIR server, and that server brings links to further pages: both are what someone else
wrote. Only an address below an allowed base is called, and only after every machine behind its name was looked at.
"""

from __future__ import annotations

import ipaddress
import re
import socket
import time
from typing import TYPE_CHECKING
from urllib.parse import unquote, urljoin, urlsplit

import msgspec

if TYPE_CHECKING:
    from cds_service.settings import Settings

NOT_ALLOWED = "fhirServer is not in fhir.allow"
NOT_AN_ADDRESS = "not an address"
OUTSIDE = "address outside fhirServer"
PLAIN_HTTP = "plain http beyond loopback"
FORBIDDEN = "forbidden machine behind the name"

_PORTS = {"http": 80, "https": 443}
_HOST = re.compile(r"[a-z0-9._-]+|[0-9a-f:.]+")
_UNSAFE = re.compile(r"[\x00-\x20\x7f\\]")  # what one reader of addresses drops and the next one keeps
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_METADATA = frozenset(  # clouds hand out their machines' secrets here; link-local ones are refused as such
    ipaddress.ip_address(address)
    for address in ("fd00:ec2::254", "fd20:ce::254", "100.100.100.200", "168.63.129.16", "192.0.0.192")
)

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


class Refused(Exception):
    """An address that is not called. ``cause`` is one of the words above and quotes nothing of the address."""

    def __init__(self, cause: str) -> None:
        super().__init__(cause)
        self.cause = cause


class Base(msgspec.Struct, frozen=True):
    """The base address of a FHIR server: ``https://fhir.example.org`` and ``/r4``, in one spelling."""

    origin: str
    path: str

    def __str__(self) -> str:
        return self.origin + self.path

    @property
    def is_loopback(self) -> bool:
        return is_loopback(urlsplit(self.origin).hostname or "")

    def holds(self, other: Base) -> bool:
        """Whether ``other`` is this base or lies below it."""
        return other.origin == self.origin and (other.path + "/").startswith(self.path + "/")

    def within(self, reference: str) -> str:
        """The address that a reference means, absolute or relative to this base. Raises Refused when it is outside."""
        _check_plain(reference)
        there, query = _split(urljoin(f"{self}/", reference))
        if not self.holds(there):
            raise Refused(OUTSIDE)
        return f"{there}?{query}" if query else str(there)


def parse_base(text: str) -> Base:
    """A base address as it is written in the settings or a call. Raises Refused."""
    _check_plain(text)
    base, query = _split(text)
    if query or "?" in text:
        raise Refused(NOT_AN_ADDRESS)
    return Base(base.origin, base.path.rstrip("/"))


class Allowed(msgspec.Struct, frozen=True):
    """The bases the service may call; ``loopback``: any on this machine, as nothing else is listed."""

    bases: tuple[Base, ...]
    loopback: bool = False

    def base(self, fhir_server: str) -> Base:
        """The base of a call. Raises Refused."""
        wanted = parse_base(fhir_server)
        if any(base.holds(wanted) for base in self.bases) or (self.loopback and wanted.is_loopback):
            return wanted
        raise Refused(NOT_ALLOWED)


def allowed(settings: Settings) -> Allowed:
    """What the settings allow. Raises Refused for an entry of ``fhir.allow`` that could never be called."""
    served_here = is_loopback(urlsplit(settings.server.base_url).hostname or "")
    return Allowed(
        tuple(parse_base(text) for text in settings.fhir.allow),
        not settings.fhir.allow and (served_here or settings.security.insecure),
    )


def is_loopback(host: str) -> bool:
    """Whether a host as written is this machine; what a name leads to does not count."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def connect(host: str, port: int, seconds: float) -> socket.socket:
    """A connection to ``host``, made to an address that was checked just now: a name is looked up once, so that it
    cannot mean one machine when it is checked and another when it is called. Raises Refused, OSError, TimeoutError.
    """
    until = time.monotonic() + seconds
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError:
        raise Refused(NOT_AN_ADDRESS) from None
    for _, _, _, _, address in found:
        _check_machine(host, str(address[0]))
    failure: OSError | None = None
    for tried, (family, kind, protocol, _, address) in enumerate(found):
        share = (until - time.monotonic()) / (len(found) - tried)
        if share <= 0:
            break
        line = socket.socket(family, kind, protocol)
        try:
            line.settimeout(share)
            line.connect(address)
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return line
        except OSError as error:
            line.close()
            failure = error
    raise failure or TimeoutError


def _check_plain(text: str) -> None:
    steps = re.split(r"[/\\]", unquote(text.partition("?")[0]))
    if not text or _UNSAFE.search(text) or "." in steps or ".." in steps:
        raise Refused(NOT_AN_ADDRESS)  # a step up is another base, whoever takes it


def _split(text: str) -> tuple[Base, str]:
    """An absolute address in one spelling, and its query."""
    try:
        parts = urlsplit(text)
        scheme, host, port = parts.scheme, parts.hostname or "", parts.port
    except ValueError:
        raise Refused(NOT_AN_ADDRESS) from None
    if scheme not in _PORTS or not _HOST.fullmatch(host) or "@" in parts.netloc or parts.fragment:
        raise Refused(NOT_AN_ADDRESS)
    if scheme == "http" and not is_loopback(host):
        raise Refused(PLAIN_HTTP)
    shown = f"[{host}]" if ":" in host else host
    origin = f"{scheme}://{shown}" + (f":{port}" if port not in (None, _PORTS[scheme]) else "")
    return Base(origin, parts.path), parts.query


def _check_machine(host: str, address: str) -> None:
    """Raises Refused for a machine no FHIR server is on. A private address is none of these: hospitals live there."""
    machine = _unwrapped(ipaddress.ip_address(address))
    if is_loopback(host) != machine.is_loopback or _is_special(machine):
        raise Refused(FORBIDDEN)


def _is_special(machine: IpAddress) -> bool:
    if machine.is_loopback:
        return False
    nowhere = machine.is_unspecified or machine.is_multicast or machine.is_reserved
    return nowhere or machine.is_link_local or machine in _METADATA


def _unwrapped(machine: IpAddress) -> IpAddress:
    """The IPv4 address inside an IPv6 one, where that is what is reached in the end."""
    if isinstance(machine, ipaddress.IPv4Address):
        return machine
    if machine in _NAT64:
        return ipaddress.IPv4Address(int(machine) & 0xFFFFFFFF)
    teredo = machine.teredo
    return machine.ipv4_mapped or machine.sixtofour or (teredo[1] if teredo else machine)
