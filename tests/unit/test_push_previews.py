"""What devices show of a notification, what they leave out, and where a text ends."""

import pytest

from app.domain.push_previews import SURFACES, Platform, device_of, is_quiet
from app.domain.rendered import RenderedPush

LONG = (
    "One two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen. " * 5
)


def cuts(platform: Platform, push: RenderedPush) -> dict[tuple[str, str], int]:
    return {(cut.surface.id, cut.field): cut.shown for cut in device_of(platform, push).cuts}


def ignored(platform: Platform, push: RenderedPush) -> set[str]:
    return {each.field for each in device_of(platform, push).ignored}


def test_short_words_are_cut_nowhere() -> None:
    for platform in Platform:
        assert device_of(platform, RenderedPush("Rain soon", "Take an umbrella.")).cuts == ()


def test_a_long_text_ends_where_the_surface_does() -> None:
    push = RenderedPush("T" * 60, LONG)
    assert cuts(Platform.IOS, push) == {
        ("ios-lock", "title"): 35, ("ios-lock", "body"): 176, ("ios-banner", "title"): 35, ("ios-banner", "body"): 90,
    }  # fmt: skip
    assert cuts(Platform.ANDROID, push)["android-expanded", "body"] == 450
    assert cuts(Platform.WEB, push)["web", "title"] == 50


def test_line_breaks_use_up_the_lines() -> None:
    push = RenderedPush("List", "a\nb\nc\nd\ne\nf")
    assert cuts(Platform.IOS, push) == {("ios-lock", "body"): 7, ("ios-banner", "body"): 3}
    assert cuts(Platform.ANDROID, push) == {("android-collapsed", "body"): 1}


def test_the_sentence_names_the_last_words_and_the_length() -> None:
    cut = device_of(Platform.IOS, RenderedPush("Hi", LONG)).cuts[0]
    assert cut.sentence.startswith("Lock screen and notification centre: about the first 176 characters of the words")
    assert cut.sentence.endswith(f"there are {len(LONG.strip()):,}.")
    assert "up to “" in cut.sentence


@pytest.mark.parametrize("text", ["שלום עולם " * 40, "🎉" * 400, "x" * 999, "\n" * 50 + "a", "a" + "\n" * 50, " ", ""])
def test_any_text_can_be_measured(text: str) -> None:
    for platform in Platform:
        for cut in device_of(platform, RenderedPush("x", text)).cuts:
            assert 0 < cut.shown < cut.length


def test_what_a_platform_does_not_know_is_said() -> None:
    push = RenderedPush(
        "Hi", "Ho", action="acme://order", image="https://x.example/i", icon="van", sound="bell", color="#000000",
        tag="t", badge=3, content_available=True, critical=True, channel_id="orders",
    )  # fmt: skip
    assert ignored(Platform.IOS, push) == {"icon", "color", "channel_id", "image", "action", "critical"}
    assert ignored(Platform.ANDROID, push) == {"sound", "badge", "content_available", "critical"}
    assert ignored(Platform.WEB, push) == {"action", "sound", "color", "badge", "channel_id", "critical"}
    assert [ignored(platform, RenderedPush("Hi", "Ho")) for platform in Platform] == [set()] * 3


def test_a_sound_names_the_channel_that_decides() -> None:
    (said,) = device_of(Platform.ANDROID, RenderedPush("Hi", sound="bell", channel_id="orders")).ignored
    assert "“orders”" in said.sentence


def test_what_nobody_sees_is_silent_and_never_urgent_at_apple() -> None:
    push = RenderedPush(data={"sync": True}, content_available=True)
    assert all(is_quiet(platform, push) for platform in Platform)
    assert device_of(Platform.IOS, push).priority.startswith("When the device likes")
    assert device_of(Platform.ANDROID, push).priority == "At once, also when the device sleeps."


def test_a_badge_alone_is_seen_on_an_iphone_only() -> None:
    push = RenderedPush(badge=2)
    assert [is_quiet(platform, push) for platform in Platform] == [False, True, True]
    assert ignored(Platform.ANDROID, push) == {"badge"}


def test_priority_expiry_and_tag_are_told_in_words() -> None:
    push = RenderedPush("Hi", priority="normal", tag="order-17")
    assert device_of(Platform.IOS, push).priority == "With regard to the battery: it may wait."
    assert device_of(Platform.ANDROID, push).priority == "When the device wakes up."
    assert "order-17" in device_of(Platform.WEB, push).collapse
    assert "28 days" in device_of(Platform.IOS, push).expiry


def test_a_tag_that_apple_cannot_carry_is_told() -> None:
    assert ignored(Platform.IOS, RenderedPush("Hi", tag="ü")) == {"tag"}


@pytest.mark.parametrize(
    ("title", "last"),
    [
        ("We close the tower at nineteen hour tonight", "at nineteen hour"),
        ("We close the tower at nineteen today tonight", "tower at nineteen"),
        ("x" * 50, "x" * 30),
    ],
)
def test_a_cut_names_whole_words(title: str, last: str) -> None:
    assert device_of(Platform.IOS, RenderedPush(title)).cuts[0].last_words == last


def test_every_surface_belongs_to_a_platform_and_has_room() -> None:
    assert {surface.platform for surface in SURFACES} == set(Platform)
    assert all(surface.title and surface.body >= surface.body_lines for surface in SURFACES)
