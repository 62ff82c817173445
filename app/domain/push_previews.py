"""What a person sees of a push notification on each device, what a device leaves out, and how it is carried.

How much is visible depends on the font size, the device and its width; the numbers are what most people see, and are
told as such. Sources: Apple, Human Interface Guidelines, Notifications; Android, Notifications overview; MDN,
Notification (providers.md 19.2).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from app.domain.apple_push import apple_priority, is_collapse_id, is_silent
from app.domain.push_rules import KEPT_FOR
from app.domain.rendered import RenderedPush


class Platform(StrEnum):
    """Where a notification is shown."""

    IOS = "ios"
    ANDROID = "android"
    WEB = "web"

    @property
    def label(self) -> str:
        """The word people read."""
        return {"ios": "iPhone", "android": "Android", "web": "Browser"}[self.value]


@dataclass(frozen=True, slots=True)
class Surface:
    """A place on a device: about how many characters and lines of title and words are seen there without a tap."""

    id: str
    platform: Platform
    label: str
    title: int
    title_lines: int
    body: int
    body_lines: int


# The smaller of the sheet's two numbers where it gives a range for titles, so that nobody counts on the last word.
SURFACES: tuple[Surface, ...] = (
    Surface("ios-lock", Platform.IOS, "Lock screen and notification centre", 35, 1, 178, 4),
    Surface("ios-banner", Platform.IOS, "Banner", 35, 1, 90, 2),
    Surface("android-collapsed", Platform.ANDROID, "Collapsed", 40, 1, 50, 1),
    Surface("android-expanded", Platform.ANDROID, "Expanded", 40, 1, 450, 10),
    Surface("web", Platform.WEB, "Browser", 50, 1, 120, 3),
)


@dataclass(frozen=True, slots=True)
class Cut:
    """A text that goes on where a surface ends: about `shown` of its `length` characters are seen."""

    surface: Surface
    field: str
    shown: int
    length: int
    last_words: str

    @property
    def sentence(self) -> str:
        """Where it ends, in words."""
        what = {"title": "title", "body": "words"}[self.field]
        return (
            f"{self.surface.label}: about the first {self.shown} characters of the {what} are seen, "
            f"up to “{self.last_words}”; there are {self.length:,}."
        )


@dataclass(frozen=True, slots=True)
class Ignored:
    """A field that is set and does nothing there, or not what it says."""

    field: str
    sentence: str

    @property
    def label(self) -> str:
        """What the field is called inside a sentence."""
        name = self.sentence.partition(":")[0]
        return name[:1].lower() + name[1:] if not name.startswith("Android") else name


@dataclass(frozen=True, slots=True)
class Device:
    """One platform's part of the preview. `is_silent`: nobody sees or hears anything of it there."""

    platform: Platform
    is_silent: bool
    cuts: tuple[Cut, ...]
    ignored: tuple[Ignored, ...]
    priority: str
    expiry: str
    collapse: str

    @property
    def label(self) -> str:
        """The platform's name."""
        return self.platform.label


def device_of(platform: Platform, push: RenderedPush) -> Device:
    """What becomes of a notification on that platform."""
    silent = is_quiet(platform, push)
    return Device(
        platform, silent,
        () if silent else tuple(_cuts(platform, push)),
        tuple(_ignored(platform, push, silent)),
        _priority(platform, push), f"Tried for {KEPT_FOR.days} days while the device is off, then given up.",
        _collapse(platform, push, silent),
    )  # fmt: skip


def is_quiet(platform: Platform, push: RenderedPush) -> bool:
    """Whether nothing is seen or heard there: Google's service shows what has words, an iPhone plays and counts too."""
    return is_silent(push) if platform is Platform.IOS else not (push.title or push.body)


def _cuts(platform: Platform, push: RenderedPush) -> Iterator[Cut]:
    for surface in SURFACES:
        if surface.platform is not platform:
            continue
        for name, text, size, lines in (
            ("title", push.title, surface.title, surface.title_lines),
            ("body", push.body, surface.body, surface.body_lines),
        ):
            shown = _shown(text, size, lines)
            if shown < len(text.strip()):
                yield Cut(surface, name, shown, len(text.strip()), _last_words(text.strip(), shown))


def _last_words(text: str, shown: int) -> str:
    """The last whole words that are seen, or the end of a long one."""
    words = text[:shown].split()
    is_torn = not (text[shown - 1].isspace() or text[shown].isspace())
    if is_torn and len(words) > 1:
        words.pop()
    return " ".join(words[-3:])[-30:]


