"""From the error family to the JSON that SDKs read: `message`, `code`, `type`, `version`; nothing else gets out."""

from importlib.metadata import version

import structlog
from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from app.api.answers import as_json
from app.domain.errors import AppError, Conflict, NotFound, TooMany, Unavailable

VERSION = version("carillon")
NO_STORE = {"Cache-Control": "no-cache, no-store, must-revalidate", "Expires": "0", "Pragma": "no-cache"}

# The status of a type is the contract's (section 4), whatever the service that raised it uses inside.
STATUS_OF = {
    "general_argument_invalid": 400, "general_query_invalid": 400, "general_cursor_not_found": 400,
    "database_query_order_null": 400, "general_bad_request": 400, "general_invalid_email": 400,
    "general_invalid_phone": 400, "general_unauthorized_scope": 401, "general_access_forbidden": 401,
    "general_unknown_origin": 403, "general_service_disabled": 403, "general_api_disabled": 403,
    "general_route_not_found": 404, "general_rate_limit_exceeded": 429, "general_unknown": 500,
    "general_server_error": 500, "general_not_implemented": 501,
    "project_not_found": 404, "project_id_missing": 403, "project_key_expired": 401,
    "user_unauthorized": 401, "user_jwt_invalid": 401, "user_jwt_and_cookie_set": 403,
    "user_api_key_and_session_set": 403, "user_jwt_creation_denied": 403, "user_session_already_exists": 401,
    "user_invalid_credentials": 401, "user_blocked": 403, "user_password_reset_required": 412,
    "user_more_factors_required": 401, "user_not_found": 404, "user_session_not_found": 404,
    "user_identity_not_found": 404, "user_already_exists": 409, "user_email_already_exists": 409,
    "user_phone_already_exists": 409,
    "user_count_exceeded": 400, "user_email_disposable": 400, "user_email_free": 400, "user_email_not_canonical": 400,
    "user_email_not_corporate": 400, "password_personal_data": 400, "password_recently_used": 400,
    "user_auth_method_unsupported": 501, "user_target_not_found": 404, "user_target_already_exists": 409,
    "target_provider_invalid_type": 400, "provider_not_found": 404, "provider_already_exists": 409,
    "provider_incorrect_type": 400, "provider_missing_credentials": 400, "topic_not_found": 404,
    "topic_already_exists": 409, "subscriber_not_found": 404, "subscriber_already_exists": 409,
    "message_not_found": 404, "message_already_exists": 409, "message_missing_target": 400,
    "message_already_processing": 400, "message_already_sent": 400, "message_already_failed": 400,
    "message_already_scheduled": 400, "message_missing_schedule": 400, "message_target_not_email": 400,
    "message_target_not_sms": 400, "message_target_not_push": 400, "schedule_not_found": 404,
    "storage_bucket_not_found": 404, "storage_bucket_already_exists": 409, "storage_file_not_found": 404,
    "storage_file_already_exists": 409, "storage_file_empty": 400, "storage_file_type_unsupported": 400,
    "storage_invalid_file_size": 400, "storage_invalid_file": 403, "storage_invalid_content_range": 400,
    "storage_invalid_appwrite_id": 400, "storage_invalid_range": 416, "storage_bucket_transformations_disabled": 403,
    "storage_image_resolution_exceeded": 400, "suppression_not_found": 404, "suppression_already_exists": 409,
}  # fmt: skip


def install(api: Flask) -> None:
    """Answer every error of the API as JSON."""
    api.register_error_handler(AppError, _answer_app_error)
    api.register_error_handler(HTTPException, _answer_http_error)
    api.register_error_handler(Exception, _answer_bug)


def envelope(status: int, type: str, message: str) -> Response:
    """One error as SDKs read it."""
    answer = as_json({"message": message, "code": status, "type": type, "version": VERSION}, status)
    answer.headers.update(NO_STORE)
    return answer


def _answer_app_error(error: AppError) -> Response:
    if isinstance(error, Unavailable):
        return envelope(503, "general_server_error", error.message)
    if isinstance(error, TooMany):
        answer = envelope(429, error.type, error.message)
        answer.headers["Retry-After"] = str(error.retry_after)
        return answer
    if error.type in STATUS_OF:
        return envelope(STATUS_OF[error.type], error.type, error.message)
    if isinstance(error, NotFound):
        return envelope(404, "general_route_not_found", error.message)
    if isinstance(error, Conflict):
        return envelope(400, "general_bad_request", error.message)
    return envelope(error.status, error.type, error.message)


def _answer_http_error(error: HTTPException) -> Response:
    match error.code:
        case 404 | 405 | 308:
            return envelope(404, "general_route_not_found", f"There is no {request.method} {request.path[:200]} here.")
        case 413:
            return envelope(413, "general_bad_request", "The request has more than 12 MiB. Send less at once.")
        case _:
            return envelope(400, "general_bad_request", "The request cannot be read. Check its headers and body.")


def _answer_bug(error: Exception) -> Response:
    structlog.get_logger(__name__).error("The API failed", path=request.path, method=request.method, exc_info=error)
    return envelope(500, "general_unknown", "Server Error")
