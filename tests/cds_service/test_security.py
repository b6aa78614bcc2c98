"""Who may call (cds-hooks S2 to S6): tokens that are refused, by name, and tokens that are accepted."""

import json
import logging
import time
from pathlib import Path

import pytest

from cds_service import tokens
from cds_service.app import create_app
from cds_service.jwks import NOT_FETCHED
from tests import ehr
from tests.ehr import BASE, CALL, DISCOVERY, FEEDBACK, GOOD, ask


@pytest.fixture(scope="module")
def service(trust):
    return create_app(ehr.trusting(trust)).test_client()


# --- Refused


def hmac_with_the_public_key() -> str:
    public = ehr.key("rs", "RS384").as_pem(private=False)
    return ehr.forged({"alg": "HS256", "kid": "rs", "typ": "JWT"}, ehr.claims(BASE + DISCOVERY), secret=public)


NOW = time.time
ELEVEN = {  # the twelfth, a jti used before, takes two calls
    "none": (
        lambda: ehr.forged({"alg": "none", "kid": "es", "typ": "JWT"}, ehr.claims(GOOD), b""),
        tokens.ALGORITHM,
    ),
    "HS256 with the public key": (hmac_with_the_public_key, tokens.ALGORITHM),
    "wrong iss": (lambda: ehr.token(GOOD, iss="https://elsewhere.example.org"), tokens.ISSUER),
    "wrong aud": (lambda: ehr.token(BASE + CALL), tokens.AUDIENCE),
    "no kid": (lambda: ehr.token(GOOD, header={"kid": None}), "header.kid is missing"),
    "expired": (lambda: ehr.token(GOOD, iat=NOW() - 400, exp=NOW() - 61), tokens.EXPIRED),  # 60 s of leeway + 1
    "iat in the future": (lambda: ehr.token(GOOD, iat=NOW() + 90), tokens.FUTURE),  # 60 s of leeway + 30
    "jku not listed": (lambda: ehr.token(GOOD, header={"jku": "https://evil.example.org/jwks.json"}), tokens.JKU),
    "unknown kid": (lambda: ehr.token(GOOD, signed_with=ehr.key("another")), tokens.UNKNOWN_KID),
    "tampered": (lambda: ehr.tampered(ehr.token(GOOD), tenant="another"), tokens.SIGNATURE),
    "missing": (lambda: None, tokens.NO_HEADER),
}
OTHERS = {
    "signed by another under a known kid": (
        lambda: ehr.token(GOOD, signed_with=ehr.key("another"), header={"kid": "es"}),
        tokens.SIGNATURE,
    ),
    "key for another algorithm": (
        lambda: ehr.forged({"alg": "RS384", "kid": "es", "typ": "JWT"}, ehr.claims(GOOD), b"x"),
        tokens.UNKNOWN_KID,
    ),
    "algorithm not in the settings": (lambda: ehr.token(GOOD, signed_with=ehr.key("es256", "ES256")), tokens.ALGORITHM),
    "no typ": (lambda: ehr.token(GOOD, header={"typ": None}), "header.typ is missing"),
    "another typ": (lambda: ehr.token(GOOD, header={"typ": "at+jwt"}), tokens.TYPE),
    "crit": (lambda: ehr.forged({"alg": "ES384", "kid": "es", "typ": "JWT", "crit": 5}, ehr.claims(GOOD)), "crit"),
    "no signature": (lambda: ehr.token(GOOD).rpartition(".")[0] + ".", tokens.SIGNATURE),
    "nbf in the future": (lambda: ehr.token(GOOD, nbf=NOW() + 90), tokens.NOT_YET),
    "good for a week": (lambda: ehr.token(GOOD, exp=NOW() + 7 * 86400), tokens.TOO_LONG),
    "no iss": (lambda: ehr.token(GOOD, iss=None), "payload.iss is missing"),
    "no aud": (lambda: ehr.token([]), tokens.AUDIENCE),
    "aud of another service": (lambda: ehr.token(["https://other.example.org/cds-services"]), tokens.AUDIENCE),
    "no exp": (lambda: ehr.token(GOOD, exp=None), "payload.exp is missing"),
    "no iat": (lambda: ehr.token(GOOD, iat=None), "payload.iat is missing"),
    "no jti": (lambda: ehr.token(GOOD, jti=None), "payload.jti is missing"),
    "empty jti": (lambda: ehr.token(GOOD, jti=""), "payload.jti expected"),
    "exp as text": (lambda: ehr.token(GOOD, exp="tomorrow"), "payload.exp expected float, got str"),
    "two parts": (lambda: "abcdefgh.abcdefgh", tokens.MALFORMED),
    "no JSON": (lambda: "abcdefgh.abcdefgh.abcdefgh", tokens.MALFORMED),
    "deep": (lambda: ehr.forged({"alg": "ES384"}, {}).replace("e30", "W1tb" * 1000), "payload expected object"),
    "a list": (lambda: ehr.forged(["alg"], ehr.claims(GOOD)), "header expected object, got array"),
    "a list with b64": (lambda: ehr.forged(["alg", "b64"], ehr.claims(GOOD)), tokens.MALFORMED),
    "deep header": (lambda: "W1tb" * 1000 + ".e30.e30", tokens.MALFORMED),
    "a text": (lambda: ehr.forged('a text with "alg"', ehr.claims(GOOD)), "header expected object, got str"),
    "endless": (lambda: "a" * 9000, tokens.MALFORMED),
}


