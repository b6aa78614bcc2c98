"""Which callers are trusted: what the settings say of a client, where its keys come from, what stops the start."""

import json
import os
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection

import pytest

from cds_service import jwks as key_sources
from cds_service import tokens
from cds_service.app import create_app
from cds_service.cli import main
from cds_service.settings import SettingsError, load_settings
from cds_service.store import StoreError
from tests import ehr
from tests.ehr import BASE, DISCOVERY, GOOD, ask
from tests.fhir_server import FhirServer, body


def test_listed_audiences(trust, refused):
    service = create_app(ehr.trusting(trust, audiences=["urn:osteohooks"])).test_client()
    assert ask(service, ehr.token("urn:osteohooks")).status_code == 200
    assert ask(service, ehr.token(GOOD)).status_code == 200
    token = ehr.token("urn:another")
    assert refused(ask(service, token), token) == tokens.AUDIENCE


@pytest.mark.parametrize(("tenant", "status"), [("north", 200), ("south", 200), ("west", 401), (None, 401)])
def test_listed_tenants(trust, tenant, status):
    service = create_app(ehr.trusting(trust, tenants=["north", "south"])).test_client()
    assert ask(service, ehr.token(GOOD, tenant=tenant)).status_code == status


def test_a_jku_beside_a_file_is_what_tokens_may_name(trust, refused):
    """The reference sandbox names an address that nobody can reach: it is never called."""
    jku = "https://sandbox.example.org/.well-known/jwks.json"
    service = create_app(ehr.trusting(trust, jku=jku)).test_client()
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
def test_the_url_called_behind_a_proxy(trust, proxies, host, aud, status):
    service = create_app(ehr.trusting(trust, server={"trusted_proxies": proxies})).test_client()
    headers = {"X-Forwarded-Host": host, "X-Forwarded-Proto": "https"}
    assert ask(service, ehr.token(aud + DISCOVERY), headers=headers).status_code == status


def test_the_host_a_caller_names_is_no_audience(trust, refused):
    """A token for another service is not made ours by calling us by the other's name."""
    service = create_app(ehr.trusting(trust)).test_client()
    token = ehr.token(f"https://other.example.org{DISCOVERY}")
    assert refused(ask(service, token, base_url="https://other.example.org"), token) == tokens.AUDIENCE


def test_two_workers_share_what_was_used(trust):
    """Two applications on one store, as two workers have them."""
    first, second = (create_app(ehr.trusting(trust, store="shared.db")).test_client() for _ in range(2))
    token = ehr.token(GOOD)
    assert [ask(worker, token).status_code for worker in (first, second, first)] == [200, 401, 401]


@pytest.fixture
def two_workers(trust, tmp_path):
    """The port of a real service with two workers, and its process; what it logs is in ``stderr``."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    client = f"name = 'ehr'\niss = '{ehr.ISS}'\njwks_file = '{trust}/ehr.jwks.json'\n"
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


def test_without_the_store_nobody_is_let_in(trust, monkeypatch, not_logged):
    """It cannot be told whether a token was used: an error of ours, which the caller may wait out."""
    service = create_app(ehr.trusting(trust)).test_client()

    def broken(*_):
        raise StoreError("spend a token: OperationalError at connect, line 1")

    monkeypatch.setattr("cds_service.store.Store.spend", broken)
    token = ehr.token(GOOD)
    response = ask(service, token)
    assert (response.status_code, response.headers["Retry-After"]) == (503, "1")
    not_logged(token)


def test_a_key_goes_and_another_comes(trust, refused, monkeypatch):
    """S5: the new key works as soon as a token names it, the old one no more, and no other address is asked."""
    monkeypatch.setattr(key_sources, "_PAUSE_S", 0.0)
    server = FhirServer("")
    try:
        jku = f"{server.base}/jwks.json"
        service = create_app(ehr.trusting(trust, jwks_file="", jku=jku)).test_client()
        server.on("jwks.json", body(ehr.jwks(ehr.key("old"))))
        assert ask(service, ehr.token(GOOD, signed_with=ehr.key("old"), header={"jku": jku})).status_code == 200
        assert ask(service, ehr.token(GOOD, signed_with=ehr.key("old"))).status_code == 200
        assert ask(service, ehr.token(GOOD, signed_with=ehr.key("new"), exp=1)).status_code == 401
        assert len(server.asked) == 1  # words alone can be refused without asking anyone
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
def test_algorithms_that_prove_nothing_cannot_be_switched_on(trust, algorithm):
    """Also not by settings that were made in Python, where nobody has checked the words."""
    with pytest.raises(SettingsError, match=rf'algorithms\[1\]: found "{algorithm}", allowed: ES384, RS384'):
        create_app(ehr.trusting(trust, security={"algorithms": ["ES384", algorithm]}))


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
def test_what_is_wrong_stops_the_start(trust, capsys, command, text, error):
    (trust / "text.json").write_text("hunter2")
    (trust / "empty.json").write_text('{"keys": [{"kty": "oct", "k": "aHVudGVyMg"}, {"kty": "OKP"}, {}]}')
    (trust / "private.json").write_text(json.dumps(ehr.jwks(ehr.key("es"), private=True)))
    with pytest.raises(SystemExit) as ended:
        main([*command, "--config", configured(trust, text)])
    printed = capsys.readouterr()
    assert (ended.value.code, printed.out) == (2, "")
    assert error in printed.err
    assert "hunter2" not in printed.err and "aHVudGVyMg" not in printed.err


def test_config_check_says_who_may_call(trust, capsys):
    file = configured(trust, CLIENT + "jwks_file = 'ehr.jwks.json'\n")
    with pytest.raises(SystemExit):
        main(["config", "check", "--config", file])
    assert "callers: a, with a token" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main(["config", "check", "--config", configured(trust, "")])
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


def test_tokens_are_not_asked_for_unless_they_are_required(trust):
    service = create_app(ehr.trusting(trust, security={"require_jwt": False})).test_client()
    assert service.get(DISCOVERY).status_code == 200


def test_nothing_secret_is_shown_of_the_settings(trust, capsys, monkeypatch):
    """A client's settings are public keys and names; the store's password is the one secret, and not shown."""
    monkeypatch.setenv("OSTEOHOOKS__STORE__URL", "postgresql+psycopg://joan:hunter2@db/osteo")
    file = configured(trust, CLIENT + "jwks_file = 'ehr.jwks.json'\n")
    assert "hunter2" not in repr(load_settings(file))
    with pytest.raises(SystemExit) as ended:
        main(["config", "show", "--config", file])
    out = capsys.readouterr().out
    assert ended.value.code == 0
    assert "hunter2" not in out and 'iss = "b"' in out
