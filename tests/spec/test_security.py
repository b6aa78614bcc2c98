"""Security, clause by clause (S1 to S7). What a token may get wrong is in tests/cds_service/test_security.py."""

import json
import logging
import time
from uuid import uuid4

import pytest

from cds_service.app import create_app
from cds_service.settings import Client, Security, Server, Settings, Store
from tests import ehr
from tests.spec.wire import Discovery, OperationOutcome, read

BASE = "https://osteohooks.example.org"
CALL = "/cds-services/fracture-risk-patient-view"
FEEDBACK = f"{CALL}/feedback"
ENDPOINTS = [("GET", "/cds-services"), ("POST", CALL), ("POST", FEEDBACK)]
EXTRA = "https://hooks.hospital.example.org/cds"


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    """The service as one EHR may call it, with tokens for one of two organisations."""
    folder = tmp_path_factory.mktemp("guarded")
    keys = ehr.jwks(ehr.key("es"), ehr.key("rs", "RS384"))
    (folder / "ehr.jwks.json").write_text(json.dumps(keys))
    trusted = Client(
        name="ehr",
        iss=ehr.ISS,
        jwks_file=str(folder / "ehr.jwks.json"),
        audiences=[EXTRA],
        tenants=["north", "south"],
    )
    return create_app(
        Settings(
            server=Server(base_url=BASE),
            security=Security(require_jwt=True, clients=[trusted]),
            store=Store(url=f"sqlite:///{folder}/store.db"),
        )
    ).test_client()


@pytest.fixture
def ask(guarded, example):
    """One request with a token: the changed one, else one that is good for the address called."""

    def ask(path="/cds-services", method="GET", *, aud=None, bare=False, **changes):
        token = ehr.token(aud or BASE + path, **({"tenant": "north"} | changes))
        headers = {} if bare else {"Authorization": f"Bearer {token}"}
        return guarded.open(path, method=method, headers=headers, json=None if method == "GET" else example.request())

    return ask


# --- S1, S2: whoever calls


def test_s1_a_fhir_server_is_called_over_tls(serve, example):
    """Everything goes over TLS: a FHIR server with plain http is refused wherever it is not this machine itself."""
    client = serve()
    request = example.request(prefetch={"patient": example.patient}, fhirServer="http://fhir.example.org/r4")
    told = client.post(example.mirels, json=request).get_json()["extension"]["org.osteohooks.evaluation"]
    assert {one["cause"] for one in told["notFetched"]} == {"plain http beyond loopback"}


@pytest.mark.parametrize(("method", "path"), ENDPOINTS)
def test_s2_every_endpoint_wants_a_token(ask, method, path):
    """Discovery, calls and feedback carry Authorization: Bearer <JWT>; without one the answer is 401."""
    assert ask(path, method, bare=True).status_code == 401
    assert ask(path, method).status_code in (200, 400, 412)  # let in, and then judged by what it says


def test_s2_and_nothing_else_under_it_either(ask):
    """A caller without a token does not learn which services there are."""
    assert ask("/cds-services/no-such-service", "POST", bare=True).status_code == 401
    assert ask("/cds-services/no-such-service", "POST").status_code == 404


def test_d5_discovery_may_want_a_token(ask):
    """Discovery may ask for authentication: with a token it answers as ever."""
    assert ask(bare=True).status_code == 401
    assert read(ask().data, Discovery).services


# --- S3: what a token says


@pytest.mark.parametrize("alg", ["ES384", "RS384"])
def test_s3_the_token_of_the_specification(ask, alg):
    """Header alg, kid and typ JWT; claims iss, aud, exp, iat and jti, with a tenant: accepted."""
    assert ask(signed_with=ehr.key("es" if alg == "ES384" else "rs", alg)).status_code == 200


@pytest.mark.parametrize("name", ["iss", "aud", "exp", "iat", "jti"])
def test_s3_every_claim_is_required(guarded, name):
    """iss, aud, exp, iat and jti are required."""
    token = ehr.token(BASE + "/cds-services", tenant="north", **{name: None}) if name != "aud" else None
    if token is None:
        token = ehr.token([], tenant="north")
    assert guarded.get("/cds-services", headers={"Authorization": f"Bearer {token}"}).status_code == 401


@pytest.mark.parametrize("name", ["kid", "typ"])
def test_s3_kid_and_typ_are_required(ask, name):
    """kid says which key, typ is JWT."""
    assert ask(header={name: None}).status_code == 401


def test_s3_aud_is_a_text_or_a_list(ask):
    """aud holds the address called, alone or in a list."""
    assert ask(aud=["https://elsewhere.example.org", BASE + "/cds-services"]).status_code == 200
    assert ask(aud=["https://elsewhere.example.org"]).status_code == 401


@pytest.mark.parametrize(("method", "path"), ENDPOINTS)
def test_s3_aud_is_the_address_that_is_called(ask, method, path):
    """A token for one endpoint opens no other."""
    for _, other in ENDPOINTS:
        if other != path:
            assert ask(path, method, aud=BASE + other).status_code == 401


# --- S4, S5: what is accepted


