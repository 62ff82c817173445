"""What answers look like, as JSON Schema: one declaration per field (contract, section 8), for document and tests."""

from collections.abc import Mapping
from typing import Any

from app.domain.channels import Channel
from app.domain.delivery_states import DeliveryState
from app.domain.sms_segments import Encoding
from app.services.people.suppressions import REASONS

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
FLAG: Schema = {"type": "boolean"}
COUNT: Schema = {"type": "integer", "minimum": 0}
ANY_OBJECT: Schema = {"type": "object"}
DATE: Schema = {"type": "string", "format": "date-time"}
CHANNEL: Schema = {"type": "string", "enum": [each.value for each in Channel]}


def say(schema: Schema, description: str) -> Schema:
    """The same with a sentence on what it means."""
    return schema | {"description": description}


def maybe(schema: Schema) -> Schema:
    """The same, or null."""
    return schema | {"type": [schema["type"], "null"]}


def listed(items: Schema) -> Schema:
    """A list of such values."""
    return {"type": "array", "items": items}


def one(model: str) -> Schema:
    """A model where a value stands."""
    return {"$ref": f"#/components/schemas/{model}"}


def record(description: str, fields: Mapping[str, Schema], *, optional: tuple[str, ...] = ()) -> Schema:
    """An object that always has these fields, but for the optional ones."""
    required = [name for name in fields if name not in optional]
    return {"type": "object", "description": description, "required": required, "properties": dict(fields)}


def page_of(model: str, key: str, **more: Schema) -> Schema:
    """A list as it is answered: the total, and the rows of one page."""
    total = say(COUNT, "How many there are in all, counted up to 5,000; 0 when the count was not wanted.")
    return record(f"A page of {key}.", {"total": total, key: listed(one(model)), **more})


HEAD = {
    "$id": say(TEXT, "The id."),
    "$createdAt": say(DATE, "When it was made."),
    "$updatedAt": say(DATE, "When it was changed last."),
}
_DATE_OR_EMPTY: Schema = {"type": "string", "anyOf": [{"format": "date-time"}, {"const": ""}]}
_OF_PUSH_TOPICS = "Quality of service of push topics; unused here."

_TARGET = HEAD | {
    "name": TEXT,
    "userId": TEXT,
    "providerId": say(maybe(TEXT), "The provider that has to be used; null leaves it to the project's order."),
    "providerType": CHANNEL,
    "identifier": say(TEXT, "The email address, the phone number or the device token."),
    "expired": say(FLAG, "Whether the vendor said that nothing arrives there any more."),
}

_EMAIL_CONTENT = record(
    "What an email says.",
    {
        "subject": TEXT, "content": TEXT, "html": FLAG, "cc": listed(TEXT), "bcc": listed(TEXT),
        "attachments": listed(record("A file.", {"bucketId": TEXT, "fileId": TEXT})),
        "replyToEmail": say(TEXT, "Where answers go, when not where the provider says."), "replyToName": TEXT,
        "emails": say(listed(TEXT), "Addresses that belong to no target."),
    },
    optional=("replyToEmail", "replyToName", "emails"),
)  # fmt: skip
_SMS_CONTENT = record("What an SMS says.", {"content": TEXT})
_PUSH = {
    "title": TEXT, "body": TEXT, "data": ANY_OBJECT, "action": TEXT,
    "image": record("A picture in storage.", {"bucketId": TEXT, "fileId": TEXT, "url": TEXT}), "icon": TEXT,
    "sound": TEXT, "color": TEXT, "tag": TEXT, "badge": {"type": "integer"}, "contentAvailable": FLAG,
    "critical": FLAG, "priority": {"type": "string", "enum": ["normal", "high"]}, "channelId": TEXT,
}  # fmt: skip
_PUSH_CONTENT = record(
    "What a push notification says; only what was given.", _PUSH,
    optional=tuple(name for name in _PUSH if name != "priority"),
)  # fmt: skip

_MESSAGE = HEAD | {
    "providerType": CHANNEL,
    "topics": listed(TEXT),
    "users": listed(TEXT),
    "targets": listed(TEXT),
    "scheduledAt": maybe(DATE),
    "deliveredAt": say(maybe(DATE), "When the last recipient was settled; null until something was tried."),
    "deliveryErrors": say(maybe(listed(TEXT)), "What failed, in words, at most 100."),
    "deliveredTotal": COUNT,
    "data": {"anyOf": [_EMAIL_CONTENT, _SMS_CONTENT, _PUSH_CONTENT]},
    "status": {"type": "string", "enum": ["draft", "processing", "scheduled", "sent", "failed"]},
}

_CLIENT = dict.fromkeys(
    (
        "ip", "osCode", "osName", "osVersion", "clientType", "clientCode", "clientName", "clientVersion",
        "clientEngine", "clientEngineVersion", "deviceName", "deviceBrand", "deviceModel", "countryCode",
        "countryName",
    ),
    TEXT,
)  # fmt: skip

