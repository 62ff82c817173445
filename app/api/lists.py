"""What every list takes: queries, a search, whether to count."""

from collections.abc import Mapping

from app.api.kinds import LOOSE_BOOL, QUERIES, text
from app.api.operations import Call
from app.api.params import Param
from app.domain.list_query import Attribute, Shape, parse_queries
from app.services.programs.shelves import Wish

QUERY, SEARCH, TOTAL = Param("queries", QUERIES, ()), Param("search", text(256), ""), Param("total", LOOSE_BOOL, True)

TOPICS = {
    "name": Attribute("name"), "description": Attribute("description"),
    "emailTotal": Attribute("email_total", Shape.NUMBER), "smsTotal": Attribute("sms_total", Shape.NUMBER),
    "pushTotal": Attribute("push_total", Shape.NUMBER),
}  # fmt: skip
SUBSCRIBERS = {
    "targetId": Attribute("target_id"), "topicId": Attribute("topic_id"), "userId": Attribute("user_id"),
    "providerType": Attribute("channel"),
}  # fmt: skip
PROVIDERS = {
    "name": Attribute("name"), "provider": Attribute("kind"), "type": Attribute("channel"),
    "enabled": Attribute("enabled", Shape.FLAG),
}  # fmt: skip
TARGETS = {
    "userId": Attribute("user_id"), "providerId": Attribute("provider_id"), "identifier": Attribute("address"),
    "providerType": Attribute("channel"),
}  # fmt: skip
SUPPRESSIONS = {
    "identifier": Attribute("address_key"), "providerType": Attribute("channel"), "reason": Attribute("reason"),
}  # fmt: skip
USERS = {
    "name": Attribute("name"), "email": Attribute("email"), "phone": Attribute("phone"),
    "registration": Attribute("created_at", Shape.MOMENT), "status": Attribute("may_sign_in", Shape.FLAG),
    "labels": Attribute("labels", Shape.TEXTS), "passwordUpdate": Attribute("password_at", Shape.MOMENT),
    "accessedAt": Attribute("accessed_at", Shape.MOMENT), "emailVerification": Attribute("email_verified", Shape.FLAG),
    "phoneVerification": Attribute("phone_verified", Shape.FLAG), "impersonator": Attribute("impersonator", Shape.FLAG),
    "passwordPwned": Attribute("password_pwned", Shape.FLAG),
}  # fmt: skip
MESSAGES = {
    "scheduledAt": Attribute("scheduled_at", Shape.MOMENT), "deliveredAt": Attribute("settled_at", Shape.MOMENT),
    "deliveredTotal": Attribute("reached", Shape.NUMBER), "status": Attribute("status"),
    "providerType": Attribute("channel"), "users": Attribute("users", Shape.TEXTS),
    "targets": Attribute("targets", Shape.TEXTS),
}  # fmt: skip

BUCKETS = {
    "enabled": Attribute("enabled", Shape.FLAG), "name": Attribute("name"),
    "fileSecurity": Attribute("file_security", Shape.FLAG),
    "maximumFileSize": Attribute("maximum_file_size", Shape.NUMBER),
    "encryption": Attribute("encryption", Shape.FLAG), "antivirus": Attribute("antivirus", Shape.FLAG),
    "transformations": Attribute("transformations", Shape.FLAG),
    "stripMetadata": Attribute("strip_metadata", Shape.FLAG),
}  # fmt: skip
FILES = {
    "name": Attribute("name"), "folder": Attribute("folder"), "signature": Attribute("signature"),
    "mimeType": Attribute("mime_type"), "sizeOriginal": Attribute("size_original", Shape.NUMBER),
    "chunksTotal": Attribute("chunks_total", Shape.NUMBER),
    "chunksUploaded": Attribute("chunks_uploaded", Shape.NUMBER),
}  # fmt: skip


def wish(call: Call, attributes: Mapping[str, Attribute]) -> Wish:
    """What the call asks of a list with these attributes."""
    search = call.search if "search" in call.given else ""
    return Wish(parse_queries(call.queries, attributes), search, call.total)
