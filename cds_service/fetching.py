"""What a call lacks, fetched from the client's FHIR server: missing keys, further pages, referenced Medications.

All at once, until one deadline. What did not come by then stays unknown and is said; absence is concluded only from an
answer that came whole (docs/fetching.md says what counts as what).
"""

from __future__ import annotations

import logging
import os
import re
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from functools import cache
from urllib.parse import quote

import msgspec

from cds_service.addresses import Base, Refused, allowed
from cds_service.contents import CLIENT_ERROR, PAGE_NOT_FOLLOWED, Contents, gravest, read_contents
from cds_service.fhir_client import FETCH_FAILED, TIMEOUT, Allowance, FhirClient, Unfetched, Wire
from cds_service.referenced import MEDICATION, unresolved
from cds_service.request import HookRequest
from cds_service.settings import Settings
from fhir_mappings.finding import NOT_SUPPLIED, UNREADABLE, Why
from fhir_mappings.reading import UNDECODABLE, Supplied, relative

DEADLINE: Why = "deadline"

_log = logging.getLogger("osteohooks")
_THREADS = 64  # what the calls of one process fetch at once; those not needed are never made
_EVALUATION = 0.1  # the share of the deadline kept for reading what came, and for the rules
_MOST_MEDICATIONS = 32
_TOKEN = re.compile(r"{{(.+?)}}")


class Fetched(msgspec.Struct, frozen=True):
    """How the fetch of one key went: ``why`` it is not complete (None: it is), and what happened, in a fixed word fit
    for a log line or a counter (``cause``: "status 401"); how many ``pages`` came, and how long that took."""

    key: str
    why: Why | None
    cause: str = ""
    pages: int = 0
    milliseconds: int = 0


class FetchReport(msgspec.Struct, frozen=True):
    """Every fetch of one call. Nothing in it is a patient's or a client's value."""

    fetches: tuple[Fetched, ...] = ()

    def failures(self) -> list[dict[str, str]]:
        """What did not come whole, each once: ``{"key": "labs", "why": "fetch failed", "cause": "status 401"}``."""
        told = {(one.key, one.why, one.cause): None for one in self.fetches if one.why is not None}
        return [{"key": key, "why": str(why), "cause": cause} for key, why, cause in told]


class Fetcher:
    """What the calls of one process share: the allowed bases, the limits, the connections."""

    def __init__(self, settings: Settings) -> None:
        self.allowed = allowed(settings)
        self.client = FhirClient(timeout_s=settings.fhir.timeout_ms / 1000, ca_file=settings.fhir.ca_file)
        self.max_pages = settings.fhir.max_pages
        self.max_bytes = settings.server.max_body_bytes
        self._seconds = settings.server.deadline_ms / 1000 * (1 - _EVALUATION)

    def call(self, request: HookRequest, wanted: Mapping[str, str], begun: float) -> Fetch:
        """The fetching of one call that began at the monotonic time ``begun`` and needs the keys of ``wanted``."""
        return Fetch(self, request, wanted, until=begun + self._seconds)


