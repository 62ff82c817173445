"""What is shown as the exact request of a push is what Google and Apple get of it, whatever it says."""

from collections.abc import Mapping
from typing import Any

import pytest

from app.domain.exact_request import HIDDEN
from app.domain.message_states import MessageEvent
from app.domain.permissions import Actor
from app.engine import dispatch, fanout, lifecycle
from app.engine.machine import Machine
from app.models.messages import Message
from app.services.previews import exact_request
from app.services.previews.request_sheets import RequestSheet, lay_out_requests
from app.services.providers import provider_sandbox
from app.services.work import Workshop
from tests import factories
from tests.emulators.test_roundtrip import announced, outbox, running

__all__ = ["announced", "outbox", "running"]  # fixtures

LONG = "Ein sehr langes Wort: Donaudampfschifffahrtsgesellschaftskapitän. " * 12
CONTENTS: Mapping[str, dict[str, Any]] = {
    "plain": {"title": "Rain", "body": "Soon, {{ name }}"},
    "only a title": {"title": "Rain"},
    "only words": {"body": "Rain & <b>wind</b> \" ' \\ / \t end"},
    "emoji": {"title": "🌧️👩‍👩‍👧‍👦 {{ name }}", "body": "🎉" * 60},
    "right to left": {"title": "سماء ممطرة {{ name }}", "body": "גשם כבד הלילה\nהישארו בבית \u202eabc"},
    "long words": {"title": "Kapitän", "body": LONG},
    "lines": {"title": "A\nB", "body": "one\n\n\ntwo\r\nthree\u2028four"},
    "variables": {"title": "{{ name | friend }}", "body": "{{ nick | you }} in {{ city }}", "tag": "x-{{ name }}"},
    "looks like a variable": {"title": "{{ sly }}", "body": "{% raw %} ${x} %(y)s"},
    "data": {"title": "Rain", "data": {"a": "1", "b": 2, "c": {"d": [1.5, None, "ü"]}, "{{ name }}": "{{ name }}"}},
    "everything": {
        "title": "Storm", "body": "Stay in", "action": "https://example.org/{{ name }}?a=1&b=2", "icon": "cloud",
        "sound": "siren", "color": "#0F766e", "tag": "storm", "badge": 4, "critical": True, "content_available": True,
        "priority": "normal", "channel_id": "alerts", "image_url": "https://x.example/i?a=1&b=2", "data": {"k": "v"},
    },
    "silent": {"content_available": True, "data": {"sync": "1"}},
    "silent and nested": {"data": {"deep": {"deeper": {"deepest": [[["x"]]]}}}},
    "badge cleared": {"badge": 0},
    "badge alone": {"badge": 2147483647, "sound": "default"},
    "a tag that is no header": {"title": "Rain", "tag": "größe 🎉 " * 8},
    "numbers": {"title": "Rain", "data": {"big": 9007199254740993, "small": 1e-9, "one": 1.0, "int": 1}},
    "zero width": {"title": "a\u200bb\u00adc\ufeff", "body": "e\u0301 é Å ﬀ"},
    "near the limit": {"title": "Rain", "body": "x" * 3700},
}  # fmt: skip


def settled(octets: bytes, key: str) -> bytes:
    """A body with the key that was shown in place of this delivery's own."""
    return octets.replace(key.encode(), exact_request.KEY.encode())


@pytest.mark.parametrize("kind", ["apns", "fcm"])
def test_the_service_gets_what_was_shown_but_for_the_named_places(
    kind: str, running: Any, announced: Any, outbox: Any, workshop: Workshop, actor: Actor
) -> None:
    address = {"apns": "a1" * 32, "fcm": "fcm:a-phone"}[kind]
    sheets: dict[str, RequestSheet] = {}
    keys: dict[str, str] = {}
    with workshop.open(actor) as work:
        provider_sandbox.connect_emulated(work, kind)
        person = factories.make_contact(work.session, name="Zoë “Z” & Co", sly="{{ name }}")
        target = factories.make_target(work.session, person, address=address, channel="push")
        for name, content in CONTENTS.items():
            image = {"image": ["b", "f"]} if "image_url" in content else {}
            message = factories.make_message(
                work.session, channel="push", content={"priority": "high", **content, **image},
                audience={"targets": [target.id]},
            )  # fmt: skip
            sheets[name] = lay_out_requests(work, message.id)
    machine = Machine(workshop.settings, workshop.database, workshop.broker, workshop.clock, workshop.vault)
    try:
        for name, sheet in sheets.items():
            with workshop.database.begin() as session:
                message = session.get_one(Message, sheet.message.pk)
                lifecycle.start(session, message, MessageEvent.SEND, workshop.clock.now())
            fanout.expand(machine, sheet.message.pk)
            dispatch.drain(machine, sheet.message.pk)
            received = outbox.get(outbox.newest()[0].id).request
            keys[name] = f"{len(keys) + 1}.{sheet.message.id}"
            _compare(name, sheet, received, keys[name])
    finally:
        machine.close()
    assert len(outbox.newest(1000)) == len(CONTENTS)


def _compare(name: str, sheet: RequestSheet, received: bytes, key: str) -> None:
    (asked,) = sheet.asked
    assert asked.request is not None, (name, asked.trouble)
    head, _, body = received.partition(b"\r\n\r\n")
    assert settled(body, key) == asked.request.body, name
    lines = dict(line.split(": ", 1) for line in head.decode().splitlines()[1:])
    heard = {header.lower(): value for header, value in lines.items()}
    for header, value in asked.request.headers:
        if header in asked.varies or header == "apns-expiration" or HIDDEN in value:
            assert heard[header], (name, header)
        else:
            assert heard[header] == value, (name, header)
