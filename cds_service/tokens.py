"""A caller's token (JWT), checked: cds-hooks S2 to S5. No Flask here; ``security`` brings the header and the address.

What can be told from the words alone is checked before any key is looked up, and the signature before the token counts
as used: only its client can use it up. Signatures and key formats are joserfc's; what a token must say is ours.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Annotated, Any, get_args

import msgspec
from joserfc import jws
from joserfc.errors import InvalidKeyIdError, JoseError

from cds_service.errors import place_of
from cds_service.jwks import AddressKeys, FileKeys, Keys, KeysError, asking
from cds_service.replay import Replay
from cds_service.settings import Algorithm, Client, Settings, SettingsError

_MOST_CHARACTERS = 8000  # gunicorn takes no longer header
_LONGEST_S = 24 * 3600  # how far ahead a token may expire; so long its id is remembered

NO_HEADER = "no Authorization header"
NOT_BEARER = "not a Bearer token"
MALFORMED = "not a JWT"
ALGORITHM = "alg is not allowed"
TYPE = "typ is not JWT"
CRITICAL = "crit asks for something not known here"
ISSUER = "iss is no client of ours"
JKU = "jku is not the client's"
AUDIENCE = "aud is not the address called"
EXPIRED = "expired"
FUTURE = "iat is in the future"
NOT_YET = "nbf is in the future"
TOO_LONG = "exp is more than a day ahead"
TENANT = "tenant is not one of the client's"
UNKNOWN_KID = "kid is no key of the client's"
SIGNATURE = "the signature does not match"
REPLAYED = "jti was used before"


class Rejected(Exception):
    """A token that is not accepted. ``why``: fixed words; ``told``: what it says of itself, true or not, for logs."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why
        self.told: dict[str, str] = {}


class Caller(msgspec.Struct, frozen=True):
    """Who called: the name the settings give the client, and the organisation its token names."""

    client: str
    tenant: str | None


class Trusted(msgspec.Struct, frozen=True):
    """A client of the settings, with its keys."""

    client: Client
    keys: Keys


Word = Annotated[str, msgspec.Meta(min_length=1)]


class _Header(msgspec.Struct):
    alg: Word
    kid: Word
    typ: Word
    jku: str | None = None
    crit: Any = None


class _Claims(msgspec.Struct):
    iss: Word
    aud: str | list[str]
    exp: float
    iat: float
    jti: Word
    nbf: float | None = None
    tenant: str | None = None


def trusted_clients(settings: Settings) -> dict[str, Trusted]:
    """The clients by issuer; the keys of files are read now, those of addresses when a token comes.

    Raises SettingsError for a file that has none, for an algorithm that proves nothing, and when there is no store to
    remember used tokens in.
    """
    if settings.security.require_jwt and not settings.store.url:
        raise SettingsError(
            "store.url: found nothing, allowed: a store, since security.require_jwt = true remembers used tokens there"
        )
    allowed = get_args(Algorithm)  # none needs no key, and an HMAC could be made with what everyone may know
    for place, name in enumerate(settings.security.algorithms):
        if name not in allowed:
            raise SettingsError(f'security.algorithms[{place}]: found "{name}", allowed: {", ".join(allowed)}')
    ask = asking(settings)
    trusted: dict[str, Trusted] = {}
    for place, client in enumerate(settings.security.clients):
        trusted[client.iss] = Trusted(client, _keys(f"security.clients[{place}].jwks_file", client, ask))
    return trusted


def _keys(setting: str, client: Client, ask: Callable[[str], bytes]) -> Keys:
    if not client.jwks_file:
        return AddressKeys(client.name, lambda: ask(client.jku))
    try:
        return FileKeys(Path(client.jwks_file))
    except OSError as error:
        found = str(error.strerror)
    except KeysError as error:
        found = str(error)
    raise SettingsError(
        f'{setting}: found "{client.jwks_file}" ({found}), allowed: a JWK Set with the client\'s public RSA or EC keys'
    )


