"""What a client may put under a prefetch key, and whether it is all there is (cds-hooks P3, P5, ruling 40)."""

import json

import msgspec
import pytest

from cds_service.contents import read_contents

ONE = {"resourceType": "Observation", "id": "a", "status": "final"}
TWO = {"status": "final", "id": "b", "resourceType": "Observation"}


def contents(value):
    raw = msgspec.Raw(value if isinstance(value, bytes) else json.dumps(value).encode())
    read = read_contents(raw)
    return [json.loads(bytes(one.raw))["id"] for one in read.supplied], read.gap


def bundle(*resources, **more):
    return {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": one} for one in resources]} | more


@pytest.mark.parametrize(
    ("value", "ids", "gap"),
    [
        (bundle(ONE, TWO), ["a", "b"], None),
        (bundle(ONE, TWO, total=2), ["a", "b"], None),
        (bundle(ONE, type="collection"), ["a"], None),
        ({"resourceType": "Bundle"}, [], None),
        ({"resourceType": "Bundle", "total": 0, "type": "searchset"}, [], None),
        ({"resourceType": "Bundle", "entry": None, "link": None, "total": None}, [], None),
        (ONE, ["a"], None),
        (TWO, ["b"], None),
        (None, [], "null from client"),
        (b" null", [], "null from client"),
    ],
    ids=str,
)
def test_what_is_complete(value, ids, gap):
    assert contents(value) == (ids, gap)


def test_a_page_left_behind_is_not_all():
    following = [{"relation": "self", "url": "http://x/1"}, {"relation": "next", "url": "http://x/2"}]
    assert contents(bundle(ONE, link=following)) == (["a"], "page not followed")
    assert contents(bundle(ONE, link=following[:1])) == (["a"], None)
    assert contents(bundle(ONE, total=2)) == (["a"], "page not followed")
    assert contents({"resourceType": "Bundle", "total": 3}) == ([], "page not followed")


def test_included_resources_do_not_count_as_matches():
    included = {"resource": TWO, "search": {"mode": "include"}}
    two_of_three = bundle(ONE, total=2)
    two_of_three["entry"].append(included)
    assert contents(two_of_three) == (["a", "b"], "page not followed")


@pytest.mark.parametrize("severity", ["error", "fatal", None])
def test_an_error_is_not_none(severity):
    outcome = {"resourceType": "OperationOutcome", "issue": [{"severity": severity, "code": "forbidden"}]}
    assert contents(outcome) == ([], "client error")
    assert contents(bundle(ONE, outcome)) == (["a"], "client error")


def test_a_warning_beside_the_matches_is_no_error():
    warning = {"resourceType": "OperationOutcome", "issue": [{"severity": "warning", "code": "informational"}]}
    answered = bundle(ONE, total=1)
    answered["entry"].append({"resource": warning, "search": {"mode": "outcome"}})
    assert contents(answered) == (["a"], None)


def test_an_address_without_its_resource_is_a_resource_not_seen():
    assert contents({"resourceType": "Bundle", "entry": [{"fullUrl": "http://x/Observation/9"}]}) == ([], "unreadable")
    assert contents({"resourceType": "Bundle", "entry": [{"response": {"status": "200"}}, {"resource": ONE}]}) == (
        ["a"],
        None,
    )


def test_bundles_within_a_bundle():
    batch = {
        "resourceType": "Bundle",
        "type": "batch-response",
        "entry": [
            {"resource": bundle(ONE), "response": {"status": "200 OK"}},
            {"resource": bundle(TWO, total=5), "response": {"status": "200 OK"}},
        ],
    }
    assert contents(batch) == (["a", "b"], "page not followed")
    batch["entry"][1] = {"response": {"status": "403 Forbidden"}}
    assert contents(batch) == (["a"], "client error")


def test_the_wrapper_of_an_early_specification():
    assert contents({"response": {"status": "200 OK"}, "resource": bundle(ONE)}) == (["a"], None)
    assert contents({"response": {"status": "404 Not Found"}}) == ([], "client error")
    assert contents({"response": {"status": "200 OK"}}) == ([], "unreadable")


@pytest.mark.parametrize("value", [{}, [ONE], "Patient/1", 3, True, b'"\xff"'], ids=str)
def test_what_is_no_resource_is_unreadable(value):
    assert contents(value) == ([], "unreadable")


def test_a_flaw_costs_its_part_only():
    flawed = bundle(ONE, total="many")
    flawed["entry"] += [{"resource": TWO, "fullUrl": 7}, 3]
    assert contents(flawed) == (["a", "b"], "unreadable")


def test_deep_nesting_is_unreadable_not_a_crash():
    deep = b"[" * 100_000 + b"]" * 100_000
    assert contents(b'{"resourceType":"Bundle","entry":' + deep + b"}") == ([], "unreadable")
