"""Every error of the contract's catalogue (section 4): its status, and a request that is really answered with it."""

import io
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from PIL import Image

from app.api import read_operations
from app.api.errors import STATUS_OF, install
from app.api.refusals import refusals_of
from app.domain.errors import Unavailable
from app.infra.settings import ROOT
from app.models.messages import Message
from app.services.work import Workshop
from tests.api.caller import Caller
from tests.api.conftest import MakeKey
from tests.conftest import FakeClock

CATALOGUE: dict[str, int] = {
    type_: status
    for status, types in {
        400: """general_argument_invalid general_query_invalid general_cursor_not_found database_query_order_null
            general_bad_request general_invalid_email general_invalid_phone user_count_exceeded user_email_disposable
            user_email_free user_email_not_canonical user_email_not_corporate password_personal_data
            password_recently_used target_provider_invalid_type provider_incorrect_type provider_missing_credentials
            message_missing_target message_already_processing message_already_sent message_already_failed
            message_already_scheduled message_missing_schedule message_target_not_email message_target_not_sms
            message_target_not_push storage_file_empty storage_file_type_unsupported storage_invalid_file_size
            storage_invalid_content_range storage_invalid_appwrite_id storage_image_resolution_exceeded""",
        401: """general_unauthorized_scope general_access_forbidden project_key_expired user_unauthorized
            user_jwt_invalid user_session_already_exists user_invalid_credentials user_more_factors_required""",
        403: """general_unknown_origin general_service_disabled general_api_disabled project_id_missing
            user_jwt_and_cookie_set user_api_key_and_session_set user_jwt_creation_denied user_blocked
            storage_invalid_file storage_bucket_transformations_disabled""",
        404: """general_route_not_found project_not_found user_not_found user_session_not_found user_target_not_found
            provider_not_found topic_not_found subscriber_not_found message_not_found schedule_not_found
            storage_bucket_not_found storage_file_not_found user_identity_not_found
            suppression_not_found""",
        409: """user_already_exists user_email_already_exists user_phone_already_exists user_target_already_exists
            provider_already_exists topic_already_exists subscriber_already_exists message_already_exists
            storage_bucket_already_exists storage_file_already_exists suppression_already_exists""",
        412: "user_password_reset_required", 416: "storage_invalid_range", 429: "general_rate_limit_exceeded",
        500: "general_unknown general_server_error", 501: "user_auth_method_unsupported general_not_implemented",
    }.items()
    for type_ in types.split()
}  # fmt: skip
PASSWORD = "correct horse battery"
FILES = "/storage/buckets/b/files"
Refused = tuple[int, str]


@dataclass
class World:
    """One of each, a program that may do everything, and whoever comes without a key."""

    app: Flask
    api: Caller
    make_key: MakeKey
    clock: FakeClock
    workshop: Workshop

    def guest(self, **headers: str) -> Caller:
        """Somebody without a key; a sign-in stays with it, as in a browser."""
        made = Caller(self.app)
        made.headers |= {name.replace("_", "-"): value for name, value in headers.items()}
        return made

    def person(self) -> Caller:
        """Ann, signed in."""
        made = self.guest()
        answer = made.call("POST", "/account/sessions/email", {"email": "ann@example.org", "password": PASSWORD})
        assert answer.status_code == 201, answer.text
        return made

    def upload(self, name: str = "a.png", content: bytes = b"x", **headers: str) -> Refused:
        """Upload a file under the id `new`."""
        return self.api.refused("POST", FILES, data={"fileId": "new", "file": (io.BytesIO(content), name)}, headers={
            name.replace("_", "-"): value for name, value in headers.items()
        }, content_type="multipart/form-data")  # fmt: skip

    def message(self, status: str, **change: Any) -> Refused:
        """Change the message, which has come to that status."""
        with self.workshop.database.begin() as session:
            session.query(Message).update({"status": status})
        return self.api.refused("PATCH", "/messaging/messages/email/m", change)