@pytest.mark.parametrize("alg", ["none", "HS256", "HS384", "HS512"])
def test_s4_none_and_hmac_are_refused(guarded, alg):
    """none and every HMAC prove nothing between two parties: refused, whatever they are made with."""
    header = {"alg": alg, "kid": "rs", "typ": "JWT"}
    secret = ehr.key("rs", "RS384").as_pem(private=False)
    claims = ehr.claims(BASE + "/cds-services", tenant="north")
    token = ehr.forged(header, claims, b"" if alg == "none" else None, secret=secret)
    assert guarded.get("/cds-services", headers={"Authorization": f"Bearer {token}"}).status_code == 401


def test_s4_a_client_may_have_an_audience_of_its_own(ask):
    """Some EHRs have one audience written by hand for the whole site: a listed one is as good as the address called."""
    assert ask(aud=EXTRA, sub="a-user", nbf=int(time.time())).status_code == 200


@pytest.mark.parametrize(
    "wrong",
    [
        {"iss": "https://elsewhere.example.org"},
        {"aud": "https://elsewhere.example.org/cds-services"},
        {"exp": int(time.time()) - 3600},
        {"iat": int(time.time()) + 3600},
        {"tenant": "west"},
        {"tenant": None},
        {"signed_with": ehr.key("another")},
        {"header": {"jku": "https://elsewhere.example.org/jwks.json"}},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_s5_every_check_fails_to_the_same_401(ask, caplog, wrong):
    """iss, aud, exp, iat, tenant, key: whichever is wrong, the answer is one bare 401, and the log says why."""
    caplog.set_level(logging.INFO)
    response = ask(**wrong)
    bare = ask(bare=True)
    assert (response.status_code, response.data) == (401, bare.data)
    assert read(response.data, OperationOutcome).issue[0].code == "login"
    assert "token refused" in caplog.text


def test_s5_a_token_is_good_once(ask):
    """jti is used once; the second request with it is a replay."""
    jti = str(uuid4())
    assert [ask(jti=jti).status_code for _ in range(2)] == [200, 401]


def test_s5_no_token_is_logged(guarded, caplog):
    """A token stands in no log; who it says it is from may."""
    caplog.set_level(logging.DEBUG)
    token = ehr.token(BASE + "/cds-services", tenant="west")
    guarded.get("/cds-services", headers={"Authorization": f"Bearer {token}"})
    everything = "".join(str(record.__dict__) for record in caplog.records)
    assert not [part for part in token.split(".") if part in everything]


# --- S6, S7


def test_s6_a_browser_may_ask_first(client, example):
    """A client that runs in a browser asks with OPTIONS for authorization and content-type, and may read the answer."""
    asking = {"Origin": "https://ehr.example.org", "Access-Control-Request-Method": "POST"}
    response = client.options(example.mirels, headers=asking)
    allowed = response.headers["Access-Control-Allow-Headers"].split(", ")
    assert response.status_code == 204 and {"authorization", "content-type"} <= set(allowed)
    assert client.get("/cds-services", headers=asking).headers["Access-Control-Allow-Origin"] == "*"


def test_s6_a_preflight_needs_no_token(guarded):
    """Browsers send no token with the question whether they may send one."""
    asking = {"Origin": "https://ehr.example.org", "Access-Control-Request-Method": "POST"}
    assert guarded.options(CALL, headers=asking).status_code == 204


def test_s6_origins_are_a_setting(serve):
    """Who may call from a browser is for the site to say."""
    client = serve(server__cors_origins="https://ehr.example.org")
    for origin, allowed in (("https://ehr.example.org", "https://ehr.example.org"), ("https://e.example.org", None)):
        response = client.get("/cds-services", headers={"Origin": origin})
        assert response.headers.get("Access-Control-Allow-Origin") == allowed


def test_s7_every_extension_is_an_object_under_a_name_of_ours(client, example, complete):
    """The value of an extension is a JSON object, and its key a reverse domain name."""
    prefetch = complete(conditions=example.searchset(example.metastasis), lesions=example.searchset(example.lesion))
    told = client.post(example.mirels, json=example.request(prefetch=prefetch)).get_json()
    extensions = [told["extension"], *(card["extension"] for card in told["cards"] if "extension" in card)]
    assert len(extensions) > 1
    for extension in extensions:
        assert all(key.startswith("org.osteohooks.") and isinstance(extension[key], dict) for key in extension)


def test_s7_who_called_is_in_the_log_and_no_patient(guarded, example, caplog):
    """Access can be audited: each request leaves a line with its id, service and status, and no value of a patient."""
    caplog.set_level(logging.INFO)
    token = ehr.token(BASE + CALL, tenant="north")
    request = example.request(prefetch={"patient": {**example.patient, "id": "p-4711"}})
    request["context"]["patientId"] = "p-4711"
    response = guarded.post(CALL, json=request, headers={"Authorization": f"Bearer {token}"})
    lines = [record for record in caplog.records if record.message == "request"]
    assert response.status_code == 200 and len(lines) == 1
    assert (lines[0].service, lines[0].status) == ("fracture-risk-patient-view", 200)
    assert response.headers["X-Request-Id"]
    assert "4711" not in "".join(str(record.__dict__) for record in caplog.records)
