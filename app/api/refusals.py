"""Which errors an operation can answer: read off its declaration, and from a table of what only its work shows."""

import re
from collections.abc import Iterator, Mapping

from app.api.errors import STATUS_OF
from app.api.kinds import NEW_ID
from app.api.operations import PUBLIC, Operation

# Whoever calls: the origin, the project, the credentials, and a request that cannot be read.
_ALWAYS = (
    "general_bad_request", "general_unknown_origin", "project_not_found", "project_id_missing", "project_key_expired",
    "user_jwt_invalid", "user_jwt_and_cookie_set", "user_api_key_and_session_set", "user_blocked",
)  # fmt: skip
_QUERIES = ("general_query_invalid", "general_cursor_not_found", "database_query_order_null")
# Whose id stands at a place of the path.
_MISSING: Mapping[str, str] = {
    "topicId": "topic_not_found", "subscriberId": "subscriber_not_found", "messageId": "message_not_found",
    "providerId": "provider_not_found", "userId": "user_not_found", "targetId": "user_target_not_found",
    "bucketId": "storage_bucket_not_found", "fileId": "storage_file_not_found", "sessionId": "user_session_not_found",
    "identityId": "user_identity_not_found", "suppressionId": "suppression_not_found",
}  # fmt: skip
# Whose id a caller may choose.
_TAKEN: Mapping[str, str] = {
    "topic_id": "topic_already_exists", "subscriber_id": "subscriber_already_exists",
    "message_id": "message_already_exists", "provider_id": "provider_already_exists", "user_id": "user_already_exists",
    "target_id": "user_target_already_exists", "bucket_id": "storage_bucket_already_exists",
    "file_id": "storage_file_already_exists", "suppression_id": "suppression_already_exists",
}  # fmt: skip
_ADDRESS = ("general_invalid_email", "general_invalid_phone", "user_target_already_exists")
_STARTED = (
    "message_missing_target", "message_already_processing", "message_already_sent", "message_already_failed",
    "message_already_scheduled",
)  # fmt: skip
_ENCLOSED = ("storage_bucket_not_found", "storage_file_not_found")
# What only the work itself shows: a pattern of method and path, and the types.
_SPECIFIC: tuple[tuple[str, tuple[str, ...]], ...] = (
    (r"(POST|PATCH) /messaging/providers/appwrite.*", ("general_not_implemented",)),
    (r"PATCH /messaging/providers/.+", ("provider_incorrect_type", "provider_missing_credentials")),
    (r"POST /messaging/topics/{topicId}/subscribers", ("user_target_not_found",)),
    (r".+ /messaging/topics/{topicId}/subscribers.*", ("user_unauthorized",)),
    (r"POST /messaging/messages/(email|sms|push)", ("message_missing_target",)),
    (r"PATCH /messaging/messages/(email|sms|push)/.+", _STARTED),
    (r"(POST|PATCH) /messaging/messages/email.*", ("message_target_not_email",)),
    (r"(POST|PATCH) /messaging/messages/sms.*", ("message_target_not_sms",)),
    (r"(POST|PATCH) /messaging/messages/push.*", ("message_target_not_push",)),
    (r"(POST|PATCH) /messaging/messages/(email|push).*", _ENCLOSED),
    (r"(POST|PATCH) /messaging/messages/push.*", ("storage_file_type_unsupported",)),
    (r"DELETE /messaging/messages/.+", ("message_already_scheduled", "message_already_processing")),
    (r"POST /messaging/messages/{messageId}/(pause|resume|cancel|retry)", _STARTED),
    (r"POST /messaging/preview", ("user_target_not_found", "storage_file_type_unsupported", *_ENCLOSED)),
    (r"POST /messaging/suppressions", ("general_invalid_email", "general_invalid_phone")),
    (r"POST /(users(/[a-z0-9-]+)?|account)", _ADDRESS),
    (r"PATCH /users/{userId}/(email|phone)", _ADDRESS),
    (r"(POST|PATCH) /users/{userId}/targets.*", (*_ADDRESS, "provider_not_found", "provider_incorrect_type")),
    (r"POST /users/{userId}/jwts", ("user_session_not_found",)),
    (r".+ /account(/.+)?", ("user_unauthorized", "user_not_found", "user_session_not_found")),
    (r"POST /account/sessions.*", ("user_invalid_credentials", "user_session_already_exists")),
    (r"PATCH /account/.+", ("user_invalid_credentials", "user_already_exists", *_ADDRESS)),
    (r"POST /account/jwts?", ("user_jwt_creation_denied",)),
    (r".+ /account/targets.*", _ADDRESS),
    (r".+ /storage/buckets/{bucketId}/files.*", ("user_unauthorized",)),
    (r"POST /storage/buckets/{bucketId}/files", (
        "storage_file_empty", "storage_invalid_content_range", "storage_invalid_appwrite_id",
        "storage_file_type_unsupported", "storage_invalid_file_size", "general_rate_limit_exceeded",
    )),
    (r"GET .+/files/{fileId}/(download|view|push)", ("storage_invalid_range",)),
    (r"GET .+/files/{fileId}/preview", ("storage_bucket_transformations_disabled", "storage_file_type_unsupported",
                                        "storage_image_resolution_exceeded")),
)  # fmt: skip


def refusals_of(operation: Operation) -> Mapping[int, tuple[str, ...]]:
    """The types of errors that an operation can answer, by status. 503 is a part of Carillon that is away."""
    by_status: dict[int, set[str]] = {503: {"general_server_error"}}
    for type_ in _types(operation):
        by_status.setdefault(STATUS_OF[type_], set()).add(type_)
    if operation.method != "GET":
        by_status[413] = {"general_bad_request"}
    return {status: tuple(sorted(types)) for status, types in sorted(by_status.items())}


def _types(operation: Operation) -> Iterator[str]:
    yield from _ALWAYS
    yield from _of_declaration(operation)
    yield from (_MISSING[place] for place in operation.places if place in _MISSING)
    for param in operation.params:
        if param.name == "queries":
            yield from _QUERIES
        if param.kind is NEW_ID and param.name in _TAKEN:
            yield _TAKEN[param.name]
    name = f"{operation.method} {operation.path}"
    for pattern, types in _SPECIFIC:
        if re.fullmatch(pattern.replace("{", r"\{").replace("}", r"\}"), name):
            yield from types


def _of_declaration(operation: Operation) -> Iterator[str]:
    if operation.scope != PUBLIC:
        yield "general_unauthorized_scope"
    if operation.params or operation.places or operation.method == "POST":
        yield "general_argument_invalid"
    if operation.places:
        yield "general_route_not_found"
    if operation.limit is not None:
        yield "general_rate_limit_exceeded"