def _shown(text: str, size: int, lines: int) -> int:
    """About how many characters are seen: those of so many lines at most, each line break costing the rest of one."""
    text = text.strip()
    per_line, seen, room = max(1, size // lines), 0, lines
    for line in text.split("\n"):
        needed = max(1, -(-len(line) // per_line))
        if needed > room:
            return min(len(text), seen + room * per_line)
        seen += len(line) + 1
        room -= needed
        if not room:
            break
    return min(len(text), max(seen - 1, 0))


# what a platform leaves out


def _ignored(platform: Platform, push: RenderedPush, silent: bool) -> Iterator[Ignored]:
    match platform:
        case Platform.IOS:
            yield from _ignored_on_ios(push, silent)
        case Platform.ANDROID:
            yield from _ignored_on_android(push, silent)
        case Platform.WEB:
            yield from _ignored_on_web(push, silent)


def _ignored_on_ios(push: RenderedPush, silent: bool) -> Iterator[Ignored]:
    if push.icon:
        yield Ignored("icon", "Icon: an iPhone shows the app's own icon.")
    if push.color:
        yield Ignored("color", "Colour: an iPhone does not tint notifications.")
    if push.channel_id:
        yield Ignored("channel_id", "Android channel: an iPhone has none.")
    if push.image and not silent:
        yield Ignored("image", "Image: shown only by apps that have a notification service extension.")
    if push.action and not silent:
        yield Ignored("action", "Opens: an iPhone hands it to the app as a category; the app decides what a tap does.")
    if push.critical:
        yield Ignored(
            "critical", "Critical: only for apps to which Apple gave the entitlement; others show it as usual."
        )
    if push.tag and not silent and not is_collapse_id(push.tag):
        yield Ignored("tag", "Tag: too long or not plain ASCII for Apple, so a digest travels; it works the same.")


def _ignored_on_android(push: RenderedPush, silent: bool) -> Iterator[Ignored]:
    if silent:
        for name, label, is_set in (
            ("sound", "Sound", push.sound), ("icon", "Icon", push.icon), ("color", "Colour", push.color),
            ("image", "Image", push.image), ("tag", "Tag", push.tag), ("action", "Opens", push.action),
            ("badge", "Badge", push.badge is not None),
        ):  # fmt: skip
            if is_set:
                yield Ignored(name, f"{label}: without title and words the app gets the data alone.")
    else:
        yield from _changed_on_android(push)
    if push.critical:
        yield Ignored("critical", "Critical: Android has no such thing; a channel can be allowed to interrupt.")


def _changed_on_android(push: RenderedPush) -> Iterator[Ignored]:
    if push.sound:
        channel = f"“{push.channel_id}”" if push.channel_id else "the app's default one"
        yield Ignored("sound", f"Sound: from Android 8 on the channel decides, here {channel}.")
    if push.badge is not None:
        yield Ignored("badge", "Badge: a number is shown by some home screens only; many show a dot.")
    if push.content_available:
        yield Ignored("content_available", "Wake the app: Android shows it and wakes the app only when it is tapped.")


def _ignored_on_web(push: RenderedPush, silent: bool) -> Iterator[Ignored]:
    if push.action and not push.action.startswith("https://") and not silent:
        yield Ignored("action", "Opens: a browser follows only addresses that start with https://.")
    for name, label, is_set in (
        ("sound", "Sound", push.sound), ("color", "Colour", push.color), ("badge", "Badge", push.badge is not None),
        ("channel_id", "Android channel", push.channel_id), ("critical", "Critical", push.critical),
    ):  # fmt: skip
        if is_set:
            yield Ignored(name, f"{label}: a browser has none.")


# how it is carried


def _priority(platform: Platform, push: RenderedPush) -> str:
    match platform:
        case Platform.IOS if is_silent(push):
            words = "When the device likes: Apple gives what nobody sees no urgency"
            return f"{words}, whatever is chosen." if push.priority == "high" else f"{words}."
        case Platform.IOS if apple_priority(push) == "10":
            return "At once."
        case Platform.IOS:
            return "With regard to the battery: it may wait."
        case Platform.ANDROID if push.priority == "high":
            return "At once, also when the device sleeps."
        case Platform.ANDROID:
            return "When the device wakes up."
        case Platform.WEB:
            return "At once while the browser runs; else when it is opened."


def _collapse(platform: Platform, push: RenderedPush, silent: bool) -> str:
    if silent and platform is Platform.IOS:
        return "Apple may keep only the newest one for a device that is off."
    if push.tag:
        return f"Takes the place of an earlier one with the tag “{push.tag[:60]}”."
    return "Stands beside earlier ones."
