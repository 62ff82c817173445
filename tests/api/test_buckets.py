"""Buckets over the API: fields, a full replace, errors, lists."""

import json
from typing import Any

import pytest
from flask import Flask

from tests.api.caller import Caller
from tests.api.conftest import MakeKey

BUCKETS = "/storage/buckets"


def test_a_new_bucket_has_every_field(api: Caller) -> None:
    made = api.post(BUCKETS, bucketId="unique()", name="Pictures")
    assert len(made.pop("$id")) == 20
    assert made == {
        "$createdAt": "2026-11-21T09:00:00.000+00:00", "$updatedAt": "2026-11-21T09:00:00.000+00:00",
        "$permissions": [], "name": "Pictures", "description": "", "fileSecurity": False, "enabled": True,
        "maximumFileSize": 30_000_000, "allowedFileExtensions": [], "compression": "none", "encryption": True,
        "antivirus": True, "transformations": True, "stripMetadata": False, "totalSize": 0,
    }  # fmt: skip
    assert api.get(BUCKETS)["buckets"][0]["name"] == "Pictures"


def test_update_replaces_all_but_permissions_description_and_metadata(api: Caller) -> None:
    rules: dict[str, Any] = {
        "name": "A", "permissions": ['read("any")', 'write("users")'], "fileSecurity": "1", "enabled": "false",
        "maximumFileSize": "1000", "allowedFileExtensions": ["jpg"], "compression": "zstd", "encryption": False,
        "antivirus": 0, "transformations": False, "description": "Ours", "stripMetadata": True,
    }  # fmt: skip
    made = api.post(BUCKETS, bucketId="b", **rules)
    assert made["$permissions"] == ['read("any")', 'create("users")', 'update("users")', 'delete("users")']
    assert (made["fileSecurity"], made["enabled"], made["maximumFileSize"]) == (True, False, 1000)
    answer = api.call("PUT", f"{BUCKETS}/b", {"name": "B"})
    assert answer.status_code == 200
    assert answer.json | {"$createdAt": "", "$updatedAt": ""} == {
        "$id": "b", "$createdAt": "", "$updatedAt": "", "$permissions": made["$permissions"], "name": "B",
        "description": "Ours", "fileSecurity": False, "enabled": True, "maximumFileSize": 30_000_000,
        "allowedFileExtensions": [], "compression": "none", "encryption": True, "antivirus": True,
        "transformations": True, "stripMetadata": True, "totalSize": 0,
    }  # fmt: skip
    changed = api.call("PUT", f"{BUCKETS}/b", {"name": "B", "permissions": [], "description": ""}).json
    assert (changed["$permissions"], changed["description"]) == ([], "")


@pytest.mark.parametrize(
    "wrong",
    [
        {"bucketId": "_b"}, {"bucketId": "../b"}, {"bucketId": None}, {"name": ""}, {"name": "x" * 129}, {"name": 5},
        {"name": "a\nb"}, {"permissions": "read"}, {"permissions": ["read"]}, {"permissions": ['read("role:any")']},
        {"permissions": ['read("any")'] * 101}, {"permissions": ['eat("any")']}, {"permissions": [None]},
        {"permissions": ['read("any")\n']}, {"fileSecurity": "yes"}, {"fileSecurity": 2}, {"enabled": []},
        {"maximumFileSize": 0}, {"maximumFileSize": 30_000_001}, {"maximumFileSize": 1e3}, {"maximumFileSize": 10**30},
        {"allowedFileExtensions": ["jpg"] * 101}, {"allowedFileExtensions": [""]}, {"allowedFileExtensions": "jpg"},
        {"allowedFileExtensions": ["x" * 65]}, {"compression": "GZIP"}, {"compression": "brotli"}, {"compression": []},
        {"description": "x" * 2049}, {"description": "\x00"}, {"stripMetadata": {}},
    ],
)  # fmt: skip
def test_a_wrong_parameter_is_named(api: Caller, wrong: dict[str, Any]) -> None:
    answer = api.call("POST", BUCKETS, {"bucketId": "b", "name": "B"} | wrong)
    assert (answer.status_code, answer.json["type"]) == (400, "general_argument_invalid")
    assert answer.json["message"].startswith(f"Invalid `{next(iter(wrong))}` param: ")
    assert api.get(BUCKETS)["total"] == 0


