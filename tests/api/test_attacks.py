"""What somebody with ill intent sends, and what it comes to: nothing is learnt, kept or held up."""

import json
import sqlite3
import time
from contextlib import closing
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app.domain.byte_ranges import CHUNK
from app.infra import password_hashes, vault
from app.models.idempotency import KeptAnswer
from app.services.programs import idempotency
from app.services.work import Workshop
from tests.api.caller import Caller
from tests.api.people import PASSWORD, make_ann, make_ben, sign_in
from tests.api.test_uploads import multipart

SIGN_IN = "/account/sessions/email"
SMTP = {"providerId": "unique()", "name": "Mail", "host": "mail.example.org", "password": "hunter-of-larks"}


def test_a_kept_answer_hides_the_secrets_in_it(api: Caller, workshop: Workshop) -> None:
    once = {"Idempotency-Key": "once"}
    first = api.call("POST", "/messaging/providers/smtp", SMTP, headers=once)
    again = api.call("POST", "/messaging/providers/smtp", SMTP, headers=once)
    assert (first.status_code, first.json) == (again.status_code, again.json)
    assert first.json["credentials"]["password"] == SMTP["password"]
    with workshop.database.read() as session:
        kept = session.scalars(select(KeptAnswer)).one()
    assert SMTP["password"] not in json.dumps(kept.body)
    assert "mail.example.org" not in json.dumps(kept.body)


def test_a_kept_fingerprint_is_no_quick_way_to_try_passwords(api: Caller, workshop: Workshop) -> None:
    seen: list[str] = []
    plain = idempotency.fingerprint

    def note(*parts: str | bytes) -> str:
        seen.append(plain(*parts))
        return seen[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(idempotency, "fingerprint", note)
        api.call("POST", "/users", {"userId": "ann", "password": PASSWORD}, headers={"Idempotency-Key": "once"})
    with workshop.database.read() as session:
        kept = session.scalars(select(KeptAnswer)).one()
    assert len(seen) == 1
    assert kept.fingerprint not in seen  # whoever steals the database cannot make one


def test_another_spelling_of_an_address_gets_no_further_guesses(app: Flask, api: Caller) -> None:
    make_ann(api)
    spellings = ["ann@example.org", "ANN@Example.org", "ann@example。org", "ann@ｅxample.org", "ann@exａmple.org.."]
    statuses = [
        Caller(app).call("POST", SIGN_IN, {"email": spellings[turn % 5], "password": "not this one"}).status_code
        for turn in range(11)
    ]
    assert statuses == [401] * 10 + [429]


def test_who_has_an_address_is_nobody_elses_business(app: Flask, api: Caller) -> None:
    make_ann(api), make_ben(api)
    api.post("/users/ben/targets", targetId="bens", providerType="push", identifier="token-of-ben")
    ann = sign_in(app)
    for method, path, body in (
        ("PATCH", "/account/email", {"email": "ben@example.org", "password": PASSWORD}),
        ("POST", "/account/targets/push", {"targetId": "unique()", "identifier": "token-of-ben"}),
    ):
        answer = ann.call(method, path, body)
        assert answer.status_code == 409
        assert "Ben" not in answer.text
    assert "Ben" in api.call("PATCH", "/users/ann/email", {"email": "ben@example.org"}).text  # a program may know


def test_a_chunk_for_somebody_elses_file_shows_nothing_of_it(app: Flask, api: Caller) -> None:
    make_ann(api), make_ben(api)
    api.post("/storage/buckets", bucketId="b", name="Inbox", fileSecurity=True, permissions=['create("users")'])
    ann, ben = sign_in(app), sign_in(app, "ben@example.org")
    assert _upload(ann, b"the salaries of all").status_code == 201
    chunk = {"Content-Range": "bytes 0-3/4", "X-Appwrite-ID": "f"}
    stolen = _upload(ben, b"mine", headers=chunk)
    assert (stolen.status_code, stolen.json["type"]) == (409, "storage_file_already_exists")
    assert _upload(ann, b"mine", headers=chunk).status_code == 200  # whoever made it sees that it is there
    assert _upload(api, b"mine", headers=chunk).status_code == 200


def _upload(caller: Caller, content: bytes, **options: Any) -> Any:
    body = multipart(content, "a.txt", {"fileId": "f"})
    kind = "multipart/form-data; boundary=edge"
    return caller.call("POST", "/storage/buckets/b/files", data=body, content_type=kind, **options)


def test_another_spelling_of_a_range_gets_no_further_uploads(app: Flask, api: Caller) -> None:
    make_ann(api)
    api.post("/storage/buckets", bucketId="b", name="Inbox", permissions=['create("users")'])
    ann = sign_in(app)
    left = [
        _upload(ann, b"mine", headers={"Content-Range": start}).headers["X-RateLimit-Remaining"]
        for start in ("bytes 0-3/4", "bytes 00-3/4", "bytes 000-3/4", "bytes 0-3/5")
    ]
    assert left == ["59", "58", "57", "59"]  # the last one is no chunk at all: those are counted together
    second = {"Content-Range": f"bytes {CHUNK}-{CHUNK + 3}/{CHUNK + 4}"}
    assert _upload(ann, b"mine", headers=second).headers["X-RateLimit-Remaining"] == "59"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/account/sessions/email", {"email": "ann@example.org", "password": PASSWORD}),
        ("/account/password", {"password": "another good one", "oldPassword": PASSWORD}),
        ("/account/email", {"email": "anna@example.org", "password": PASSWORD}),
        ("/account/phone", {"phone": "+491701234567", "password": PASSWORD}),
    ],
)
def test_nobody_waits_to_write_while_a_password_is_hashed(
    app: Flask, api: Caller, workshop: Workshop, monkeypatch: pytest.MonkeyPatch, path: str, body: dict[str, str]
) -> None:
    make_ann(api)
    ann = Caller(app) if path.startswith("/account/sessions") else sign_in(app)
    hashed: list[str | None] = []

    def verify(stored: str | None, password: str) -> bool:
        with closing(sqlite3.connect(str(workshop.database.url.database), timeout=0)) as other:
            other.execute("BEGIN IMMEDIATE")  # at once, or never
        hashed.append(stored)
        return vault.verify_password(stored, password)

    monkeypatch.setattr(password_hashes, "verify_password", verify)
    method = "POST" if path.startswith("/account/sessions") else "PATCH"
    assert ann.call(method, path, body).status_code in {200, 201}
    assert len(hashed) == 1


def test_a_form_of_millions_of_fields_holds_nobody_up(app: Flask) -> None:
    begun = time.process_time()
    body = b"a&" * (6 * 1024 * 1024)
    answer = Caller(app).call("POST", SIGN_IN, data=body, content_type="application/x-www-form-urlencoded")
    assert answer.status_code == 400
    assert time.process_time() - begun < 2