@pytest.fixture
def world(app: Flask, api: Caller, make_key: MakeKey, clock: FakeClock, workshop: Workshop) -> World:
    api.post("/users", userId="ann", email="ann@example.org", password=PASSWORD)
    api.post("/users/ann/targets", targetId="token", providerType="push", identifier="0123456789abcdef" * 4)
    api.post("/users/ann/targets", targetId="mail", providerType="email", identifier="ann@work.example")
    api.post("/messaging/topics", topicId="t", name="News")
    api.post("/messaging/topics/t/subscribers", subscriberId="s", targetId="mail")
    api.post("/messaging/providers/smtp", providerId="p", name="Mail", host="smtp.example.org")
    api.post("/messaging/messages/email", messageId="m", subject="Hello", content="Hello", draft=True)
    api.post("/storage/buckets", bucketId="b", name="Pictures")
    picture = io.BytesIO()
    Image.new("RGB", (4, 4)).save(picture, "PNG")
    answer = api.call("POST", FILES, data={"fileId": "f", "file": (io.BytesIO(picture.getvalue()), "a.png")})
    assert answer.status_code == 201, answer.text
    return World(app, api, make_key, clock, workshop)


def ask(method: str, path: str, body: Any = None, **options: Any) -> Callable[[World], Refused]:
    """A request of the program that may do everything."""
    return lambda world: world.api.refused(method, path, {} if body is None else body, **options)


def query(path: str, text: str) -> Callable[[World], Refused]:
    return lambda world: world.api.refused("GET", path, query_string={"queries[0]": text})


def change_bucket(world: World, **change: Any) -> World:
    answer = world.api.call("PUT", "/storage/buckets/b", {"name": "Pictures", **change})
    assert answer.status_code == 200, answer.text
    return world


def expire_the_key(world: World) -> Refused:
    key = world.make_key("topics.read", expires_at=world.clock.now() + timedelta(hours=1))
    world.clock.move(3_601)
    return Caller(world.app, key).refused("GET", "/messaging/topics")


def ask_too_often(world: World) -> Refused:
    guest = world.guest()
    return [guest.refused("POST", "/account", {}) for _ in range(11)][-1]


def null_in_the_order(world: World) -> Refused:
    queries = {"queries[0]": '{"method":"orderAsc","attribute":"scheduledAt"}',
               "queries[1]": '{"method":"cursorAfter","values":["m"]}'}  # fmt: skip
    return world.api.refused("GET", "/messaging/messages", query_string=queries)


def let_the_time_pass(world: World) -> Refused:
    later = (world.clock.now() + timedelta(seconds=5)).isoformat()
    world.api.patch("/messaging/messages/email/m", topics=["t"], scheduledAt=later)
    world.clock.move(6)
    return world.api.refused("PATCH", "/messaging/messages/email/m", {"subject": "New"})


def token_and_session(world: World) -> Refused:
    person = world.person()
    token = person.post("/account/jwts")["jwt"]
    return person.refused("GET", "/account", headers={"X-Appwrite-JWT": token})


def token_by_token(world: World) -> Refused:
    token = world.person().post("/account/jwts")["jwt"]
    return world.guest(X_Appwrite_JWT=token).refused("POST", "/account/jwts", {})


def sign_in(world: World, caller: Caller, password: str = PASSWORD) -> Refused:
    return caller.refused("POST", "/account/sessions/email", {"email": "ann@example.org", "password": password})


def sign_in_blocked(world: World) -> Refused:
    world.api.patch("/users/ann/status", status=False)
    return sign_in(world, world.guest())


def preview_as_a_guest(world: World) -> Refused:
    change_bucket(world, permissions=['read("any")'], transformations=False)
    return world.guest().refused("GET", f"{FILES}/f/preview?width=2")


def preview_a_vast_picture(world: World) -> Refused:
    vast = io.BytesIO()
    Image.new("1", (16_000, 16_000)).save(vast, "PNG")
    answer = world.api.call("POST", FILES, data={"fileId": "vast", "file": (io.BytesIO(vast.getvalue()), "a.png")})
    assert answer.status_code == 201, answer.text
    return world.api.refused("GET", f"{FILES}/vast/preview?width=2")