_ACCOUNT = HEAD | {
    "name": TEXT, "registration": DATE, "status": say(FLAG, "False for a user who may not sign in."),
    "labels": listed(TEXT), "passwordUpdate": _DATE_OR_EMPTY, "email": TEXT, "phone": TEXT,
    "emailVerification": FLAG, "phoneVerification": FLAG, "mfa": FLAG,
    "prefs": say(ANY_OBJECT, "What messages can name as variables."), "targets": listed(one("Target")),
    "accessedAt": _DATE_OR_EMPTY, "emailCanonical": maybe(TEXT), "emailIsFree": maybe(FLAG),
    "emailIsDisposable": maybe(FLAG), "emailIsCorporate": maybe(FLAG), "emailIsCanonical": maybe(FLAG),
    "passwordPwned": maybe(FLAG), "impersonator": maybe(FLAG), "impersonatorUserId": maybe(TEXT),
}  # fmt: skip

_DELIVERY = HEAD | {
    "messageId": TEXT,
    "identifier": say(TEXT, "The address that is written to."),
    "providerType": CHANNEL,
    "state": {"type": "string", "enum": [each.value for each in DeliveryState]},
    "reason": say(maybe(TEXT), "The word for what stands in the way; null or empty when nothing does."),
    "attempts": COUNT,
    "userName": maybe(TEXT),
    "providerName": maybe(TEXT),
    "providerMessageId": say(maybe(TEXT), "The id that the vendor gave it."),
    "wasUncertain": say(FLAG, "Whether it was once not known if it had gone out."),
    "nextAttemptAt": maybe(DATE),
}
_ATTEMPT = record(
    "One try.",
    {
        "number": COUNT, "startedAt": DATE, "endedAt": DATE, "outcome": TEXT, "reason": maybe(TEXT),
        "code": say(maybe(TEXT), "The vendor's code."), "detail": say(maybe(TEXT), "The vendor's words."),
        "providerName": maybe(TEXT),
    },
)  # fmt: skip


def _preview(channel: Channel, description: str, fields: Schema, *, optional: tuple[str, ...] = ()) -> Schema:
    head = {
        "providerType": {"const": channel.value}, "identifier": TEXT, "userName": TEXT,
        "missing": say(listed(TEXT), "Variables without a value or a fallback."),
    }  # fmt: skip
    return record(description, head | fields, optional=optional)


_SEGMENT = record("One part, as it is charged.", {"text": TEXT, "units": COUNT})
_OFFENDER = record(
    "A character that GSM-7 lacks.",
    {
        "position": say(COUNT, "Characters before it."), "character": TEXT,
        "replacement": say(maybe(TEXT), "What GSM-7 has in its place; null when there is nothing."),
    },
)  # fmt: skip
_PUSH_SHOWN = _PUSH | {"image": say(TEXT, "Where devices open the image; empty in a preview of words alone.")}
_PREVIEW: Schema = {
    "description": "What one recipient will receive.",
    "anyOf": [
        _preview(Channel.EMAIL, "An email.", {
            "subject": TEXT, "html": TEXT, "text": TEXT, "size": say(COUNT, "Bytes of the HTML."),
        }),
        _preview(Channel.SMS, "A text message.", {
            "text": TEXT, "encoding": {"type": "string", "enum": [each.value for each in Encoding]},
            "units": say(COUNT, "Septets (GSM-7) or UTF-16 code units (UCS-2)."),
            "segments": say(COUNT, "How many messages are charged."), "unitsPerSegment": COUNT,
            "parts": listed(_SEGMENT), "offenders": say(listed(_OFFENDER), "At most 100."),
        }),
        _preview(
            Channel.PUSH, "A push notification; only what was given.", _PUSH_SHOWN,
            optional=tuple(name for name in _PUSH_SHOWN if name != "priority"),
        ),
    ],
}  # fmt: skip

