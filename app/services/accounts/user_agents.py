"""User agents in words: which system, program and device a request came from, as far as its header tells."""

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

from app.infra.loading import later

if TYPE_CHECKING:
    import ua_parser
    from ua_parser import OS, Device
    from ua_parser import UserAgent as Program
else:
    ua_parser = later("ua_parser")

LONGEST = 512  # the header is somebody else's text; what follows is not looked at

# Short codes are those of Matomo's device detector, which the vendor's SDKs were built against.
_OS_CODES = {
    "Windows": "WIN", "Mac OS X": "MAC", "iOS": "IOS", "iPadOS": "IPA", "Android": "AND", "Linux": "LIN",
    "Ubuntu": "UBT", "Debian": "DEB", "Fedora": "FED", "Chrome OS": "COS", "FreeBSD": "BSD", "tvOS": "ATV",
    "watchOS": "WAS",
}  # fmt: skip
_OS_NAMES = {"Mac OS X": "Mac", "Linux": "GNU/Linux"}
_BROWSERS = {
    "Chrome": ("CH", "Chrome"), "Chrome Mobile": ("CM", "Chrome Mobile"),
    "Chrome Mobile iOS": ("CI", "Chrome Mobile iOS"), "Chrome Mobile WebView": ("CV", "Chrome Webview"),
    "HeadlessChrome": ("HC", "Headless Chrome"), "Chromium": ("CR", "Chromium"), "Firefox": ("FF", "Firefox"),
    "Firefox Mobile": ("FM", "Firefox Mobile"), "Firefox iOS": ("FI", "Firefox Mobile iOS"),
    "Safari": ("SF", "Safari"), "Mobile Safari": ("MF", "Mobile Safari"), "Edge": ("PS", "Microsoft Edge"),
    "Edge Mobile": ("PS", "Microsoft Edge"), "Opera": ("OP", "Opera"), "Opera Mobile": ("OM", "Opera Mobile"),
    "IE": ("IE", "Internet Explorer"), "Samsung Internet": ("SB", "Samsung Browser"),
    "Vivaldi": ("VI", "Vivaldi"), "Brave": ("BR", "Brave"),
}  # fmt: skip
_PRODUCT = re.compile(r"([A-Za-z][\w+.-]*?)/(\d[\w.]*)")  # how a program that is no browser begins its header
# The first that is found counts: what runs on Blink also says AppleWebKit, and what runs on WebKit says "like Gecko".
_ENGINES = (
    ("Trident", re.compile(r"Trident/([\d.]+)")), ("EdgeHTML", re.compile(r"Edge/([\d.]+)")),
    ("Blink", re.compile(r"(?:Chrome|Chromium|HeadlessChrome)/([\d.]+)")),
    ("WebKit", re.compile(r"AppleWebKit/([\d.]+)")), ("Gecko", re.compile(r"rv:([\d.]+)\) Gecko/")),
)  # fmt: skip
_TABLET = re.compile(r"iPad|Tablet|Kindle|Silk/")
_DESKTOP = frozenset({"Windows", "Mac OS X", "Linux", "Ubuntu", "Debian", "Fedora", "Chrome OS", "FreeBSD"})


@dataclass(frozen=True, slots=True)
class UserAgent:
    """What a User-Agent header says; whatever it does not say is empty.

    `device_name` is desktop, smartphone or tablet; `client_type` is browser, library or bot.
    """

    os_code: str = ""
    os_name: str = ""
    os_version: str = ""
    client_type: str = ""
    client_code: str = ""
    client_name: str = ""
    client_version: str = ""
    client_engine: str = ""
    client_engine_version: str = ""
    device_name: str = ""
    device_brand: str = ""
    device_model: str = ""


@lru_cache(maxsize=512)
def describe(user_agent: str) -> UserAgent:
    """What the header of a request says about system, program and device; never raises."""
    header = user_agent[:LONGEST]
    if not header.strip():
        return UserAgent()
    found = ua_parser.parse(header)
    system = found.os.family if found.os else ""
    known = UserAgent(
        os_code=_OS_CODES.get(system, ""), os_name=_OS_NAMES.get(system, system), os_version=_version(found.os)
    )
    if product := _PRODUCT.match(header) if not header.startswith("Mozilla/") else None:
        name, version = product.groups()
        return replace(known, client_type="library", client_name=name, client_version=version)
    if found.user_agent is None:
        return known
    if found.device is not None and found.device.brand == "Spider":
        version = _version(found.user_agent)
        return replace(known, client_type="bot", client_name=found.user_agent.family, client_version=version)
    return _describe_browser(known, header, system, (found.user_agent, found.device))


def _describe_browser(known: UserAgent, header: str, system: str, found: "tuple[Program, Device | None]") -> UserAgent:
    """The same with what a browser tells of itself and of the device it runs on."""
    program, device = found
    code, name = _BROWSERS.get(program.family, ("", program.family))
    engine, engine_version = _engine_of(header)
    device_name, brand, model = _name_device(header, system, device)
    return replace(
        known, client_type="browser", client_code=code, client_name=name, client_version=_version(program),
        client_engine=engine, client_engine_version=engine_version,
        device_name=device_name, device_brand=brand, device_model=model,
    )  # fmt: skip


def _version(named: "OS | Program | None") -> str:
    """1.2.3 as far as it is told."""
    if named is None:
        return ""
    return ".".join(part for part in (named.major, named.minor, named.patch) if part)


def _engine_of(header: str) -> tuple[str, str]:
    for name, pattern in _ENGINES:
        if found := pattern.search(header):
            return name, found.group(1)
    return "", ""


def _name_device(header: str, system: str, device: "Device | None") -> tuple[str, str, str]:
    """Sort, brand and model of the device."""
    brand, model = (device.brand or "", device.model or "") if device else ("", "")
    brand = "" if brand.startswith("Generic") else brand  # the library's word for unknown
    if system in _DESKTOP:
        return "desktop", brand, "" if model == "Mac" else model
    if _TABLET.search(header) or (system == "Android" and "Mobile" not in header):
        return "tablet", brand, model
    return ("smartphone" if system in {"Android", "iOS"} else ""), brand, model
