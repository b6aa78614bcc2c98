"""The settings: one TOML file, and environment variables ``OSTEOHOOKS__SECTION__KEY`` over it.

An unknown key or a wrong value stops the start with the key, what was found and what is allowed. ``[thresholds]`` is
passed on as it is: its keys belong to the tables of the advisories, and the catalogue checks them.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

import msgspec

from cds_service.addresses import Refused, parse_base

FILE_VARIABLE = "OSTEOHOOKS_CONFIG"
PREFIX = "OSTEOHOOKS__"
SQLITE = "sqlite:///"

Count = Annotated[int, msgspec.Meta(ge=0)]
Positive = Annotated[int, msgspec.Meta(ge=1)]
Url = Annotated[str, msgspec.Meta(pattern=r"^https?://[^\s/]")]
Word = Annotated[str, msgspec.Meta(min_length=1)]
Algorithm = Literal["ES384", "RS384", "ES256", "RS256"]  # "none" and HMAC prove nothing, and cannot be switched on


class SettingsError(Exception):
    """A setting is not right. The message says which, what was found, and what is allowed."""


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One table of the file."""


class Server(Section, frozen=True):
    base_url: Url = "http://127.0.0.1:8000"
    language: Literal["en", "zh-Hans"] = "en"
    cors_origins: list[str] = msgspec.field(default_factory=lambda: ["*"])
    max_body_bytes: Positive = 10 * 1024 * 1024
    deadline_ms: Positive = 2000
    timezone: str = "UTC"
    trusted_proxies: Count = 0
    allow_as_of: bool = False
    max_concurrent_calls: Positive = 28  # in one process; docs/decisions/0503-load.md

    @property
    def zone(self) -> tzinfo:
        return UTC if self.timezone == "UTC" else ZoneInfo(self.timezone)  # UTC needs no time zone database

    def today(self) -> date:
        """The day it is where the service's patients are (ruling 52)."""
        return datetime.now(self.zone).date()


class Client(Section, frozen=True):
    """One trusted caller. Its keys come from a file or from an address that is written here, never from a token.

    With both, the file holds the keys, and ``jku`` is only what its tokens may name.
    """

    name: Word
    iss: Word
    jwks_file: str = ""
    jku: str = ""
    audiences: list[str] = msgspec.field(default_factory=list)
    tenants: list[str] = msgspec.field(default_factory=list)


class Security(Section, frozen=True):
    require_jwt: bool = False
    insecure: bool = False
    algorithms: Annotated[list[Algorithm], msgspec.Meta(min_length=1)] = msgspec.field(
        default_factory=lambda: ["ES384", "RS384"]
    )
    leeway_s: Count = 60
    clients: list[Client] = msgspec.field(default_factory=list)


class Fhir(Section, frozen=True):
    allow: list[Url] = msgspec.field(default_factory=list)
    timeout_ms: Positive = 1500
    strict_412: bool = False
    max_pages: Positive = 10
    page_size: Positive = 200
    ca_file: str = ""


class Store(Section, frozen=True):
    url: str = "sqlite:///osteohooks.db"
    hash_key_file: str = ""

    @property
    def shown_url(self) -> str:
        """The address without its password."""
        return re.sub(r"(//[^:/@]*):[^@]*@", r"\1:***@", self.url)

    def __repr__(self) -> str:
        return f"Store(url={self.shown_url!r}, hash_key_file={self.hash_key_file!r})"


class Advisories(Section, frozen=True):
    off: list[str] = msgspec.field(default_factory=list)
    max_cards: Positive = 5


class Codes(Section, frozen=True):
    folder: str = ""


class Settings(Section, frozen=True):
    server: Server = Server()
    security: Security = Security()
    fhir: Fhir = Fhir()
    store: Store = Store()
    advisories: Advisories = Advisories()
    thresholds: dict[str, Any] = msgspec.field(default_factory=dict)
    codes: Codes = Codes()


def load_settings(path: str | Path | None = None, environ: Mapping[str, str] = os.environ) -> Settings:
    """The settings of the file (``path``, else the one ``OSTEOHOOKS_CONFIG`` names, else none) and the environment.

    Paths in the file are relative to the file. Raises SettingsError for the first thing that is wrong.
    """
    file = Path(path or environ.get(FILE_VARIABLE) or "")
    content = _read(file) if file.name else {}
    _put_paths_beside(content, file.parent)
    for variable, value in environ.items():
        if variable.startswith(PREFIX):
            _override(content, variable, value)
    return _convert(content)


def shown(settings: Settings) -> dict[str, Any]:
    """The settings as plain tables, fit to print: no password."""
    tables: dict[str, Any] = msgspec.to_builtins(settings)
    tables["store"]["url"] = settings.store.shown_url
    return tables


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"), parse_float=Decimal)
    except OSError as error:
        raise SettingsError(f"{file}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise SettingsError(f"{file}: is not a text in UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{file}: is not TOML: {error}") from None


def _put_paths_beside(content: dict[str, Any], folder: Path) -> None:
    """A path is meant from where the file stands, not from where the command was started."""
    store = content.get("store")
    if isinstance(store, dict) and isinstance(url := store.get("url"), str) and url.startswith(SQLITE):
        store["url"] = SQLITE + str(folder / url.removeprefix(SQLITE))
    for table, key in _path_cells(content):
        if isinstance(table.get(key), str) and table[key]:
            table[key] = str(folder / table[key])


def _path_cells(content: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str]]:
    for section, key in (("codes", "folder"), ("store", "hash_key_file"), ("fhir", "ca_file")):
        if isinstance(content.get(section), dict):
            yield content[section], key
    security = content.get("security")
    clients = security.get("clients") if isinstance(security, dict) else None
    for client in clients if isinstance(clients, list) else []:
        if isinstance(client, dict):
            yield client, "jwks_file"