class Fetch:
    """The fetching of one call. ``report`` says how it went, once it is complete."""

    def __init__(self, fetcher: Fetcher, request: HookRequest, wanted: Mapping[str, str], *, until: float) -> None:
        self.fetcher = fetcher
        self.request = request
        self.wanted = wanted
        self.until = until
        self.allowance = Allowance(fetcher.max_bytes)  # a fetch brings no more than a client may send
        self.report = FetchReport()

    def complete(self, came: dict[str, Contents]) -> dict[str, Contents]:
        """``came`` and what could be fetched. A null or an error of the client's is an answer, and is left as it is."""
        if self.request.fhir_server is None:
            return came
        missing = {key: self._fill(text) for key, text in self.wanted.items() if key not in came}
        missing = {key: address for key, address in missing.items() if address}
        following = {key: came[key] for key in self.wanted if key in came and came[key].next_page}
        try:
            base = self.fetcher.allowed.base(self.request.fhir_server)
        except Refused as refused:
            self._tell(Fetched(key, NOT_SUPPLIED, refused.cause) for key in missing)
            self._tell(Fetched(key, PAGE_NOT_FOLLOWED, refused.cause) for key in following)
            return came
        errands = [Errand(self, base, key, str(address)) for key, address in missing.items()]
        errands += [Errand(self, base, key, str(page.next_page), page) for key, page in following.items()]
        return self._with_medications(base, came | self._run(errands))

    def _with_medications(self, base: Base, came: dict[str, Contents]) -> dict[str, Contents]:
        """``came`` and the Medications it and the drafts refer to; one that does not come leaves its drug unknown."""
        if not any(key.startswith("medication-") for key in self.wanted):
            return came
        supplied = [one for contents in came.values() for one in contents.supplied]
        if (drafts := self.request.context.drafts) is not None:
            supplied += read_contents(drafts).supplied
        references = unresolved(supplied)[:_MOST_MEDICATIONS]
        return came | self._run([Errand(self, base, one, one, kind=MEDICATION) for one in references])

    def _fill(self, template: str) -> str | None:
        """The address a template means in this call, None when the call lacks one of its tokens."""
        values = {token: self.request.context.token(token) for token in _TOKEN.findall(template)}
        if None in values.values():
            return None
        return _TOKEN.sub(lambda found: quote(str(values[found[1]]), safe=""), template)

    def _run(self, errands: list[Errand]) -> dict[str, Contents]:
        """What all of them bring, at once, until the deadline; then those still waiting are hung up on."""
        running = {_threads(os.getpid()).submit(errand.run): errand for errand in errands}
        done, late = wait(running, timeout=max(0.0, self.until - time.monotonic()))
        for future in late:
            future.cancel()
            running[future].stop()
        for future in done:
            future.result()  # a server's failure ends here as an outcome; what is raised is a defect of ours
        brought = {errand.key: errand.outcome() for errand in errands}
        self._tell(fetched for _, fetched in brought.values())
        return {key: contents for key, (contents, _) in brought.items()}

    def _tell(self, fetches: Iterable[Fetched]) -> None:
        """Into the report, and what failed into the log: one line for each reason, with keys and no address."""
        fetches = sorted(fetches, key=lambda one: one.key)
        self.report = FetchReport((*self.report.fetches, *fetches))
        reasons: dict[tuple[str, str], dict[str, None]] = {}
        for one in fetches:
            if one.why is not None:
                reasons.setdefault((one.why, one.cause), {})[one.key] = None
        for (why, cause), keys in reasons.items():
            reason = why if cause == why else f"{why} ({cause})"
            _log.warning("not fetched, %s: %s", reason, ", ".join(keys))


