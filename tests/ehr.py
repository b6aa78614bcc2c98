"""An EHR as far as its tokens go: keys made for the test, tokens signed with them, well or badly; a service that
trusts it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from functools import cache
from pathlib import Path
from typing import Any
from uuid import uuid4

from flask.testing import FlaskClient
from joserfc import jws, jwt
from joserfc.jwk import ECKey, RSAKey
from werkzeug.test import TestResponse

from cds_service.settings import Client, Security, Server, Settings, Store

ISS = "https://ehr.example.org"
BASE = "https://osteohooks.example.org"
DISCOVERY = "/cds-services"
CALL = "/cds-services/fracture-risk-patient-view"
FEEDBACK = f"{CALL}/feedback"
GOOD = BASE + DISCOVERY  # the audience of a token for discovery
REFUSED = {  # all that a caller learns
    "resourceType": "OperationOutcome",
    "issue": [{"severity": "error", "code": "login", "diagnostics": "the caller is not authenticated"}],
}

Key = ECKey | RSAKey


def key(kid: str, alg: str = "ES384") -> Key:
    """A key pair, the same each time it is named."""
    return _made(kid, alg)


@cache
def _made(kid: str, alg: str) -> Key:
    parameters: Any = {"kid": kid, "alg": alg, "use": "sig"}
    if alg.startswith("RS"):
        return RSAKey.generate_key(2048, parameters)
    return ECKey.generate_key({"ES384": "P-384", "ES256": "P-256"}[alg], parameters)  # type: ignore[arg-type]


def jwks(*keys: Key, private: bool = False) -> dict[str, Any]:
    return {"keys": [one.as_dict(private=private) for one in keys]}


def claims(aud: str | list[str], **changes: Any) -> dict[str, Any]:
    """What a token says; a change to None leaves a claim out."""
    now = int(time.time())
    told = {"iss": ISS, "aud": aud, "iat": now, "exp": now + 300, "jti": str(uuid4())} | changes
    return {name: value for name, value in told.items() if value is not None}


def token(
    aud: str | list[str], *, signed_with: Key | None = None, header: dict[str, Any] | None = None, **changes: Any
) -> str:
    """A good token, but for the ``changes`` of its claims and of its ``header``; None leaves a field out."""
    pair = signed_with or key("es")
    fields = {"alg": pair.alg, "kid": pair.kid, "typ": "JWT"} | (header or {})
    fields = {name: value for name, value in fields.items() if value is not None}
    registry = jws.JWSRegistry(algorithms=[str(pair.alg)], strict_check_header=False)
    return jwt.encode(fields, claims(aud, **changes), pair, registry=registry, default_type=None)


def forged(header: dict[str, Any], payload: dict[str, Any], signature: bytes | None = None, secret: bytes = b"") -> str:
    """A token put together by hand: with the ``signature``, else with HMAC-SHA256 by the ``secret``."""
    parts = [_base64(json.dumps(part).encode()) for part in (header, payload)]
    if signature is None:
        signature = hmac.new(secret, ".".join(parts).encode(), hashlib.sha256).digest()
    return ".".join([*parts, _base64(signature)])


def tampered(good: str, **changes: Any) -> str:
    """The token with other claims under the signature it had."""
    header, payload, signature = good.split(".")
    told = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))) | changes
    return ".".join([header, _base64(json.dumps(told).encode()), signature])


def _base64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def trusting(
    folder: Path, *, store: str = "store.db", server: Any = None, security: Any = None, **client: Any
) -> Settings:
    """Settings of a service that trusts this EHR by the key file in ``folder``, but for the changes."""
    trusted = {"name": "ehr", "iss": ISS, "jwks_file": str(folder / "ehr.jwks.json")} | client
    return Settings(
        server=Server(**({"base_url": BASE} | (server or {}))),
        security=Security(**({"require_jwt": True, "clients": [Client(**trusted)]} | (security or {}))),
        store=Store(url=f"sqlite:///{folder}/{store}"),
    )


def ask(service: FlaskClient, token: str | None, path: str = DISCOVERY, **more: Any) -> TestResponse:
    """One request, with the token in its Authorization header."""
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    return service.open(path, headers=headers | more.pop("headers", {}), **more)