def _override(content: dict[str, Any], variable: str, value: str) -> None:
    section, _, key = variable.removeprefix(PREFIX).lower().partition("__")
    if not key:
        raise SettingsError(
            f"{variable}: found no key. Write {PREFIX}SECTION__KEY, for example {PREFIX}SERVER__LANGUAGE"
        )
    table = content.setdefault(section, {})
    if isinstance(table, dict):
        table[key] = _value(section, key, value)


def _value(section: str, key: str, text: str) -> Any:
    """A variable's text as TOML would read it; words stay words, and a list may be written with commas."""
    wanted = _type_of(section, key)
    if wanted is str:
        return text
    try:
        value = tomllib.loads(f"value = {text}", parse_float=Decimal)["value"]
    except tomllib.TOMLDecodeError:
        value = text
    if wanted is list and not isinstance(value, list):
        return [part.strip() for part in text.split(",") if part.strip()]
    return value


def _type_of(section: str, key: str) -> type | None:
    for field in msgspec.structs.fields(Settings):
        if field.name == section and isinstance(field.type, type) and issubclass(field.type, Section):
            default = getattr(field.type(), key, None)
            return type(default) if default is not None else None
    return None


def _convert(content: dict[str, Any]) -> Settings:
    try:
        settings = msgspec.convert(content, Settings)
    except msgspec.ValidationError as error:
        raise SettingsError(_explained(str(error), content)) from None
    try:
        settings.server.today()
    except (KeyError, ValueError, OSError):
        raise SettingsError(
            f'server.timezone: found "{settings.server.timezone}", allowed: a name such as "UTC" or "Asia/Shanghai"'
        ) from None
    _check_clients(settings.security.clients)
    _check_fhir(settings.fhir)
    return settings


def _check_clients(clients: list[Client]) -> None:
    for place, client in enumerate(clients):
        setting = f"security.clients[{place}]"
        if client.iss in [other.iss for other in clients[:place]]:
            raise SettingsError(f'{setting}.iss: found "{client.iss}" a second time, allowed: one client an issuer')
        if not (client.jwks_file or client.jku):
            raise SettingsError(
                f"{setting}: found neither jwks_file nor jku, allowed: a file or an address of its JWK Set"
            )
        try:
            if client.jku:
                parse_base(client.jku.partition("?")[0])
        except Refused as refused:  # not quoted: it may hold a password
            raise SettingsError(
                f"{setting}.jku: found {refused.cause}, allowed: https://host/path, or http on this machine"
            ) from None


def _check_fhir(fhir: Fhir) -> None:
    for place, text in enumerate(fhir.allow):
        try:
            parse_base(text)
        except Refused as refused:  # not quoted: it may hold a password
            raise SettingsError(
                f"fhir.allow[{place}]: found {refused.cause}, allowed: https://host/base, or http on this machine"
            ) from None
    if fhir.ca_file and not Path(fhir.ca_file).is_file():
        raise SettingsError(f'fhir.ca_file: found "{fhir.ca_file}", allowed: a file of PEM certificates')


def _explained(message: str, content: dict[str, Any]) -> str:
    """A msgspec message as: the key, what was found, what is allowed."""
    what, _, where = message.partition(" - at `$")
    place = where.strip("`").lstrip(".").replace("[...]", "")
    if (unknown := re.search(r"unknown field `(.+?)`", what)) is not None:
        key = f"{place}.{unknown[1]}".lstrip(".")
        return f"{key}: found a key that is not known, allowed: {', '.join(_keys(place))}"
    if (absent := re.search(r"missing required field `(.+?)`", what)) is not None:
        return f"{place}.{absent[1]}: found nothing, allowed: {', '.join(_keys(place))}"
    return f"{place}: found {_found(content, place)}, allowed: {_allowed(what, place)}"


def _keys(place: str) -> list[str]:
    struct: type = {"": Settings, "security.clients": Client}.get(re.sub(r"\[\d+\]", "", place), Settings)
    if struct is Settings and place:
        struct = type(getattr(Settings(), place))
    return [field.name for field in msgspec.structs.fields(struct)]


def _found(content: dict[str, Any], place: str) -> str:
    value: Any = content
    for part in re.findall(r"[^.\[\]]+", place):
        value = value[int(part)] if isinstance(value, list) else value[part]
    return "a table" if isinstance(value, dict) else "a list" if isinstance(value, list) else _toml(value)


def _toml(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else f'"{value}"' if isinstance(value, str) else str(value)


def _allowed(what: str, place: str) -> str:
    if "enum value" in what:
        return {"server.language": '"en", "zh-Hans"'}.get(place, '"ES384", "RS384", "ES256", "RS256"')
    expected = re.search(r"Expected `(\w+)`( of length)?(.*)", what)
    if expected is None:
        return what
    if "matching regex" in what:
        return 'an address beginning with "http://" or "https://"'
    names = {"int": "a whole number", "str": "a text", "bool": "true or false", "array": "a list", "object": "a table"}
    limit = re.search(r">= (\d+)", what)
    return names.get(expected[1], expected[1]) + (f" of at least {limit[1]}" if limit else "")