class Errand:
    """One key being fetched in a thread of its own: the read of one resource, or a search page by page.

    ``first`` is the page that came with the call, ``address`` that of the next one. ``kind`` is the resource type.
    """

    def __init__(
        self, fetch: Fetch, base: Base, key: str, address: str, first: Contents | None = None, kind: str = ""
    ) -> None:
        self.key = key
        self._fetch = fetch
        self._base = base
        self._next: str | None = address
        self._kind = kind or re.split(r"[/?]", fetch.wanted[key], maxsplit=1)[0]
        self._is_search = first is not None or "?" in address
        self._pages = [first] if first is not None else []
        self._sent_along = len(self._pages)
        self._wire = Wire()
        self._why: Why | None = None
        self._cause = ""  # also of what did not end the errand
        self._begun = self._ended = time.monotonic()

    def run(self) -> None:
        """Until there is no further page, or something stands in the way."""
        try:
            seen: set[str] = set()
            while self._next is not None:
                address = self._base.within(self._next)
                if address in seen:
                    raise Unfetched("pages go in a circle", PAGE_NOT_FOLLOWED)
                if len(self._pages) >= self._fetch.fetcher.max_pages:
                    raise Unfetched("more pages than fhir.max_pages", PAGE_NOT_FOLLOWED)
                seen.add(address)
                page = self._read(self._get(address))
                self._pages.append(page)
                self._next = page.next_page
        except Refused as refused:
            self._fail(FETCH_FAILED, refused.cause)
        except Unfetched as unfetched:
            late = unfetched.cause == TIMEOUT and time.monotonic() >= self._fetch.until
            self._fail(DEADLINE if late else unfetched.why, DEADLINE if late else unfetched.cause)
        self._ended = time.monotonic()

    def stop(self) -> None:
        """Nobody waits any more."""
        self._wire.hang_up()

    def outcome(self) -> tuple[Contents, Fetched]:
        """What has come so far with the reason why it may not be all, and how it went."""
        pages, why, cause, ended = list(self._pages), self._why, self._cause, self._ended
        if self._wire.cut:
            why, cause, ended = DEADLINE, DEADLINE, time.monotonic()
        gap = _gap(pages, why)
        contents = Contents(
            [one for page in pages for one in page.supplied],
            gap,
            [patient for page in pages for patient in page.patients],
            "Bundle" if self._is_search else self._kind,
        )
        key = self.key if self.key in self._fetch.wanted else self._kind
        took = round(1000 * (ended - self._begun))
        return contents, Fetched(key, gap, cause or gap or "", len(pages) - self._sent_along, took)

    def _fail(self, why: Why, cause: str) -> None:
        self._why, self._cause = why, cause

    def _get(self, address: str) -> bytes:
        fetch = self._fetch
        token = fetch.request.authorization
        return fetch.fetcher.client.get(address, token, until=fetch.until, wire=self._wire, allowance=fetch.allowance)

    def _read(self, body: bytes) -> Contents:
        """One page, or the one resource. Raises Unfetched for anything else than what was asked for."""
        try:
            kind = msgspec.json.decode(body, type=_Typed).resource_type
        except UNDECODABLE:
            raise Unfetched("not FHIR JSON", UNREADABLE) from None
        if kind == "OperationOutcome":
            raise Unfetched("OperationOutcome")
        page = read_contents(msgspec.Raw(body))
        kinds = {one.kind for one in page.supplied}
        if kind != ("Bundle" if self._is_search else self._kind) or (kinds and self._kind not in kinds):
            raise Unfetched("wrong resource type", UNREADABLE)
        if any(_is_of_another(one, self._fetch.request.context.patient_id) for one in page.supplied):
            self._cause = "another patient's data"  # who mixes patients up cannot tell that one has none
            return msgspec.structs.replace(page, gap=FETCH_FAILED)
        return msgspec.structs.replace(page, gap=FETCH_FAILED) if page.gap == CLIENT_ERROR else page


def _gap(pages: list[Contents], stopped: Why | None) -> Why | None:
    """Why the pages may not be all there is, None when they are."""
    gaps = {page.gap for page in pages}
    if worst := FETCH_FAILED if FETCH_FAILED in gaps else gravest(gaps - {PAGE_NOT_FOLLOWED}):
        return worst
    if stopped is not None:
        return PAGE_NOT_FOLLOWED if pages and stopped != DEADLINE else stopped  # a page is an answer, if not the whole
    total = max((page.total or 0 for page in pages), default=0)
    return PAGE_NOT_FOLLOWED if total > sum(page.matches for page in pages) else None


@cache
def _threads(process: int) -> ThreadPoolExecutor:
    """The threads of this process: made when first needed, so never before a fork."""
    return ThreadPoolExecutor(_THREADS, thread_name_prefix="fetch")


class _Typed(msgspec.Struct, rename="camel"):
    resource_type: str | None = None


def _is_of_another(one: Supplied, patient_id: str) -> bool:
    """Whose it is, where that can be read; the readers name what they cannot."""
    owner = one.head.subject or one.head.patient if one.head is not None else None
    reference = relative(owner.reference) if owner and owner.reference else ""
    return reference.startswith("Patient/") and reference != f"Patient/{patient_id}"
