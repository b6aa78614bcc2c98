"""Values that stand where another was expected: numbers, dates, texts and shapes that have broken programs before.

As JSON bytes, since Python's own JSON cannot write many of them (1e999999, half of a surrogate pair, bytes that are
not UTF-8). ``PRIVATE`` marks what only a patient's record may hold, so that a leak can be told.
"""

from __future__ import annotations

import msgspec

PRIVATE = "zqPRIVATEqz"
MARKUP = f"{PRIVATE}<img src=x onerror=alert(1)>[{PRIVATE}](javascript:alert(1))|`*_<!--\u2028\u202e"


def _text(content: str) -> bytes:
    return msgspec.json.encode(content)


def _deep(depth: int, left: bytes = b"[", right: bytes = b"]") -> bytes:
    return left * depth + b"1" + right * depth


NUMBERS = [
    *(b"0", b"-0", b"-1", b"1", b"7", b"40", b"1e12", b"1e13", b"9999999999999", b"-9999999999999"),
    *(b"1e999999", b"-1e999999", b"1e-999999", b"1E+1000000", b"1e-1000000", b"1e99999999999999999999"),
    *(b"123456789012345678901234567890", b"0." + b"1" * 4000, b"9" * 5000, b"1e308", b"1e309", b"5e-324"),
    *(b"0.0000000000001", b"NaN", b"-Infinity", b"Infinity", b"1.", b".5", b"01", b"0x10", b"1_000"),
]
WRITTEN_NUMBERS = [
    *(
        "1e999999",
        "NaN",
        "sNaN",
        "-Infinity",
        "Infinity",
        "\u0663",
        "\u00b2",
        "1_000",
        "1,5",
        "8/10",
        "<5",
        ">= 3 mmol/L",
    ),
    *("1E+1000000", "-0", "0x10", "\u2460", "+ 5", "5 5", "1e13 mg", "99999999999999 mg"),
]
DATES = [
    *("0001-01-01", "0000-00-00", "9999-12-31", "10000-01-01", "-0001-01-01", "2026-02-30", "2026-W01-1", "2026-13"),
    *("0001", "9999", "0000", "0001-01", "9999-12", "2026", "2026-11", "20261121", "2026-11-21T24:00:00Z"),
    *("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "9999-12-31T23:59:59.999999999Z"),
    *("2026-11-21T09:30:00+99:00", "2026-11-21T09:30:60Z", "2026-11-21T09:30", "2026-11-21T09:30:00", "today"),
    *(
        "\u0662\u0660\u0662\u0666-\u0661\u0661-\u0662\u0661",
        "2026-11-21 ",
        " 2026-11-21",
        "1900-01-01",
        "2026-12-31",
        "2400-01-01",
    ),
]
TEXTS = [
    *("", " ", "\x00", "a\x00b", "\ufeff", "\u200b", "\U0001f9b4", MARKUP, f"{PRIVATE}'; DROP TABLE card; --", PRIVATE),
    *(
        f"{PRIVATE}\r\nSet-Cookie: a=b",
        "{{context.patientId}}",
        "{total}",
        "%s%n",
        "../../etc/passwd",
        "Patient/another",
    ),
    *("#contained", "urn:uuid:", "http://[::1", "http://" + "a" * 300, "/", "//", "?", "Observation/", "/_history/"),
    *("entered-in-error", "completed", "stopped", "draft", "active", "final", "preliminary", "unknown", PRIVATE * 2000),
]
BROKEN_TEXTS = [
    *(
        rb'"\ud800"',
        rb'"\udfff\ud800"',
        rb'"a\ud83dz"',
        b'"\xff\xfe"',
        b'"\xc0\x80"',
        b'"\xed\xa0\x80"',
        b'"\xf5\x80\x80\x80"',
    ),
    *(b'"\x01"', rb'"\x41"', b'"unended', b"'single'", rb'"\u12"'),
]
SHAPES = [
    *(
        b"null",
        b"true",
        b"false",
        b"[]",
        b"{}",
        b"[null]",
        b"[[]]",
        b"[{}]",
        b'{"a":null}',
        b"[1,2]",
        b'[""]',
        b"[[[[1]]]]",
    ),
    *(
        b'{"resourceType":"Bundle","entry":[null]}',
        b'{"coding":[{}]}',
        b'{"coding":[null]}',
        b'{"coding":{}}',
        b'{"reference":7}',
    ),
    *(
        b'{"a":1,"a":2}',
        b'{"resourceType":"OperationOutcome"}',
        b'{"value":"x","unit":7}',
        _deep(50),
        _deep(600),
        _deep(3000),
    ),
    *(
        _deep(100_000),
        _deep(100_000, b'{"a":', b"}"),
        b"[" * 100_000,
        b'{"extension":[' * 5000,
        b'{"item":[' * 200 + b"]}" * 200,
    ),
]
VALUES: list[bytes] = [
    *NUMBERS,
    *(_text(text) for text in (*WRITTEN_NUMBERS, *DATES, *TEXTS)),
    *BROKEN_TEXTS,
    *SHAPES,
]
HEADERS: dict[str, list[str]] = {
    "Accept-Language": [
        *(
            "zh",
            "zh-TW, en;q=0.1",
            "en;q=zero",
            "*",
            ";;;,,,q=",
            "zh;q=inf",
            "zh;q=nan",
            "en;q=-1",
            "a" * 5000,
            "\u4e2d\u6587",
        ),
        *("-", "zh-", "en" + ",en" * 3000, "en;q=1e400", "q=1;en", "en;;q=0.5;q=0.1"),
    ],
    "Content-Type": [
        *(
            "",
            "text/html",
            "application/json; charset=utf-16",
            "application/fhir+json",
            "json",
            ";",
            "application/json;" * 500,
        ),
        *(
            "multipart/form-data; boundary=x",
            "application/x-www-form-urlencoded",
            "application/json+fhir",
            "APPLICATION/JSON",
        ),
    ],
    "Content-Encoding": ["gzip", "br", "identity", "gzip, gzip", "", "x-gzip", "zstd", "GZIP"],
    "Accept": ["text/html", "application/xml", "*/*", "", "a/b;q=x"],
    "Authorization": ["Bearer " + PRIVATE, "Basic Og==", "Bearer", PRIVATE, "Bearer a.b.c", "Bearer " + "a" * 7000],
    "X-Request-Id": [PRIVATE + " ", "a" * 65, "\u4e2d", "ok-1"],
    "X-Forwarded-For": [PRIVATE, "::1, 127.0.0.1", ","],
    "X-Forwarded-Host": ["evil.example.org", "[", "a:b:c"],
    "Origin": ["null", "https://evil.example.org", ""],
    "If-None-Match": ['"', "*"],
    "Range": ["bytes=0-1", "bytes=-"],
    "Content-Length": [],
}
