"""The memory of a patient that does not know who it is: keyed hashes of what was said, looked up in the store.

A hash is HMAC-SHA256 of the FHIR server, the patient's id, the advisory, its band and its inputs. Without the key file
nobody can tell from the store whose card it was; with it, only by guessing all of these.
"""

from __future__ import annotations

import hmac
import os
import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from cards.answer import Shown
from cards.imprint import VERSION
from cards.memory import AFTER_CRITICAL_OVERRIDE, AFTER_OVERRIDE, Override, Past, Said
from cds_service.request import HookRequest
from cds_service.settings import Settings, SettingsError
from cds_service.store import ShownRow, Store, StoreError, failed

_KEY_BYTES = 32


def key_file(settings: Settings, store: Store) -> Path:
    """Where the key is: as it is set, else beside the SQLite file. Raises SettingsError."""
    if settings.store.hash_key_file:
        return Path(settings.store.hash_key_file)
    if store.is_file:
        return Path(store.url.database or "").with_suffix(".key")
    raise SettingsError(
        "store.hash_key_file: found nothing, allowed: a file that is the same on every machine "
        "(it is made on first start; copy it from there)"
    )


def read_key(file: Path) -> bytes:
    """The key in the file; made, for its owner's eyes only, when there is none. Raises SettingsError."""
    try:
        if not file.exists():
            _make_key(file)
        key = bytes.fromhex(file.read_text("ascii"))
    except OSError as error:
        raise SettingsError(f"store.hash_key_file: {file} cannot be read or made ({error.strerror})") from None
    except ValueError:
        key = b""
    if len(key) < _KEY_BYTES:
        raise SettingsError(f"store.hash_key_file: {file} is not a key of {2 * _KEY_BYTES} hexadecimal digits")
    return key


def _make_key(file: Path) -> None:
    """Whole or not at all, and never over another's: of several processes that start at once, one makes it."""
    draft = file.with_name(f"{file.name}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as out:
            out.write(secrets.token_hex(_KEY_BYTES))
            out.flush()
            os.fsync(out.fileno())
        os.link(draft, file)
    except FileExistsError:
        pass
    finally:
        draft.unlink(missing_ok=True)


class Suppression:
    """Everything a process needs to remember: the store, the key, and how far back an override may count."""

    def __init__(self, store: Store, key: bytes, longest: timedelta) -> None:
        self.store = store
        self.longest = longest
        self._key = key

    @classmethod
    def of(cls, store: Store, settings: Settings, thresholds: Mapping[str, Any]) -> Suppression:
        """``thresholds``: those in force. Raises SettingsError when the key can be neither read nor made."""
        days, hours = int(thresholds[AFTER_OVERRIDE]), int(thresholds[AFTER_CRITICAL_OVERRIDE])
        longest = max(timedelta(days=days), timedelta(hours=hours))
        return cls(store, read_key(key_file(settings, store)), longest)

    def memory(self, asked: HookRequest) -> PatientMemory:
        """The memory of a call's patient, who is one only together with the FHIR server that calls them so."""
        server = (asked.fhir_server or "").rstrip("/")
        return PatientMemory(self, (server, asked.context.patient_id), asked.hook_instance)

    def hash(self, *parts: str) -> str:
        return hmac.digest(self._key, msgspec.json.encode(parts), "sha256").hex()


class PatientMemory:
    """What was said about one patient: a ``cards.memory.Memory``. A store that fails is one that remembers nothing."""

    def __init__(self, suppression: Suppression, patient: tuple[str, str], hook_instance: str) -> None:
        self._all = suppression
        self._patient = patient
        self._hook_instance = hook_instance

    def recall(self, said: Sequence[Said]) -> list[Past]:
        """What is remembered of each. What this call itself showed does not count: sent again, it says the same."""
        now = datetime.now(UTC)
        fingerprints = [self._fingerprint(one) for one in said]
        limited = [self._occasion(one) for one in said if one.limited]
        try:
            overrides = self._all.store.overrides(fingerprints, now - self._all.longest)
            shown = self._all.store.last_shown(limited, before=self._hook_instance) if limited else {}
        except StoreError as error:
            failed("recall", error)
            return [Past() for _ in said]
        pasts = []
        for one, fingerprint in zip(said, fingerprints, strict=True):
            times = {inputs: at for (occasion, inputs), at in shown.items() if occasion == self._occasion(one)}
            same = times.get(fingerprint)
            pasts.append(
                Past(
                    overrides=[
                        Override(row.indicator, now - row.at) for row in overrides if row.fingerprint == fingerprint
                    ],
                    said=now - max(times.values()) if times else None,
                    said_same=now - same if same is not None else None,
                )
            )
        return pasts

    def keep(self, service: str, cards: Sequence[Shown]) -> None:
        """Has the cards that are returned recorded. The answer goes out at once, whatever becomes of that."""
        now = datetime.now(UTC)
        rows = [
            ShownRow(
                card=shown.card,
                advisory=shown.said.advisory,
                version=VERSION,
                band=shown.said.band,
                indicator=shown.said.indicator,
                service=service,
                hook_instance=self._hook_instance,
                shown_at=now,
                occasion=self._occasion(shown.said),
                fingerprint=self._fingerprint(shown.said),
            )
            for shown in cards
        ]
        self._all.store.record(rows)

    def _occasion(self, said: Said) -> str:
        return self._all.hash(*self._patient, said.advisory, said.band)

    def _fingerprint(self, said: Said) -> str:
        return self._all.hash(*self._patient, said.advisory, said.band, said.inputs)
