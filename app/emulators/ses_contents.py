"""What emails to the emulated SES come to: raw ones that say themselves who they are from and for, templates, bulks.

No template is stored, so each comes with the request. Source: the API reference of SES, version 2: SendEmail,
SendBulkEmail, Template, RawMessage, BulkEmailEntry, BulkEmailEntryResult.
"""

import base64
import json
import re
from collections.abc import Iterator, Mapping
from email import message_from_bytes, policy
from email.utils import formataddr, getaddresses
from typing import Any

MOST_ENTRIES = 50
_BLANK = re.compile(r"\{\{\s*([A-Za-z0-9_.-]+)\s*\}\}")
_PARTS = ("Subject", "Text", "Html")
# What became of one entry of a bulk, by the type of the error that the same email would end with alone.
STATUSES: Mapping[str, str] = {
    "BadRequestException": "INVALID_PARAMETER", "MessageRejected": "MESSAGE_REJECTED",
    "NotFoundException": "TEMPLATE_NOT_FOUND", "SerializationException": "INVALID_PARAMETER",
}  # fmt: skip


class NoTemplate(LookupError):
    """A template that is not stored; the text is its name."""


def fill(template: Mapping[str, Any]) -> dict[str, Any] | None:
    """The simple content that a template with its data comes to; None when a variable has no value.

    Amazon takes such an email and sends nothing (it publishes a Rendering Failure). Raises NoTemplate, and ValueError
    for data that is no JSON object.
    """
    content = template.get("TemplateContent")
    if content is None:
        raise NoTemplate(str(template.get("TemplateName") or template.get("TemplateArn") or ""))
    known = json.loads(template.get("TemplateData") or "{}")
    if not isinstance(known, dict):
        raise ValueError("The template data is no JSON object.")  # noqa: TRY004 - a wrong value of the other side's
    texts = {part: str(content.get(part) or "") for part in _PARTS}
    if any(name not in known for text in texts.values() for name in _BLANK.findall(text)):
        return None
    done = {part: _BLANK.sub(lambda blank: str(known[blank[1]]), text) for part, text in texts.items()}
    body = {part: {"Data": done[part]} for part in ("Text", "Html") if done[part]}
    return {"Subject": {"Data": done["Subject"]}, "Body": body, "Headers": template.get("Headers") or []}


def complete(email: Mapping[str, Any]) -> dict[str, Any]:
    """The email with sender and recipients out of its own header, where the request does not say them.

    ValueError for data that is no base64.
    """
    mail = message_from_bytes(base64.b64decode(email["Content"]["Raw"]["Data"], validate=True), policy=policy.default)
    found = {
        f"{name}Addresses": [formataddr(each) for each in getaddresses([str(mail[name])])]
        for name in ("To", "Cc", "Bcc")
        if mail[name]
    }
    return {"FromEmailAddress": str(mail["From"] or ""), "Destination": found, **email}


def emails_of(bulk: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The emails of a bulk as SendEmail would be given them, one for each entry, in order."""
    kept = ("FromEmailAddress", "ReplyToAddresses", "ConfigurationSetName", "TenantName", "EndpointId")
    shared = {name: bulk[name] for name in kept if name in bulk}
    template = bulk["DefaultContent"]["Template"]
    for entry in bulk["BulkEmailEntries"]:
        own = (entry.get("ReplacementEmailContent") or {}).get("ReplacementTemplate") or {}
        known = json.loads(template.get("TemplateData") or "{}") | json.loads(
            own.get("ReplacementTemplateData") or "{}"
        )
        headers = entry.get("ReplacementHeaders") or template.get("Headers") or []
        yield {
            **shared, "Destination": entry.get("Destination") or {},
            "EmailTags": entry.get("ReplacementTags") or bulk.get("DefaultEmailTags") or [],
            "Content": {"Template": {**template, "TemplateData": json.dumps(known), "Headers": headers}},
        }  # fmt: skip