def break_down(error: Exception) -> Callable[[World], Refused]:
    """What no request can bring about: an API whose view fails."""

    def scene(_world: World) -> Refused:
        api = Flask("broken")
        install(api)

        @api.get("/v1/broken")
        def broken() -> str:
            raise error

        answer = api.test_client().get("/v1/broken")
        body = answer.get_json()
        assert "secret" not in answer.text
        return answer.status_code, body["type"]

    return scene


def suppress_twice(world: World) -> Refused:
    """The address is suppressed already, under another id."""
    body = {"suppressionId": "unique()", "providerType": "email", "identifier": "ann@example.org"}
    world.api.post("/messaging/suppressions", **body)
    return world.api.refused("POST", "/messaging/suppressions", body)


SMS, PUSH, EMAIL = (f"/messaging/messages/{channel}" for channel in ("sms", "push", "email"))
NEW = {"messageId": "n", "subject": "Hello", "content": "Hello"}
SCENES: dict[str, Callable[[World], Refused]] = {
    "general_argument_invalid": ask("POST", "/messaging/topics"),
    "general_query_invalid": query("/messaging/topics", '{"method":"search","attribute":"name","values":["x"]}'),
    "general_cursor_not_found": query("/messaging/topics", '{"method":"cursorAfter","values":["nowhere"]}'),
    "database_query_order_null": null_in_the_order,
    "general_bad_request": ask("POST", "/messaging/messages/m/pause"),
    "general_invalid_email": ask(
        "POST", "/users/ann/targets", {"targetId": "n", "providerType": "email", "identifier": "no address"}
    ),
    "general_invalid_phone": ask(
        "POST", "/users/ann/targets", {"targetId": "n", "providerType": "sms", "identifier": "no number"}
    ),
    "general_unauthorized_scope": lambda world: world.guest().refused("GET", "/messaging/topics"),
    "general_unknown_origin": lambda world: world.guest(Origin="https://evil.example").refused("GET", "/ping"),
    "general_route_not_found": ask("GET", "/nowhere"),
    "general_rate_limit_exceeded": ask_too_often,
    "general_not_implemented": ask("POST", "/messaging/providers/appwrite"),
    "general_unknown": break_down(ValueError("a secret")),
    "general_server_error": break_down(Unavailable("The queue is away.")),
    "project_not_found": lambda world: Caller(world.app, project="nowhere").refused("GET", "/ping"),
    "project_id_missing": lambda world: Caller(world.app, "standard_x", project="").refused("GET", "/messaging/topics"),
    "project_key_expired": expire_the_key,
    "user_unauthorized": lambda world: world.guest().refused("GET", FILES),
    "user_jwt_invalid": lambda world: world.guest(X_Appwrite_JWT="x.y.z").refused("GET", "/account"),
    "user_jwt_and_cookie_set": token_and_session,
    "user_api_key_and_session_set": lambda world: world.person().refused(
        "GET", "/account", headers={"X-Appwrite-Key": "account_x"}
    ),
    "user_jwt_creation_denied": token_by_token,
    "user_session_already_exists": lambda world: sign_in(world, world.person()),
    "user_invalid_credentials": lambda world: sign_in(world, world.guest(), "wrong horse battery"),
    "user_blocked": sign_in_blocked,
    "user_not_found": ask("GET", "/users/nobody"),
    "user_session_not_found": lambda world: world.person().refused("GET", "/account/sessions/nowhere"),
    "user_identity_not_found": ask("DELETE", "/users/identities/nowhere"),
    "user_already_exists": ask("POST", "/users", {"userId": "ann"}),
    "user_target_not_found": ask("GET", "/users/ann/targets/nowhere"),
    "user_target_already_exists": ask(
        "POST", "/users/ann/targets", {"targetId": "mail", "providerType": "email", "identifier": "new@example.org"}
    ),
    "provider_not_found": ask("GET", "/messaging/providers/nowhere"),
    "provider_already_exists": ask(
        "POST", "/messaging/providers/smtp", {"providerId": "p", "name": "x", "host": "smtp.example.org"}
    ),
    "provider_incorrect_type": ask("PATCH", "/messaging/providers/twilio/p", {"name": "x"}),
    "provider_missing_credentials": ask("PATCH", "/messaging/providers/smtp/p", {"enabled": True}),
    "topic_not_found": ask("GET", "/messaging/topics/nowhere"),
    "topic_already_exists": ask("POST", "/messaging/topics", {"topicId": "t", "name": "x"}),
    "subscriber_not_found": ask("GET", "/messaging/topics/t/subscribers/nowhere"),
    "subscriber_already_exists": ask(
        "POST", "/messaging/topics/t/subscribers", {"subscriberId": "s2", "targetId": "mail"}
    ),
    "message_not_found": ask("GET", "/messaging/messages/nowhere"),
    "message_already_exists": ask("POST", EMAIL, {**NEW, "messageId": "m", "draft": True}),
    "message_missing_target": ask("POST", EMAIL, NEW),
    "message_already_processing": lambda world: world.message("processing", topics=["t"]),
    "message_already_sent": lambda world: world.message("sent", topics=["t"]),
    "message_already_failed": lambda world: world.message("failed", topics=["t"]),
    "message_already_scheduled": let_the_time_pass,
    "message_target_not_email": ask("POST", EMAIL, {**NEW, "targets": ["token"]}),
    "message_target_not_sms": ask("POST", SMS, {"messageId": "n", "content": "Hello", "targets": ["mail"]}),
    "message_target_not_push": ask("POST", PUSH, {"messageId": "n", "title": "Hello", "targets": ["mail"]}),
    "storage_bucket_not_found": ask("GET", "/storage/buckets/nowhere"),
    "storage_bucket_already_exists": ask("POST", "/storage/buckets", {"bucketId": "b", "name": "x"}),
    "storage_file_not_found": ask("GET", f"{FILES}/nowhere"),
    "storage_file_already_exists": lambda world: world.api.refused(
        "POST", FILES, data={"fileId": "f", "file": (io.BytesIO(b"x"), "a.png")}
    ),
    "storage_file_empty": lambda world: world.api.refused("POST", FILES, data={"fileId": "n"}),
    "storage_file_type_unsupported": lambda world: change_bucket(world, allowedFileExtensions=["png"]).upload("a.txt"),
    "storage_invalid_file_size": lambda world: change_bucket(world, maximumFileSize=1).upload(content=b"xy"),
    "storage_invalid_content_range": lambda world: world.upload(Content_Range="bytes 9-1/0"),
    "storage_invalid_appwrite_id": lambda world: world.upload(
        Content_Range="bytes 0-0/1", X_Appwrite_ID="unique()"
    ),
    "storage_invalid_range": ask("GET", f"{FILES}/f/download", headers={"Range": "bytes=9-1"}),
    "storage_bucket_transformations_disabled": preview_as_a_guest,
    "storage_image_resolution_exceeded": preview_a_vast_picture,
    "suppression_not_found": ask("DELETE", "/messaging/suppressions/nobody"),
    "suppression_already_exists": suppress_twice,
}  # fmt: skip
NOT_OURS = CATALOGUE.keys() - SCENES.keys()


def test_every_type_of_the_catalogue_has_its_status() -> None:
    assert STATUS_OF == CATALOGUE


@pytest.mark.parametrize("type_", sorted(SCENES))
def test_a_request_is_answered_with_it(world: World, type_: str) -> None:
    status = 503 if type_ == "general_server_error" else CATALOGUE[type_]  # docs/api.md says why
    assert SCENES[type_](world) == (status, type_)


def test_what_is_never_answered_stands_in_the_docs_with_its_reason() -> None:
    page = (ROOT / "docs" / "api.md").read_text()
    table = page.partition("### Errors that are never answered")[2].partition("\n## ")[0]
    told = {line.split("|")[1].strip(" `") for line in table.splitlines() if line.startswith("| `")}
    assert told == NOT_OURS


def test_no_operation_declares_an_error_that_is_never_answered() -> None:
    declared = {
        type_ for operation in read_operations() for types in refusals_of(operation).values() for type_ in types
    }
    assert declared & NOT_OURS == set()