class Gate:
    """What a token must say and be, for one service. ``clock``: seconds since 1970."""

    def __init__(
        self, settings: Settings, trusted: dict[str, Trusted], replay: Replay, clock: Callable[[], float] = time.time
    ) -> None:
        self._trusted = trusted
        self._replay = replay
        self._clock = clock
        self._algorithms = frozenset(settings.security.algorithms)
        self._leeway_s = settings.security.leeway_s
        self._registry = jws.JWSRegistry(algorithms=self._algorithms, strict_check_header=False)
        self._registry.max_header_length = _MOST_CHARACTERS

    def admit(self, authorization: str | None, addresses: Collection[str]) -> Caller:
        """Who calls, by the Authorization header; ``addresses``: how the call's URL may be written.

        Raises Rejected, and StoreError when it cannot be told whether the token was used before.
        """
        signed = self._parse(_bearer(authorization))
        claims = _claims(signed.payload)
        try:
            return self._check(signed, _header(signed.protected), claims, addresses)
        except Rejected as rejected:
            rejected.told = _fit_to_log(claims)
            raise

    def _parse(self, token: str) -> jws.CompactSignature:
        if len(token) > _MOST_CHARACTERS:
            raise Rejected(MALFORMED)
        try:
            return jws.extract_compact(token.encode(), registry=self._registry)
        except (JoseError, TypeError, RecursionError):  # joserfc expects an object
            raise Rejected(MALFORMED) from None

    def _check(
        self, signed: jws.CompactSignature, header: _Header, claims: _Claims, addresses: Collection[str]
    ) -> Caller:
        if header.alg not in self._algorithms:
            raise Rejected(ALGORITHM)
        if header.typ.upper() != "JWT":
            raise Rejected(TYPE)
        if header.crit is not None:
            raise Rejected(CRITICAL)
        trusted = self._trusted.get(claims.iss)
        if trusted is None:
            raise Rejected(ISSUER)
        client = trusted.client
        if header.jku is not None and header.jku != client.jku:
            raise Rejected(JKU)
        named = {claims.aud} if isinstance(claims.aud, str) else set(claims.aud)
        if named.isdisjoint([*addresses, *client.audiences]):
            raise Rejected(AUDIENCE)
        self._check_times(claims)
        if client.tenants and claims.tenant not in client.tenants:
            raise Rejected(TENANT)
        self._check_signature(signed, header.kid, trusted.keys)
        if self._replay.seen(claims.iss, claims.jti, claims.exp + self._leeway_s):
            raise Rejected(REPLAYED)
        return Caller(client.name, claims.tenant)

    def _check_times(self, claims: _Claims) -> None:
        now = self._clock()
        if claims.exp <= now - self._leeway_s:
            raise Rejected(EXPIRED)
        if claims.exp > now + self._leeway_s + _LONGEST_S:
            raise Rejected(TOO_LONG)
        if claims.iat > now + self._leeway_s:
            raise Rejected(FUTURE)
        if claims.nbf is not None and claims.nbf > now + self._leeway_s:
            raise Rejected(NOT_YET)

    def _check_signature(self, signed: jws.CompactSignature, kid: str, keys: Keys) -> None:
        try:
            if not jws.validate_compact(signed, keys.current(kid), registry=self._registry):
                raise Rejected(SIGNATURE)
        except KeysError as error:
            raise Rejected(str(error)) from None
        except InvalidKeyIdError:
            raise Rejected(UNKNOWN_KID) from None
        except JoseError as error:  # a key that is for something else
            raise Rejected(f"{SIGNATURE} ({error.error})") from None


def _bearer(authorization: str | None) -> str:
    if authorization is None:
        raise Rejected(NO_HEADER)
    scheme, _, token = authorization.strip().partition(" ")
    if scheme.lower() != "bearer":
        raise Rejected(NOT_BEARER)
    return token.strip()


def _header(protected: Any) -> _Header:
    try:
        return msgspec.convert(protected, _Header)
    except msgspec.ValidationError as error:
        raise Rejected(" ".join(place_of(error, "header"))) from None


def _claims(payload: bytes) -> _Claims:
    try:
        return msgspec.json.decode(payload, type=_Claims)
    except msgspec.ValidationError as error:
        raise Rejected(" ".join(place_of(error, "payload"))) from None
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        raise Rejected(MALFORMED) from None


def _fit_to_log(claims: _Claims) -> dict[str, str]:
    """What helps to find the caller: never the token, and nothing longer than a name."""
    told = {"iss": claims.iss, "jti": claims.jti, "tenant": claims.tenant or ""}
    return {name: value[:200] for name, value in told.items() if value}