@pytest.mark.parametrize("name", [*ELEVEN, *OTHERS])
def test_refused(service, refused, name):
    make, why = (ELEVEN | OTHERS)[name]
    token = make()
    assert refused(ask(service, token), token).startswith(why)


def test_refused_replayed_jti(service, refused, not_logged):
    """The twelfth: the same token a second time, also at another path it is meant for."""
    token = ehr.token([GOOD, BASE + FEEDBACK])
    assert ask(service, token).status_code == 200
    not_logged(token)
    assert refused(ask(service, token, FEEDBACK, method="POST", json={}), token) == tokens.REPLAYED


def test_refused_another_token_with_the_same_jti(service, refused):
    assert ask(service, ehr.token(GOOD, jti="once")).status_code == 200
    token = ehr.token(GOOD, jti="once", signed_with=ehr.key("rs", "RS384"))
    assert refused(ask(service, token), token) == tokens.REPLAYED


def test_only_its_client_can_use_a_jti_up(service):
    good = ehr.token(GOOD)
    assert ask(service, ehr.tampered(good, tenant="another")).status_code == 401
    assert ask(service, good).status_code == 200


@pytest.mark.parametrize("header", ["Basic am9hbjpodW50ZXIy", "Bearer", "", "bearer"])
def test_refused_another_scheme(service, header, caplog):
    response = service.get(DISCOVERY, headers={"Authorization": header})
    assert (response.status_code, response.get_json()) == (401, ehr.REFUSED)
    assert "am9hbjpodW50ZXIy" not in str([record.__dict__ for record in caplog.records])


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", DISCOVERY),
        ("HEAD", DISCOVERY),
        ("GET", "/cds-services/"),
        ("POST", CALL),
        ("DELETE", CALL),
        ("POST", FEEDBACK),
        ("POST", "/cds-services/none"),
        ("GET", "/cds-services/a/b/c"),
    ],
)
def test_s2_every_address_of_the_services_wants_one(service, method, path):
    """An address that does not exist answers as one that does: a stranger learns nothing."""
    response = service.open(path, method=method)
    assert response.status_code == 401
    assert method == "HEAD" or response.get_json() == ehr.REFUSED


def test_what_is_not_known_to_be_open_wants_one(service):
    """Every route there is: open if it is of a blueprint named as open, else a 401."""
    open_paths = set()
    for rule in service.application.url_map.iter_rules():
        path = rule.rule
        for part in rule.arguments:
            path = path.replace(f"<{part}>", "x").replace(f"<path:{part}>", "x")
        path = path.replace("<any(CodeSystem,ValueSet,ConceptMap,Questionnaire):kind>", "ValueSet")
        method = "POST" if "POST" in (rule.methods or ()) else "GET"
        if service.open(path, method=method).status_code != 401:
            open_paths.add(path)
    assert open_paths == {"/", "/fhir/ValueSet", "/fhir/ValueSet/x", "/health/live", "/health/ready", "/metrics"} | {
        "/static/x"
    }


