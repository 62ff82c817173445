"""What arrived, taken apart for the Sandbox page: emails by their parts, texts by segments, pushes as on a device."""

import base64
import json
import re
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from typing import Any
from urllib.parse import unquote

from app.emulators.gsm import count_parts, is_plain
from app.emulators.outbox import Received

LARGEST_PUSH = 4096  # bytes that FCM and APNs take
MAIL_VIEWS = {"html": "HTML", "text": "Text", "headers": "Headers", "attachments": "Attachments", "source": "Source"}
TEXT_VIEWS = {"text": "On the phone"}
_SHOWN = re.compile(r"""(?<=src=["'])cid:([^"'\s]{1,400})""")
_IMAGE = re.compile(r"image/[a-z0-9.+-]{1,40}")
PUSH_VIEWS = {"text": "On the device", "json": "JSON"}


def views_of(found: Received) -> dict[str, str]:
    """The tabs of a message by name: what there is to look at."""
    views = {"email": MAIL_VIEWS, "push": PUSH_VIEWS}.get(found.channel, TEXT_VIEWS)
    return {**views, "request": "Request"} if found.request else dict(views)


def parts_of(found: Received) -> dict[str, Any]:
    """What the page draws of a message, by the channel."""
    if found.channel == "email":
        return _mail_parts(parse_mail(found.raw))
    text = found.raw.decode("utf-8", "replace")
    return {"push": _push_parts(found, text)} if found.channel == "push" else {"sms": _text_parts(text)}


def parse_mail(raw: bytes) -> EmailMessage:
    """An email from its bytes, whatever is wrong with it."""
    return BytesParser(_class=EmailMessage, policy=policy.default).parsebytes(raw)


def content_of(part: Any) -> str:
    """The text of a part; empty when there is no such part."""
    if part is None:
        return ""
    try:
        return str(part.get_content())
    except (LookupError, UnicodeError):  # a charset nobody knows
        return bytes_of(part).decode("utf-8", "replace")


def bytes_of(part: Any) -> bytes:
    """The bytes of a part, decoded."""
    return bytes(part.get_payload(decode=True) or b"")


def page_of(mail: EmailMessage) -> str:
    """The HTML of an email with the images that travelled with it (RFC 2392) written into it; empty without HTML."""
    images = {str(part["Content-ID"]).strip("<> "): part for part in mail.walk() if part["Content-ID"]}

    def draw(found: re.Match[str]) -> str:
        part = images.get(unquote(found[1]))
        if part is None or not _IMAGE.fullmatch(part.get_content_type()):
            return found[0]
        return f"data:{part.get_content_type()};base64,{base64.b64encode(bytes_of(part)).decode()}"

    return _SHOWN.sub(draw, content_of(mail.get_body(("html",))))


def drawable(text: str) -> str:
    """The text with a mark in place of each sign that HTML cannot hold, such as NUL."""
    return "".join(sign if sign.isprintable() or sign in "\n\t" else "\ufffd" for sign in text.replace("\r\n", "\n"))


def plain_name(name: str) -> str:
    """A file's name without folders and without what no header line holds."""
    return "".join(filter(str.isprintable, name.replace("\\", "/").rpartition("/")[2]))[:128].strip(". ")


def _mail_parts(mail: EmailMessage) -> dict[str, Any]:
    text, html = mail.get_body(("plain",)), mail.get_body(("html",))
    files = [
        {"name": part.get_filename() or f"part-{number}", "type": part.get_content_type(), "size": len(bytes_of(part))}
        for number, part in enumerate(mail.iter_attachments())
    ]
    headers = [(name, drawable(str(value))) for name, value in mail.items()]
    return {
        "has_html": html is not None, "text": drawable(content_of(text)), "headers": headers, "attachments": files,
    }  # fmt: skip


def _text_parts(text: str) -> dict[str, Any]:
    """What a phone shows, and in how many parts the network carried it (3GPP TS 23.038)."""
    is_gsm = is_plain(text)
    beyond = sorted({sign for sign in text if not is_plain(sign)}) if not is_gsm else []
    return {
        "text": drawable(text), "encoding": "GSM-7" if is_gsm else "UCS-2", "signs": len(text),
        "segments": count_parts(text, is_unicode=not is_gsm), "beyond": beyond[:12],
    }  # fmt: skip


def _push_parts(found: Received, text: str) -> dict[str, Any]:
    """What the screen shows of a push, from the JSON that FCM or Apple was given; a silent one shows nothing."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):  # shown as it came
        document = None
    payload: dict[str, Any] = document if isinstance(document, dict) else {}
    is_apple = isinstance(payload.get("aps"), dict)
    shown = _apple_alert(payload["aps"]) if is_apple else _firebase_alert(payload)
    size = len(json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode())
    return {
        **{name: drawable(str(value)) if value else "" for name, value in shown.items()},
        "json": drawable(json.dumps(document, indent=2, ensure_ascii=False) if document is not None else text),
        "is_apple": is_apple, "is_silent": not any(shown.values()), "app": found.sender, "size": size,
        "largest": LARGEST_PUSH,
    }  # fmt: skip


def _apple_alert(aps: dict[str, Any]) -> dict[str, Any]:
    alert = aps.get("alert")
    if not isinstance(alert, dict):
        alert = {"body": alert}
    return {name: alert.get(name) for name in ("title", "subtitle", "body")} | {"image": None}


def _firebase_alert(message: dict[str, Any]) -> dict[str, Any]:
    notification = message.get("notification")
    found = notification if isinstance(notification, dict) else {}
    return {name: found.get(name) for name in ("title", "body", "image")} | {"subtitle": None}