SCHEMAS: Mapping[str, Schema] = {
    "Error": record(
        "Why a request was refused.",
        {
            "message": say(TEXT, "A sentence: what is wrong, and what would be right."),
            "code": say({"type": "integer"}, "The HTTP status."),
            "type": say(TEXT, "A stable word for programs."),
            "version": say(TEXT, "The version of this server."),
        },
    ),
    "Provider": record(
        "An account at a company that delivers.",
        HEAD | {
            "name": TEXT, "provider": say(TEXT, "The kind, for example smtp."), "enabled": FLAG, "type": CHANNEL,
            "credentials": say(ANY_OBJECT, "Its secrets; dots unless the key may write providers."),
            "options": maybe(ANY_OBJECT),
        },
    ),
    "Topic": record(
        "A list that targets subscribe to.",
        HEAD | {
            "name": TEXT, "description": TEXT, "emailTotal": COUNT, "smsTotal": COUNT, "pushTotal": COUNT,
            "subscribe": say(listed(TEXT), "The roles that may subscribe."),
            "qos": say(maybe({"type": "number"}), _OF_PUSH_TOPICS),
            "expiry": say(maybe({"type": "number"}), _OF_PUSH_TOPICS),
        },
    ),
    "Target": record("An address of a user.", _TARGET),
    "Subscriber": record(
        "A target on a topic.",
        HEAD | {
            "targetId": TEXT, "target": one("Target"), "userId": TEXT, "userName": TEXT, "topicId": TEXT,
            "providerType": CHANNEL,
        },
    ),
    "Message": record("What is sent.", _MESSAGE),
    "Bucket": record(
        "A place for files, with its rules.",
        HEAD | {
            "$permissions": listed(TEXT), "name": TEXT, "description": TEXT, "fileSecurity": FLAG, "enabled": FLAG,
            "maximumFileSize": COUNT, "allowedFileExtensions": listed(TEXT),
            "compression": {"type": "string", "enum": ["none", "gzip", "zstd"]}, "encryption": FLAG,
            "antivirus": say(FLAG, "Kept and told; nothing is scanned here."), "transformations": FLAG,
            "stripMetadata": FLAG, "totalSize": COUNT,
        },
    ),
    "File": record(
        "A file, or one that is on its way.",
        HEAD | {
            "bucketId": TEXT, "$permissions": listed(TEXT), "name": TEXT, "folder": TEXT,
            "key": say(TEXT, "Folder and name."), "signature": say(TEXT, "The MD5 of its bytes; empty until whole."),
            "mimeType": TEXT, "sizeOriginal": COUNT, "sizeActual": say(COUNT, "What it takes in the store."),
            "chunksTotal": COUNT, "chunksUploaded": COUNT, "encryption": FLAG, "compression": TEXT,
        },
    ),
    "User": record(
        "Somebody who can be reached.",
        _ACCOUNT | {
            "password": say(maybe(TEXT), "The hash of the password."), "hash": say(maybe(TEXT), "How it was made."),
            "hashOptions": maybe(ANY_OBJECT),
        },
    ),
    "Account": record("Whoever is signed in.", _ACCOUNT),
    "Preferences": say(ANY_OBJECT, "Names and values of the program's own choice."),
    "Session": record(
        "A sign-in.",
        HEAD | _CLIENT | {
            "userId": TEXT, "expire": DATE, "provider": TEXT, "providerUid": TEXT, "providerAccessToken": TEXT,
            "providerAccessTokenExpiry": TEXT, "providerRefreshToken": TEXT, "current": FLAG, "factors": listed(TEXT),
            "secret": say(TEXT, "Shown to keys, as X-Appwrite-Session carries it; empty for everybody else."),
            "mfaUpdatedAt": TEXT,
        },
    ),
    "Jwt": record("A token that stands for a signed-in user for a while.", {"jwt": TEXT}),
    "MfaFactors": record(
        "Which second factors a user has.",
        {"totp": FLAG, "phone": FLAG, "email": FLAG, "recoveryCode": FLAG, "custom": FLAG},
    ),
    "Membership": record("A team of a user; there are none here.", HEAD),
    "Identity": record("An identity at another service; there are none here.", HEAD),
    "Log": record(
        "Something that was done.",
        _CLIENT | {
            "event": TEXT, "userId": TEXT, "userEmail": TEXT, "userName": TEXT, "mode": TEXT, "userType": TEXT,
            "time": DATE,
        },
    ),
    "Delivery": record("What became of one recipient.", _DELIVERY),
    "DeliveryStory": record(
        "One recipient with every attempt.", _DELIVERY | {"userId": maybe(TEXT), "history": listed(_ATTEMPT)}
    ),
    "Preview": _PREVIEW,
    "Suppression": record(
        "An address that is never written to.",
        HEAD | {
            "identifier": say(TEXT, "The address as it is compared: an email address in lower case."),
            "providerType": CHANNEL, "reason": {"type": "string", "enum": list(REASONS)},
            "source": say(TEXT, "Where it came from, in words."),
        },
    ),
    "ProviderList": page_of("Provider", "providers"),
    "TopicList": page_of("Topic", "topics"),
    "TargetList": page_of("Target", "targets"),
    "SubscriberList": page_of("Subscriber", "subscribers"),
    "MessageList": page_of("Message", "messages"),
    "SuppressionList": page_of("Suppression", "suppressions"),
    "BucketList": page_of("Bucket", "buckets"),
    "FileList": page_of("File", "files"),
    "UserList": page_of("User", "users"),
    "SessionList": page_of("Session", "sessions"),
    "LogList": page_of("Log", "logs"),
    "MembershipList": page_of("Membership", "memberships"),
    "IdentityList": page_of("Identity", "identities"),
    "DeliveryList": page_of(
        "Delivery", "deliveries", next=say(maybe(TEXT), "The cursor of the page that follows.")
    ),
}  # fmt: skip
