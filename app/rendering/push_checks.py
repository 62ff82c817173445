"""What blocks sending a push notification and what only deserves a look, beside its words: each with its field."""

from collections.abc import Iterator

from app.domain.apple_push import is_silent
from app.domain.push_previews import SURFACES, Platform
from app.domain.push_rules import is_color, is_kept_by_apple, is_kept_by_google
from app.domain.rendered import RenderedPush
from app.rendering.checks import Check

_LOCK = next(surface for surface in SURFACES if surface.id == "ios-lock")


def check_push(push: RenderedPush, platforms: frozenset[Platform]) -> list[Check]:
    """All findings about a notification as one person gets it; `platforms` are those that it may go to.

    What a service refuses for everybody blocks; elsewhere it deserves a look.
    """
    found = [
        *_check_color(push, platforms), *_check_data(push, platforms), *_check_length(push), *_check_waking(push),
        *_check_critical(push, platforms), *_check_sound(push, platforms), *_check_image(push),
    ]  # fmt: skip
    return sorted(found, key=lambda check: check.level != "blocks")


def _check_color(push: RenderedPush, platforms: frozenset[Platform]) -> Iterator[Check]:
    if push.color and not is_color(push.color):
        shown = push.color[:30]
        sentence = f"Colour “{shown}” is none that Google takes. Write it like #0f766e, or leave it out."
        yield Check("blocks" if Platform.ANDROID in platforms else "advises", "color", sentence, "color_unknown")


def _check_data(push: RenderedPush, platforms: frozenset[Platform]) -> Iterator[Check]:
    for key in push.data:
        for platform, owner, is_kept in (
            (Platform.IOS, "Apple", is_kept_by_apple), (Platform.ANDROID, "Google", is_kept_by_google),
        ):  # fmt: skip
            if is_kept(key) and platform in platforms:
                sentence = f"{owner} keeps the data key “{key[:60]}” for itself and would refuse it. Name it otherwise."
                yield Check("blocks", "data", sentence, "data_key_reserved")


def _check_length(push: RenderedPush) -> Iterator[Check]:
    if (length := len(push.title.strip())) > _LOCK.title:
        sentence = f"Phones show about {_LOCK.title} characters of a title; yours has {length:,}. The end would be cut."
        yield Check("advises", "title", sentence, "title_long")
    if (length := len(push.body.strip())) > _LOCK.body:
        sentence = f"A locked iPhone shows about {_LOCK.body} characters of the words; there are {length:,}."
        yield Check("advises", "body", f"{sentence} Say what matters first.", "body_long")
    if push.body and not push.title:
        sentence = "Without a title people see the app's name and the words, and on a watch little else."
        yield Check("advises", "title", sentence, "title_missing")


def _check_waking(push: RenderedPush) -> Iterator[Check]:
    if push.content_available and not is_silent(push):
        sentence = (
            "It wakes the app and is seen as well. To wake the app quietly, leave title, words, sound and badge empty."
        )
        yield Check("advises", "content_available", sentence, "waking_seen")
    if is_silent(push) and (push.data or push.content_available):
        sentence = (
            "Nobody sees this: the app wakes up and gets the data. iPhones let an app be woken a few times an hour."
        )
        yield Check("advises", "title", sentence, "push_silent")


def _check_critical(push: RenderedPush, platforms: frozenset[Platform]) -> Iterator[Check]:
    if not push.critical:
        return
    sentence = (
        "A critical alert sounds even when an iPhone is muted, and only for apps to which Apple has given the "
        "entitlement. Without it, it arrives like any other."
    )
    if Platform.IOS not in platforms:
        sentence = "Critical is an iPhone's; none of your providers reaches one, so it changes nothing."
    yield Check("advises", "critical", sentence, "critical_entitlement")


def _check_sound(push: RenderedPush, platforms: frozenset[Platform]) -> Iterator[Check]:
    if push.sound and push.sound != "default" and not push.channel_id and Platform.ANDROID in platforms:
        sentence = (
            f"From Android 8 on “{push.sound[:40]}” is not heard: the sound is the channel's, and none is named. "
            "Name the Android channel that has it."
        )
        yield Check("advises", "channel_id", sentence, "sound_of_channel")


def _check_image(push: RenderedPush) -> Iterator[Check]:
    if push.image and not (push.title or push.body):
        yield Check("advises", "files", "Without title and words nobody sees the image. Write them.", "image_unseen")
    elif push.image and not push.image.startswith("https://"):
        sentence = (
            "The image has an address that does not start with https://, which phones do not open. Set "
            "CARILLON_PUBLIC_URL to an address with https://."
        )
        yield Check("advises", "files", sentence, "image_address")
