"""The bytes of a request, never more than allowed: declared, chunked or inflated (a client may send gzip)."""

from __future__ import annotations

import zlib

from flask import Request
from gunicorn.http.errors import ParseException
from werkzeug.exceptions import HTTPException

from cds_service.errors import Refusal

_GZIP = 31  # zlib's window bits for a gzip stream


def read_body(request: Request, limit: int) -> bytes:
    """The JSON body of a request in at most ``limit`` bytes, also after inflating. Raises Refusal (400, 413, 415)."""
    _check_type(request)
    encoding = request.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding not in ("identity", "gzip", "x-gzip"):
        raise Refusal(415, "Content-Encoding: write gzip, or send the body as it is", "Content-Encoding")
    if (request.content_length or 0) > limit:
        raise _too_long(limit)
    try:
        body = request.stream.read(limit + 1)  # one byte more tells a chunked body that is too long
    except (HTTPException, OSError, ParseException):
        raise Refusal(400, "the body broke off, or its chunks are not as HTTP has them") from None
    if len(body) > limit:
        raise _too_long(limit)
    return body if encoding == "identity" else _inflate(body, limit)


def _check_type(request: Request) -> None:
    kind = request.mimetype
    if kind and not (kind.endswith("json") or "json+" in kind):  # some clients write application/json+fhir
        raise Refusal(415, "Content-Type: write application/json", "Content-Type")


def _inflate(body: bytes, limit: int) -> bytes:
    inflater = zlib.decompressobj(_GZIP)
    try:
        inflated = inflater.decompress(body, limit + 1)
    except zlib.error:
        raise Refusal(400, "the body is not gzip, as its Content-Encoding says") from None
    if len(inflated) > limit:
        raise _too_long(limit)
    if not inflater.eof or inflater.unused_data:
        raise Refusal(400, "the body is not one complete gzip stream")
    return inflated


def _too_long(limit: int) -> Refusal:
    return Refusal(413, f"the body is longer than {limit} bytes (server.max_body_bytes)")