def test_null_on_an_optional_parameter_is_its_default(api: Caller) -> None:
    made = api.post(
        BUCKETS, bucketId="b", name="B", permissions=None, maximumFileSize=None, compression=None, encryption=None
    )
    assert (made["maximumFileSize"], made["compression"], made["encryption"]) == (30_000_000, "none", True)


def test_an_id_in_use_is_a_conflict(api: Caller) -> None:
    api.post(BUCKETS, bucketId="b", name="B")
    assert api.refused("POST", BUCKETS, {"bucketId": "b", "name": "C"}) == (409, "storage_bucket_already_exists")


@pytest.mark.parametrize(("method", "body"), [("GET", None), ("PUT", {"name": "B"}), ("DELETE", {})])
def test_a_bucket_that_is_not_there_is_not_found(api: Caller, method: str, body: Any) -> None:
    assert api.refused(method, f"{BUCKETS}/none", body) == (404, "storage_bucket_not_found")
    assert api.refused(method, f"{BUCKETS}/{'x' * 37}", body) == (400, "general_argument_invalid")


def test_deleting_takes_the_bucket_out_of_the_list(api: Caller) -> None:
    api.post(BUCKETS, bucketId="b", name="B")
    api.delete(f"{BUCKETS}/b")
    assert api.get(BUCKETS) == {"total": 0, "buckets": []}


def test_buckets_are_filtered_ordered_searched_and_paged(api: Caller) -> None:
    for name, size in (("one", 10), ("two", 20), ("three", 30)):
        api.post(BUCKETS, bucketId=name, name=f"Bucket {name}", maximumFileSize=size, fileSecurity=size > 10)

    def ids(*queries: dict[str, Any], **more: Any) -> list[str]:
        return [row["$id"] for row in api.get(BUCKETS, *map(json.dumps, queries), **more)["buckets"]]

    assert ids({"method": "equal", "attribute": "fileSecurity", "values": [True]}) == ["two", "three"]
    assert ids({"method": "lessThan", "attribute": "maximumFileSize", "values": [30]}) == ["one", "two"]
    assert ids({"method": "orderDesc", "attribute": "maximumFileSize"}) == ["three", "two", "one"]
    assert ids({"method": "cursorAfter", "values": ["one"]}, {"method": "limit", "values": [1]}) == ["two"]
    assert ids(search="bucket two") == ["two"]
    for attribute in ("enabled", "encryption", "antivirus", "transformations"):
        assert len(ids({"method": "equal", "attribute": attribute, "values": [True]})) == 3
    assert ids({"method": "equal", "attribute": "stripMetadata", "values": [True]}) == []
    wrong = {"method": "equal", "attribute": "compression", "values": ["none"]}
    asked = {"queries[0]": json.dumps(wrong)}
    assert api.refused("GET", BUCKETS, query_string=asked) == (400, "general_argument_invalid")


def test_a_key_needs_the_scope_of_what_it_does(app: Flask, make_key: MakeKey) -> None:
    reader, filer = Caller(app, make_key("buckets.read")), Caller(app, make_key("files.write", "files.read"))
    assert reader.refused("POST", BUCKETS, {"bucketId": "b", "name": "B"}) == (401, "general_unauthorized_scope")
    assert filer.refused("GET", BUCKETS) == (401, "general_unauthorized_scope")
    assert Caller(app).refused("GET", BUCKETS) == (401, "general_unauthorized_scope")
    assert reader.get(BUCKETS)["total"] == 0
