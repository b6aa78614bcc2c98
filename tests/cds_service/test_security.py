"""Who may call (cds-hooks S2 to S6): tokens that are refused, by name, and tokens that are accepted."""

import json
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection

import pytest

from cds_service import jwks as key_sources
from cds_service import tokens
from cds_service.app import create_app
from cds_service.cli import main
from cds_service.settings import Client, Security, Server, Settings, SettingsError, Store, load_settings
from cds_service.store import StoreError
from tests import ehr
from tests.fhir_server import FhirServer, body

BASE = "https://osteohooks.example.org"
DISCOVERY = "/cds-services"
CALL = "/cds-services/fracture-risk-patient-view"
FEEDBACK = f"{CALL}/feedback"
FIXED = {
    "resourceType": "OperationOutcome",
    "issue": [{"severity": "error", "code": "login", "diagnostics": "the caller is not authenticated"}],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("security")
    public = ehr.jwks(ehr.key("es"), ehr.key("rs", "RS384"), ehr.key("es256", "ES256"))
    (folder / "ehr.jwks.json").write_text(json.dumps(public))
    return folder


def settings(folder, *, store="store.db", server=None, security=None, **client) -> Settings:
    given = {"name": "ehr", "iss": ehr.ISS, "jwks_file": str(folder / "ehr.jwks.json")} | client
    return Settings(
        server=Server(**({"base_url": BASE} | (server or {}))),
        security=Security(**({"require_jwt": True, "clients": [Client(**given)]} | (security or {}))),
        store=Store(url=f"sqlite:///{folder}/{store}"),
    )


@pytest.fixture(scope="module")
def service(folder):
    return create_app(settings(folder)).test_client()


def ask(service, token: str | None, path: str = DISCOVERY, **more):
    """One request, with the token as its Authorization header."""
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    return service.open(path, headers=headers | more.pop("headers", {}), **more)


@pytest.fixture
def refused(caplog):
    """Asserts that a response is the one refusal there is; gives the reason, which only the log has."""

    def refused(response, token: str | None) -> str:
        (record,) = [record for record in caplog.records if record.message == "token refused"]
        assert response.status_code == 401
        assert response.mimetype == "application/fhir+json"
        assert response.get_json() == FIXED
        assert response.headers["WWW-Authenticate"] == "Bearer"
        assert record.why not in response.text + str(response.headers)
        assert_not_logged(caplog, token)
        return record.why

    return refused


def assert_not_logged(caplog, token: str | None) -> None:
    """No part of the token stands anywhere in the records, also not in what formatters may leave out."""
    everything = "".join(str(record.__dict__) for record in caplog.records)
    for part in filter(None, (token or "").split(".")):
        assert part not in everything


# --- Refused


def hmac_with_the_public_key() -> str:
    public = ehr.key("rs", "RS384").as_pem(private=False)
    return ehr.forged({"alg": "HS256", "kid": "rs", "typ": "JWT"}, ehr.claims(BASE + DISCOVERY), secret=public)


NOW = time.time
GOOD = BASE + DISCOVERY
TWELVE = {
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
    "a text": (lambda: ehr.forged('a text with "alg"', ehr.claims(GOOD)), "header expected object, got str"),
    "endless": (lambda: "a" * 9000, tokens.MALFORMED),
}


@pytest.mark.parametrize("name", [*TWELVE, *OTHERS])
def test_refused(service, refused, name):
    make, why = (TWELVE | OTHERS)[name]
    token = make()
    assert refused(ask(service, token), token).startswith(why)


def test_refused_replayed_jti(service, refused, caplog):
    """The twelfth: the same token a second time, also at another path it is meant for."""
    token = ehr.token([GOOD, BASE + FEEDBACK])
    assert ask(service, token).status_code == 200
    assert_not_logged(caplog, token)
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
    assert (response.status_code, response.get_json()) == (401, FIXED)
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
    assert method == "HEAD" or response.get_json() == FIXED


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
def test_accepted_on_discovery_call_and_feedback(service, example, caplog, kid, alg):
    caplog.set_level(logging.DEBUG)
    used = [ehr.token(BASE + path, signed_with=ehr.key(kid, alg)) for path in (DISCOVERY, CALL, FEEDBACK)]
    assert ask(service, used[0]).get_json()["services"]
    asked = example.request(prefetch={"patient": None})
    card = ask(service, used[1], CALL, method="POST", json=asked).get_json()["cards"][0]
    told = {"card": card["uuid"], "outcome": "overridden", "outcomeTimestamp": "2026-11-21T09:30:00Z"}
    assert ask(service, used[2], FEEDBACK, method="POST", json={"feedback": [told]}).get_json() == {"kept": 1}
    for token in used:
        assert_not_logged(caplog, token)


@pytest.mark.parametrize(
    "make",
    [
        lambda: ehr.token(["https://other.example.org", GOOD]),
        lambda: ehr.token(GOOD, nbf=NOW() - 300, sub="client-id"),  # as Epic has them
        lambda: ehr.token(GOOD, exp=NOW() - 50),  # 60 s of leeway - 10
        lambda: ehr.token(GOOD, iat=NOW() + 50),
        lambda: ehr.token(GOOD, nbf=NOW() + 50),
        lambda: ehr.token(GOOD, tenant="any"),
        lambda: ehr.token(GOOD, header={"typ": "jwt"}),
    ],
    ids=[
        "aud in a list",
        "nbf and sub",
        "just expired",
        "clock ahead",
        "just not yet",
        "tenant",
        "typ in small letters",
    ],
)
def test_accepted(service, make):
    assert ask(service, make()).status_code == 200


def test_the_scheme_in_any_letters(service):
    assert service.get(DISCOVERY, headers={"Authorization": f"bearer {ehr.token(GOOD)}"}).status_code == 200


def test_the_log_names_who_called(folder, caplog):
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
        ask(create_app(settings(folder)).test_client(), ehr.token(GOOD, tenant="north"))
    finally:
        logging.getLogger("osteohooks").removeHandler(handler)
    (line,) = [line for line in lines if line["event"] == "request"]
    assert (line["client"], line["tenant"], line["status"]) == ("ehr", "north", 200)


# --- What the settings say of a client


def test_listed_audiences(folder, refused):
    service = create_app(settings(folder, audiences=["urn:osteohooks"])).test_client()
    assert ask(service, ehr.token("urn:osteohooks")).status_code == 200
    assert ask(service, ehr.token(GOOD)).status_code == 200
    token = ehr.token("urn:another")
    assert refused(ask(service, token), token) == tokens.AUDIENCE


@pytest.mark.parametrize(("tenant", "status"), [("north", 200), ("south", 200), ("west", 401), (None, 401)])
def test_listed_tenants(folder, tenant, status):
    service = create_app(settings(folder, tenants=["north", "south"])).test_client()
    assert ask(service, ehr.token(GOOD, tenant=tenant)).status_code == status


def test_a_jku_beside_a_file_is_what_tokens_may_name(folder, refused):
    """The reference sandbox names an address that nobody can reach: it is never called."""
    jku = "https://sandbox.example.org/.well-known/jwks.json"
    service = create_app(settings(folder, jku=jku)).test_client()
    assert ask(service, ehr.token(GOOD, header={"jku": jku})).status_code == 200
    assert ask(service, ehr.token(GOOD)).status_code == 200
    token = ehr.token(GOOD, header={"jku": jku + "?"})
    assert refused(ask(service, token), token) == tokens.JKU


@pytest.mark.parametrize(
    ("proxies", "host", "aud", "status"),
    [
        (0, "cds.example.org", "https://cds.example.org", 401),  # forwarded headers are anyone's
        (1, "cds.example.org", "https://cds.example.org", 200),
        (1, "evil.example.org, cds.example.org", "https://cds.example.org", 200),  # the last is the proxy's own
        (1, "evil.example.org, cds.example.org", "https://evil.example.org", 401),
        (1, "cds.example.org", BASE, 200),
    ],
)
def test_the_url_called_behind_a_proxy(folder, proxies, host, aud, status):
    service = create_app(settings(folder, server={"trusted_proxies": proxies})).test_client()
    headers = {"X-Forwarded-Host": host, "X-Forwarded-Proto": "https"}
    assert ask(service, ehr.token(aud + DISCOVERY), headers=headers).status_code == status


def test_two_workers_share_what_was_used(folder):
    """Two applications on one store, as two workers have them."""
    first, second = (create_app(settings(folder, store="shared.db")).test_client() for _ in range(2))
    token = ehr.token(GOOD)
    assert [ask(worker, token).status_code for worker in (first, second, first)] == [200, 401, 401]


@pytest.fixture
def two_workers(folder, tmp_path):
    """The port of a real service with two workers, and its process; what it logs is in ``stderr``."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    client = f"name = 'ehr'\niss = '{ehr.ISS}'\njwks_file = '{folder}/ehr.jwks.json'\n"
    (tmp_path / "osteohooks.toml").write_text(f"[security]\nrequire_jwt = true\n[[security.clients]]\n{client}")
    command = [sys.executable, "-c", "from cds_service.cli import main; main()", "serve", "--workers", "2"]
    with (tmp_path / "stderr").open("wb") as errors:
        process = subprocess.Popen(
            [*command, "--port", str(port), "--config", str(tmp_path / "osteohooks.toml")],
            stdout=subprocess.PIPE,
            stderr=errors,
            env=os.environ | {"OSTEOHOOKS__STORE__URL": f"sqlite:///{tmp_path}/store.db"},
        )
    assert process.stdout is not None
    assert b"OsteoHooks at" in process.stdout.readline(), (tmp_path / "stderr").read_text()
    yield port, process
    process.kill()
    process.communicate()


def test_of_many_calls_at_once_with_one_token_one_is_answered(two_workers, tmp_path):
    """Ten tokens, each eight times at once, every time on a connection of its own: 10 answers, 10 x 7 = 70 refusals."""
    port, process = two_workers
    used = [ehr.token(f"http://127.0.0.1:{port}{DISCOVERY}") for _ in range(10)]

    def call(token: str) -> int:
        connection = HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request("GET", DISCOVERY, headers={"Authorization": f"Bearer {token}"})
        status = connection.getresponse().status
        connection.close()
        return status

    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(call, [token for token in used for _ in range(8)]))
    assert (statuses.count(200), statuses.count(401)) == (10, 70)
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0
    log = (tmp_path / "stderr").read_text()
    assert [json.loads(line).get("why") for line in log.splitlines()].count(tokens.REPLAYED) == 70
    assert not [part for token in used for part in token.split(".")[1:] if part in log]


def test_without_the_store_nobody_is_let_in(folder, monkeypatch, caplog):
    """It cannot be told whether a token was used: an error of ours, which the caller may wait out."""
    service = create_app(settings(folder)).test_client()

    def broken(*_):
        raise StoreError("spend a token: OperationalError at connect, line 1")

    monkeypatch.setattr("cds_service.store.Store.spend", broken)
    token = ehr.token(GOOD)
    response = ask(service, token)
    assert (response.status_code, response.headers["Retry-After"]) == (503, "1")
    assert_not_logged(caplog, token)


def test_a_key_goes_and_another_comes(folder, caplog, refused, monkeypatch):
    """S5: the new key works as soon as a token names it, the old one no more, and no other address is asked."""
    monkeypatch.setattr(key_sources, "_PAUSE_S", 0.0)
    server = FhirServer("")
    try:
        jku = f"{server.base}/jwks.json"
        service = create_app(settings(folder, jwks_file="", jku=jku)).test_client()
        server.on("jwks.json", body(ehr.jwks(ehr.key("old"))))
        assert ask(service, ehr.token(GOOD, signed_with=ehr.key("old"), header={"jku": jku})).status_code == 200
        assert ask(service, ehr.token(GOOD, signed_with=ehr.key("old"))).status_code == 200
        assert len(server.asked) == 1
        server.on("jwks.json", body(ehr.jwks(ehr.key("new"))))
        assert ask(service, ehr.token(GOOD, signed_with=ehr.key("new"))).status_code == 200
        assert len(server.asked) == 2
        token = ehr.token(GOOD, signed_with=ehr.key("old"))
        assert refused(ask(service, token), token) == tokens.UNKNOWN_KID
        assert {path for path, _ in server.asked} == {"/jwks.json"}
        assert all("Authorization" not in headers for _, headers in server.asked)
    finally:
        server.close()


# --- Starting


@pytest.mark.parametrize("algorithm", ["none", "HS256", "HS384", "HS512", "PS384"])
def test_algorithms_that_prove_nothing_cannot_be_switched_on(folder, algorithm):
    """Also not by settings that were made in Python, where nobody has checked the words."""
    with pytest.raises(SettingsError, match=rf'algorithms\[1\]: found "{algorithm}", allowed: ES384, RS384'):
        create_app(settings(folder, security={"algorithms": ["ES384", algorithm]}))


def configured(folder, text: str) -> str:
    file = folder / "osteohooks.toml"
    file.write_text("[security]\nrequire_jwt = true\n" + text)
    return str(file)


CLIENT = "[[security.clients]]\nname = 'a'\niss = 'b'\n"


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (CLIENT, "security.clients[0]: found neither jwks_file nor jku, allowed: a file or an address"),
        (CLIENT + "jku = 'http://ehr.example.org/keys'", "security.clients[0].jku: found plain http beyond loopback"),
        (CLIENT + "jku = 'https://joan:hunter2@ehr.example.org/keys'", "security.clients[0].jku: found not an address"),
        (CLIENT + "jku = 'ehr'", "security.clients[0].jku: found not an address, allowed: https://host/path"),
        (CLIENT + "jwks_file = 'none.json'", 'none.json" (No such file or directory), allowed: a JWK Set'),
        (CLIENT + "jwks_file = 'text.json'", 'text.json" (not a JWK Set ({"keys": [...]})), allowed: a JWK Set'),
        (CLIENT + "jwks_file = 'empty.json'", 'empty.json" (no public RSA or EC key in it), allowed: a JWK Set'),
        (CLIENT + "jwks_file = 'private.json'", 'private.json" (a private key in it), allowed: a JWK Set'),
        (2 * (CLIENT + "jku = 'https://b/k'\n"), 'security.clients[1].iss: found "b" a second time, allowed: one'),
        ("algorithms = ['HS256']", 'security.algorithms[0]: found "HS256", allowed: "ES384", "RS384", "ES256"'),
        ("algorithms = []", "security.algorithms: found a list, allowed: a list of at least 1"),
        (CLIENT.replace("'b'", "''"), 'security.clients[0].iss: found "", allowed: a text of at least 1'),
        ("[store]\nurl = ''", "store.url: found nothing, allowed: a store, since security.require_jwt = true"),
    ],
)
@pytest.mark.parametrize(
    "command", [("config", "check"), ("serve", "--host", "0.0.0.0")], ids=["config check", "serve"]
)
def test_what_is_wrong_stops_the_start(folder, capsys, command, text, error):
    (folder / "text.json").write_text("hunter2")
    (folder / "empty.json").write_text('{"keys": [{"kty": "oct", "k": "aHVudGVyMg"}, {"kty": "OKP"}, {}]}')
    (folder / "private.json").write_text(json.dumps(ehr.jwks(ehr.key("es"), private=True)))
    with pytest.raises(SystemExit) as ended:
        main([*command, "--config", configured(folder, text)])
    printed = capsys.readouterr()
    assert (ended.value.code, printed.out) == (2, "")
    assert error in printed.err
    assert "hunter2" not in printed.err and "aHVudGVyMg" not in printed.err


def test_config_check_says_who_may_call(folder, capsys):
    file = configured(folder, CLIENT + "jwks_file = 'ehr.jwks.json'\n")
    with pytest.raises(SystemExit):
        main(["config", "check", "--config", file])
    assert "callers: a, with a token" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main(["config", "check", "--config", configured(folder, "")])
    assert "callers: nobody (no security.clients), with a token" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("host", "security", "starts"),
    [
        ("127.0.0.1", {}, True),
        ("localhost", {}, True),
        ("::1", {}, True),
        ("0.0.0.0", {}, False),
        ("::", {}, False),
        ("10.1.2.3", {}, False),
        ("cds.example.org", {}, False),
        ("0.0.0.0", {"insecure": "true"}, True),
        ("0.0.0.0", {"require_jwt": "true"}, True),
    ],
)
def test_beyond_loopback_only_with_tokens_or_a_word(tmp_path, monkeypatch, capsys, host, security, starts):
    """The start ends here where it would listen: what comes before it is what is tested."""
    monkeypatch.setenv("OSTEOHOOKS__STORE__URL", f"sqlite:///{tmp_path}/store.db")
    for key, value in security.items():
        monkeypatch.setenv(f"OSTEOHOOKS__SECURITY__{key.upper()}", value)
    listened = []
    monkeypatch.setattr("cds_service.commands.serve._check_free", lambda *_: None)
    monkeypatch.setattr("cds_service.server.run", lambda *_, **more: listened.append(more["host"]))
    with pytest.raises(SystemExit) as ended:
        main(["serve", "--host", host])
    assert (ended.value.code == 0, listened) == ((True, [host]) if starts else (False, []))
    if not starts:
        assert "security.require_jwt = true" in capsys.readouterr().err


def test_tokens_are_not_asked_for_unless_they_are_required(folder):
    service = create_app(settings(folder, security={"require_jwt": False})).test_client()
    assert service.get(DISCOVERY).status_code == 200


def test_nothing_secret_is_shown_of_the_settings(folder, capsys, monkeypatch):
    """A client's settings are public keys and names; the store's password is the one secret, and not shown."""
    monkeypatch.setenv("OSTEOHOOKS__STORE__URL", "postgresql+psycopg://joan:hunter2@db/osteo")
    file = configured(folder, CLIENT + "jwks_file = 'ehr.jwks.json'\n")
    assert "hunter2" not in repr(load_settings(file))
    with pytest.raises(SystemExit) as ended:
        main(["config", "show", "--config", file])
    out = capsys.readouterr().out
    assert ended.value.code == 0
    assert "hunter2" not in out and 'iss = "b"' in out
