"""A client's keys: asked for when they must be, and not more often; what comes is taken with care."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from joserfc.jwk import RSAKey

from cds_service import jwks
from cds_service.jwks import AddressKeys, KeysError, asking, read_keys
from cds_service.settings import Settings
from tests import ehr
from tests.fhir_server import FhirServer, body


class Address:
    """What is at an address: a key set, or None while it does not answer. ``now`` is the time of the test."""

    def __init__(self, *kids: str) -> None:
        self.kids: tuple[str, ...] | None = kids
        self.now = 1000.0
        self.asked = 0
        self.keys = AddressKeys("ehr", self.answer, lambda: self.now)

    def answer(self) -> bytes:
        self.asked += 1
        if self.kids is None:
            raise KeysError("status 503")
        return json.dumps(ehr.jwks(*map(ehr.key, self.kids))).encode()

    def current(self, kid: str) -> list[str | None]:
        """The kids there are for a token that names ``kid``, once whoever was sent for more has come back."""
        found = [key.kid for key in self.keys.current(kid)]
        if self.keys._asking is not None:
            self.keys._asking.join(60)
        return found


def test_asked_once_while_fresh():
    address = Address("a")
    assert address.asked == 0  # nothing before the first token
    for address.now in (1000.0, 1300.0, 1599.0):  # 1000 + 600 s = 1600
        assert address.current("a") == ["a"]
    assert address.asked == 1


def test_old_keys_are_used_while_new_ones_come():
    address = Address("a")
    address.current("a")
    address.kids = ("b",)
    address.now = 1600.0
    assert address.current("a") == ["a"]  # nobody waits
    assert address.current("a") == ["b"]
    assert address.asked == 2


def test_an_unknown_kid_is_waited_for_and_not_more_often_than_every_ten_seconds():
    address = Address("a")
    address.current("a")
    address.kids = ("a", "b")
    address.now = 1009.0
    assert address.current("b") == ["a"]
    address.now = 1010.0
    assert address.current("b") == ["a", "b"]
    assert address.current("c") == ["a", "b"]
    assert address.asked == 2


def test_keys_outlive_a_silent_address_by_an_hour(caplog):
    address = Address("a")
    address.current("a")
    address.kids = None
    address.now = 1000.0 + 3599
    assert address.current("a") == ["a"]
    address.now = 1000.0 + 3600
    with pytest.raises(KeysError, match="could not be fetched"):
        address.current("a")
    assert {(record.client, record.why) for record in caplog.records} == {("ehr", "status 503")}


def test_an_address_that_comes_back_is_used_after_the_pause():
    address = Address("a")
    address.kids = None
    with pytest.raises(KeysError):
        address.current("a")
    address.kids = ("a",)
    with pytest.raises(KeysError):
        address.current("a")
    address.now += 10
    assert address.current("a") == ["a"]
    assert address.asked == 2


def test_many_at_once_ask_once():
    """Eight tokens before the first answer: one question, and every one of them gets its keys."""
    go, address = threading.Event(), Address("a")
    answer = address.keys._ask

    def slow() -> bytes:
        go.wait(60)
        return answer()

    address.keys._ask = slow
    with ThreadPoolExecutor(8) as pool:
        waiting = [pool.submit(address.keys.current, "a") for _ in range(8)]
        go.set()
        assert [[key.kid for key in one.result(60)] for one in waiting] == [["a"]] * 8
    assert address.asked == 1


# --- What comes


@pytest.fixture
def server():
    server = FhirServer("")
    yield server
    server.close()


def test_how_an_address_is_asked(server):
    server.on("keys", body(ehr.jwks(ehr.key("a"))))
    assert read_keys(asking(Settings())(f"{server.base}/keys?tenant=1")).get_by_kid("a")
    ((path, headers),) = server.asked
    assert path == "/keys?tenant=1"
    assert headers["Accept"].startswith("application/json")


@pytest.mark.parametrize(
    ("way", "why"),
    [
        (body(b"{}", 302, Location="http://localhost:9/keys"), "redirect"),
        (body(b"{}", 404), "status 404"),
        (body(b" " * (jwks._MOST_BYTES + 1)), "too large"),
    ],
)
def test_what_an_address_may_not_do(server, way, why):
    server.on("keys", way)
    with pytest.raises(KeysError, match=why):
        asking(Settings())(f"{server.base}/keys")


def test_a_name_that_leads_to_a_forbidden_machine():
    with pytest.raises(KeysError, match="forbidden machine"):
        asking(Settings())("https://169.254.169.254/keys")


@pytest.mark.parametrize("content", ["", "[]", '{"keys": {}}', '{"keys": [1]}', "[" * 5000, '"\\ud800"'])
def test_what_is_no_key_set(content):
    with pytest.raises(KeysError, match="not a JWK Set"):
        read_keys(content.encode())


@pytest.mark.parametrize(
    "key",
    [
        {"kty": "oct", "k": "aHVudGVyMg", "kid": "a"},
        {"kty": "EC", "crv": "P-999", "x": "AA", "y": "AA"},
        {"kty": "EC", "crv": "P-384", "x": "AA", "y": "AA"},
        {"kty": "RSA", "n": 5, "e": "AQAB"},
        {"kty": "RSA", "n": "AQAB", "e": "AQAB"},
        {"kty": ["RSA"]},
        {"use": "sig"},
    ],
)
def test_a_key_that_is_none_is_passed_over(key):
    usable = ehr.key("a").as_dict(private=False)
    assert [one.kid for one in read_keys(json.dumps({"keys": [key, usable]}).encode())] == ["a"]
    with pytest.raises(KeysError, match="no public RSA or EC key"):
        read_keys(json.dumps({"keys": [key]}).encode())


@pytest.mark.filterwarnings("ignore:Key size")
def test_a_short_key_is_passed_over():
    with pytest.raises(KeysError, match="no public RSA or EC key"):
        read_keys(json.dumps(ehr.jwks(RSAKey.generate_key(1024))).encode())


def test_a_private_key_is_no_proof_of_anything():
    with pytest.raises(KeysError, match="a private key"):
        read_keys(json.dumps(ehr.jwks(ehr.key("a"), private=True)).encode())


def test_a_key_for_encryption_checks_no_signature():
    """It is in the set, and joserfc does not choose it for a signature."""
    for_encryption = ehr.key("a").as_dict(private=False) | {"use": "enc"}
    keys = read_keys(json.dumps({"keys": [for_encryption]}).encode())
    assert [key.kid for key in keys] == ["a"]
    with pytest.raises(Exception, match="No key for kid"):
        keys.get_by_kid("a", {"use": "sig"})
