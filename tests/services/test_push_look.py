"""What the composer says of a push: checks by what its providers reach, bytes at the worst, its image."""

from typing import Any

import pytest

from app.domain.permissions import Actor
from app.models.messages import Message
from app.services.previews import preview
from app.services.previews.push_look import PushLook
from app.services.work import Work, Workshop
from app.services.writing import composer
from tests.factories import make_contact, make_file, make_message, make_push_provider, make_target, make_topic


def draft(work: Work, *names: str, kinds: tuple[str, ...] = ("apns", "fcm"), **content: Any) -> Message:
    """A push to people of those names, with a provider of each kind."""
    for kind in kinds:
        make_push_provider(work, kind)
    targets = [
        make_target(work.session, make_contact(work.session, name=name), address=f"t:{name}"[:60], channel="push")
        for name in names or ("Ann",)
    ]
    topic = make_topic(work.session, targets=targets)
    content = {"title": "Rain", "body": "Soon", "priority": "high", **content}
    return make_message(work.session, channel="push", content=content, audience={"topics": [topic.id]})


def found(work: Work, message: Message) -> dict[str, tuple[str, str]]:
    return {check.code: (check.level, check.field) for check in preview.review(work, message).checks}


def test_a_plain_push_has_nothing_to_mend(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        assert found(work, draft(work)) == {}


@pytest.mark.parametrize(
    ("content", "code", "level", "field"),
    [
        ({"color": "red"}, "color_unknown", "blocks", "color"),
        ({"data": {"aps": 1}}, "data_key_reserved", "blocks", "data"),
        ({"data": {"google.x": "1"}}, "data_key_reserved", "blocks", "data"),
        ({"title": "x" * 40}, "title_long", "advises", "title"),
        ({"body": "x" * 200}, "body_long", "advises", "body"),
        ({"title": ""}, "title_missing", "advises", "title"),
        ({"content_available": True}, "waking_seen", "advises", "content_available"),
        ({"title": "", "body": "", "data": {"a": "b"}}, "push_silent", "advises", "title"),
        ({"critical": True}, "critical_entitlement", "advises", "critical"),
        ({"sound": "siren"}, "sound_of_channel", "advises", "channel_id"),
        ({"body": "x" * 4100}, "payload_large", "blocks", "body"),
        ({"body": "x" * 3800}, "payload_nearly_large", "advises", "body"),
        ({"image": ["b", "gone"], "image_url": "https://x.example/i"}, "image_gone", "blocks", "files"),
        ({"title": "{{ nick", "body": "a"}, "variable_unreadable", "blocks", "title"),
        ({"title": "", "body": ""}, "title_empty", "blocks", "title"),
    ],
)
def test_what_must_be_mended_and_what_deserves_a_look(
    workshop: Workshop, actor: Actor, content: dict[str, Any], code: str, level: str, field: str
) -> None:
    with workshop.open(actor) as work:
        assert found(work, draft(work, **content))[code] == (level, field)


@pytest.mark.parametrize("content", [{"sound": "default"}, {"sound": "siren", "channel_id": "alerts"}, {"badge": 3}])
def test_what_is_no_mistake_is_not_told(workshop: Workshop, actor: Actor, content: dict[str, Any]) -> None:
    with workshop.open(actor) as work:
        assert found(work, draft(work, **content)) == {}


def test_what_only_the_other_service_refuses_does_not_block(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        message = draft(work, kinds=("apns",), color="red", sound="siren", data={"google.x": "1"})
        assert found(work, message) == {"color_unknown": ("advises", "color")}


def test_the_longest_of_the_first_recipients_decides(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        message = draft(work, "Al", "Maximiliane " * 10, body="x" * 3980 + "{{ name }}")
        sentences = [check.sentence for check in preview.review(work, message).checks if check.code == "payload_large"]
        assert sentences
        assert all("Maximiliane" in each for each in sentences)


def test_an_image_that_android_would_not_show_is_told(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        make_file(work.session, "big.png", mime_type="image/png").size_original = 1_500_000
        message = draft(work, image=["b", "f"], image_url="https://x.example/i")
        assert found(work, message) == {"image_large": ("advises", "files")}


def test_an_image_that_no_phone_can_open_is_told_unless_the_sandbox_gets_it(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        make_file(work.session, "rain.png", mime_type="image/png")
        message = draft(work, kinds=("fcm",), image=["b", "f"], image_url="http://127.0.0.1/i")
        assert found(work, message) == {"image_address": ("advises", "files")}
        make_push_provider(work, "apns", is_emulated=True)
        assert "image_address" in found(work, message)


def test_the_sandbox_opens_images_on_this_machine(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        make_file(work.session, "rain.png", mime_type="image/png")
        make_push_provider(work, "fcm", is_emulated=True)
        message = draft(work, kinds=(), image=["b", "f"], image_url="http://127.0.0.1/i")
        assert found(work, message) == {}


def test_the_desk_has_the_look_of_the_chosen_person(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        message = draft(work, "Ann", "Ben", body="{{ name }}", color="#0f766e", image=["b", "gone"])
        target = make_target(work.session, make_contact(work.session, name="Zoë"), address="t:zoe", channel="push")
        desk = composer.lay_out(work, message.id, as_target=target.id)
        look = desk.look
        assert isinstance(look, PushLook)
        assert look.image is not None
        assert (look.tint, look.image.name, look.image.is_gone) == ("#0f766e", "Deleted image", True)
        assert {weight.whose for weight in look.weights} == {desk.preview.sample.label}, "ë takes two octets"
        assert [device.platform for device in look.devices] == ["ios", "android", "web"]
        assert "Zoë" in look.asked[0].request.text
