"""Settings: defaults that are safe, and errors that name the key, what was found and what is allowed."""

from decimal import Decimal
from pathlib import Path

import pytest

from cds_service.settings import SettingsError, load_settings, shown


@pytest.fixture
def write(tmp_path):
    def write(text: str) -> Path:
        file = tmp_path / "osteohooks.toml"
        file.write_text(text, encoding="utf-8")
        return file

    return write


def test_no_file_is_needed():
    settings = load_settings(environ={})
    assert settings.server.language == "en"
    assert settings.server.allow_as_of is False
    assert settings.fhir.allow == []


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("[server]\nlanguage = 'fr'", 'server.language: found "fr", allowed: "en", "zh-Hans"'),
        ("[server]\nmax_body_bytes = 0", "server.max_body_bytes: found 0, allowed: a whole number of at least 1"),
        ("[server]\nallow_as_of = 'yes'", 'server.allow_as_of: found "yes", allowed: true or false'),
        ("server = 1", "server: found 1, allowed: a table"),
        ("[fhir]\nmax_page = 3", "fhir.max_page: found a key that is not known, allowed: allow, timeout_ms,"),
        ("[sever]\nport = 1", "sever: found a key that is not known, allowed: server, security, fhir, store,"),
        ("[fhir]\nallow = ['ftp://x']", 'fhir.allow[0]: found "ftp://x", allowed: an address beginning with "http://"'),
        ("[fhir]\nallow = ['http://x']", "fhir.allow[0]: found plain http beyond loopback, allowed: https://host/base"),
        ("[fhir]\nallow = ['https://a:b@x']", "fhir.allow[0]: found not an address, allowed: https://host/base"),
        ("[fhir]\nca_file = 'none.pem'", 'none.pem", allowed: a file of PEM certificates'),
        ("[security]\nalgorithms = ['none']", 'security.algorithms[0]: found "none", allowed: "ES384", "RS384"'),
        ("[[security.clients]]\nname = 'a'", "security.clients[0].iss: found nothing, allowed: name, iss"),
        (
            "[[security.clients]]\nname = 'a'\niss = 'b'",
            "security.clients[0]: found neither jwks_file nor jku, allowed",
        ),
        ("[server]\ntimezone = 'Mars/Base'", 'server.timezone: found "Mars/Base", allowed: a name such as "UTC"'),
        ("[server", "is not TOML"),
    ],
)
def test_an_error_says_the_key_what_was_found_and_what_is_allowed(write, text, error):
    with pytest.raises(SettingsError) as caught:
        load_settings(write(text), {})
    assert error in str(caught.value)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(SettingsError, match=r"none\.toml: cannot be read"):
        load_settings(tmp_path / "none.toml", {})


def test_the_environment_wins_over_the_file(write):
    file = write("[server]\nlanguage = 'zh-Hans'\ndeadline_ms = 500")
    environ = {
        "OSTEOHOOKS_CONFIG": str(file),
        "OSTEOHOOKS__SERVER__LANGUAGE": "en",
        "OSTEOHOOKS__SERVER__ALLOW_AS_OF": "true",
        "OSTEOHOOKS__FHIR__ALLOW": "https://a.example, https://b.example",
        "OSTEOHOOKS__ADVISORIES__OFF": "mirels",
        "OSTEOHOOKS__THRESHOLDS__CALCIUM_MILD_LOW": "2.6",
        "OSTEOHOOKS__THRESHOLDS__CALCIUM_BASIS": "total",
    }
    settings = load_settings(environ=environ)
    assert (settings.server.language, settings.server.deadline_ms, settings.server.allow_as_of) == ("en", 500, True)
    assert settings.fhir.allow == ["https://a.example", "https://b.example"]
    assert settings.advisories.off == ["mirels"]
    assert settings.thresholds == {"calcium_mild_low": Decimal("2.6"), "calcium_basis": "total"}


@pytest.mark.parametrize(
    ("variable", "value", "error"),
    [
        ("OSTEOHOOKS__SERVER", "1", "found no key. Write OSTEOHOOKS__SECTION__KEY"),
        ("OSTEOHOOKS__SERVER__DEADLINE_MS", "soon", 'server.deadline_ms: found "soon", allowed: a whole number'),
        ("OSTEOHOOKS__SERVER__COLOUR", "red", "server.colour: found a key that is not known"),
    ],
)
def test_a_wrong_variable_stops_the_start(variable, value, error):
    with pytest.raises(SettingsError) as caught:
        load_settings(environ={variable: value})
    assert error in str(caught.value)


def test_paths_are_meant_from_the_file(write, tmp_path):
    settings = load_settings(
        write("[codes]\nfolder = 'codes'\n[[security.clients]]\nname = 'a'\niss = 'b'\njwks_file = 'a.json'"), {}
    )
    assert settings.codes.folder == str(tmp_path / "codes")
    assert settings.security.clients[0].jwks_file == str(tmp_path / "a.json")


def test_a_password_is_never_shown():
    settings = load_settings(environ={"OSTEOHOOKS__STORE__URL": "postgresql+psycopg://joan:hunter2@db/osteo"})
    assert settings.store.url.endswith("joan:hunter2@db/osteo")
    assert "hunter2" not in repr(settings)
    assert shown(settings)["store"]["url"] == "postgresql+psycopg://joan:***@db/osteo"
    with pytest.raises(SettingsError) as caught:
        load_settings(environ={"OSTEOHOOKS__STORE__HASH_KEY": "hunter2"})
    assert "hunter2" not in str(caught.value)