def test_s6_a_preflight_carries_no_token(service):
    headers = {"Origin": "https://ehr.example.org", "Access-Control-Request-Method": "POST"}
    assert service.options(CALL, headers=headers).status_code == 204
    assert service.get(DISCOVERY, headers=headers).headers["Access-Control-Allow-Origin"] == "*"


def test_what_a_token_says_is_cut_short_in_the_log(service, caplog):
    ask(service, ehr.token(GOOD, iss="i" * 1000))
    (record,) = [record for record in caplog.records if record.message == "token refused"]
    assert record.iss == "i" * 200


# --- Accepted


@pytest.mark.parametrize(("kid", "alg"), [("es", "ES384"), ("rs", "RS384")])
def test_accepted_on_discovery_call_and_feedback(service, example, not_logged, kid, alg):
    used = [ehr.token(BASE + path, signed_with=ehr.key(kid, alg)) for path in (DISCOVERY, CALL, FEEDBACK)]
    assert ask(service, used[0]).get_json()["services"]
    asked = example.request(prefetch={"patient": None})
    card = ask(service, used[1], CALL, method="POST", json=asked).get_json()["cards"][0]
    told = {"card": card["uuid"], "outcome": "overridden", "outcomeTimestamp": "2026-11-21T09:30:00Z"}
    assert ask(service, used[2], FEEDBACK, method="POST", json={"feedback": [told]}).get_json() == {"kept": 1}
    for token in used:
        not_logged(token)


ACCEPTED = {
    "aud in a list": lambda: ehr.token(["https://other.example.org", GOOD]),
    "nbf and sub": lambda: ehr.token(GOOD, nbf=NOW() - 300, sub="client-id"),  # as Epic has them
    "just expired": lambda: ehr.token(GOOD, exp=NOW() - 50),  # 60 s of leeway - 10
    "clock ahead": lambda: ehr.token(GOOD, iat=NOW() + 50),
    "just not yet": lambda: ehr.token(GOOD, nbf=NOW() + 50),
    "tenant": lambda: ehr.token(GOOD, tenant="any"),
    "typ in small letters": lambda: ehr.token(GOOD, header={"typ": "jwt"}),
    "long header": lambda: ehr.token(GOOD, header={"x5c": ["A" * 1000]}),
    "unknown field": lambda: ehr.token(GOOD, header={"nonce": "1"}),
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_accepted(service, name):
    assert ask(service, ACCEPTED[name]()).status_code == 200


def test_the_scheme_in_any_letters(service):
    assert service.get(DISCOVERY, headers={"Authorization": f"bearer {ehr.token(GOOD)}"}).status_code == 200


def test_the_log_names_who_called(trust, caplog):
    from cds_service.logs import formatter

    class Seen(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(json.loads(self.format(record)))

    lines: list[dict] = []
    handler = Seen()
    handler.setFormatter(formatter())
    caplog.set_level(logging.INFO, "osteohooks")
    logging.getLogger("osteohooks").addHandler(handler)
    try:
        ask(create_app(ehr.trusting(trust)).test_client(), ehr.token(GOOD, tenant="north"))
    finally:
        logging.getLogger("osteohooks").removeHandler(handler)
    (line,) = [line for line in lines if line["event"] == "request"]
    assert (line["client"], line["tenant"], line["status"]) == ("ehr", "north", 200)


def test_every_reason_is_explained():
    """Who finds a reason in the log finds it in docs/security.md."""
    page = (Path(__file__).parents[2] / "docs" / "security.md").read_text("utf-8")
    reasons = [value for name, value in vars(tokens).items() if name.isupper() and isinstance(value, str)]
    assert len(reasons) > 10
    assert not [reason for reason in [*reasons, NOT_FETCHED] if f"`{reason}`" not in page]
