"""Every page, full and empty, light and dark, narrow and wide: no barrier, no complaint, nothing sticks out."""

import os
import re
from pathlib import Path

import pytest

from tests.browser.conftest import House, start_browser
from tests.browser.person import Person
from tests.browser.test_first_email import become_the_first_member

pytestmark = pytest.mark.browser
PICTURES = os.environ.get("CARILLON_PICTURES", "")  # a folder: every page seen is kept there as a picture
Addresses = tuple[House, list[str], list[dict[str, str]]]
LOOKS = [(1440, False), (1440, True), (360, False), (360, True)]

STILL_PAGES = (
    "", "/messages", "/messages?phase=failed", "/messages?q=nothing+is+called+so", "/messages/new",
    "/messages/new?channel=email", "/templates", "/templates?q=nothing+is+called+so", "/templates/new", "/contacts",
    "/contacts?q=a", "/contacts/new", "/topics", "/topics/new", "/suppressions", "/suppressions/new", "/imports",
    "/deliveries", "/deliveries?q=nobody", "/dead-letters", "/dead-letters?reason=tls_failed", "/dead-letters/orders",
    "/providers", "/providers/new", "/providers/new/smtp", "/sandbox",
    "/settings", "/settings/members", "/settings/keys", "/settings/keys/new", "/settings/activity",
    "/settings/sample-data", "/sandbox/faults", "/sandbox/clear", "/messages/nowhere", "/imports/nowhere",
    "/sending/stop", "/settings/installation", "/files", "/files/new",
    "/calendar", "/calendar?view=month", "/calendar?view=week", "/calendar?view=day", "/calendar?view=agenda",
    "/calendar/feed", "/calendar/zone",
)  # fmt: skip
OTHER_PAGES = ("/styleguide", "/v1/docs?project=default", "/p/nowhere", "/nowhere")  # outside the project
FOUND_PAGES = {  # a list, and which of its links lead to a page of its own
    "/messages?phase=draft": (r"/messages/[0-9a-z]{20}(?:/edit)?$",),
    "/messages?phase=draft&channel=push": (r"/messages/[0-9a-z]{20}(?:/edit)?$",),
    "/messages?phase=draft&channel=sms": (r"/messages/[0-9a-z]{20}(?:/edit)?$",),
    "/messages?phase=sent": (r"/messages/[0-9a-z]{20}$",),
    "/messages?phase=failed": (r"/messages/[0-9a-z]{20}$",),
    "/messages?phase=scheduled": (r"/messages/[0-9a-z]{20}$",),
    "/messages?phase=paused": (r"/messages/[0-9a-z]{20}$",),
    "/messages?phase=cancelled": (r"/messages/[0-9a-z]{20}$",),
    "/templates?channel=email": (r"/templates/[0-9a-z]{20}$",),
    "/contacts": (r"/contacts/[0-9a-z]{20}$",),
    "/topics": (r"/topics/[0-9a-z]{20}$",),
    "/deliveries": (r"/deliveries/\d+$",),
    "/dead-letters": (r"/dead-letters/group\?", r"/dead-letters/replay\?message", r"/dead-letters/dismiss\?message"),
    "/providers": (r"/providers/[0-9a-z]{20}$",),
    "/sandbox": (r"/sandbox/\d+$",),
}
AFTER = {  # pages that hang on one that was found
    "edit": r"/contacts/[0-9a-z]{20}$|/topics/[0-9a-z]{20}$|/providers/[0-9a-z]{20}$",
    "delete": r"/contacts/[0-9a-z]{20}$|/topics/[0-9a-z]{20}$|/providers/[0-9a-z]{20}$|/messages/[0-9a-z]{20}$"
    r"|/templates/[0-9a-z]{20}$",
    "send": r"/messages/[0-9a-z]{20}$",
    "schedule": r"/messages/[0-9a-z]{20}$",
    "test": r"/messages/[0-9a-z]{20}$",
    "cancel": r"/messages/[0-9a-z]{20}$",
    "retry": r"/messages/[0-9a-z]{20}$",
    "verify": r"/messages/[0-9a-z]{20}$",
    "rename": r"/templates/[0-9a-z]{20}$",
    "compare": r"/templates/[0-9a-z]{20}$",
    "versions": r"/templates/[0-9a-z]{20}$",
    "messages": r"/templates/[0-9a-z]{20}$",
    "lint": r"/messages/[0-9a-z]{20}$",
    "request": r"/messages/[0-9a-z]{20}$",
    "files": r"/messages/[0-9a-z]{20}$",
    "prices": r"/providers/[0-9a-z]{20}$",
    "prices/new": r"/providers/[0-9a-z]{20}$",
    "prices/import": r"/providers/[0-9a-z]{20}$",
}


@pytest.fixture(scope="module")
def addresses(full_house: House) -> Addresses:
    """A house with the demo story, the addresses of all its pages, and the cookie of its admin."""
    ann = start_browser(full_house.url)
    become_the_first_member(ann, full_house, demo=True)
    ann.see("Messages")
    pages = [f"/p/default{page}" for page in STILL_PAGES]
    for page, patterns in FOUND_PAGES.items():
        ann.open(f"/p/default{page}")
        links = [link.get_attribute("href") or "" for link in ann.driver.find_elements("css selector", "main a")]
        for pattern in patterns:
            pages += [link.removeprefix(full_house.url) for link in links if re.search(pattern, link)][:1]
    drafts = [page.removesuffix("/edit") for page in pages if page.endswith("/edit")]
    pages += [f"{page}/{end}" for end, pattern in AFTER.items() for page in pages + drafts if re.search(pattern, page)]
    pages += OTHER_PAGES
    cookies = ann.driver.get_cookies()
    ann.driver.quit()
    return full_house, list(dict.fromkeys(pages)), cookies


@pytest.mark.parametrize(("width", "dark"), LOOKS, ids=["wide-light", "wide-dark", "narrow-light", "narrow-dark"])
def test_no_page_has_a_barrier_a_complaint_or_sticks_out(addresses: Addresses, width: int, dark: bool) -> None:
    house, pages, cookies = addresses
    person = start_browser(house.url, width=width, dark=dark)
    try:
        found = look_at("/sign-in", person, width, dark)
        for cookie in cookies:
            person.driver.add_cookie(cookie)
        for page in pages:
            found += look_at(page, person, width, dark)
    finally:
        person.driver.quit()
    assert found == [], "\n".join(found)
    assert len(pages) > len(STILL_PAGES) + len(FOUND_PAGES)


def is_expected(page: str, line: str) -> bool:
    """The browser itself notes an answer that says no; pages that are asked for what cannot be may get one."""
    return (
        "Failed to load resource" in line
        and "the server responded with a status of 4" in line
        and ("nowhere" in page or any(page.endswith(f"/{end}") for end in AFTER))
    )


def look_at(page: str, person: Person, width: int, dark: bool) -> list[str]:
    """What is wrong with one page, a line each."""
    person.open(page)
    found = [f"{page}: console: {line}" for line in person.complaints() if not is_expected(page, line)]
    found += [f"{page}: axe: {line}" for line in person.barriers()]
    over = person.driver.execute_script("return document.documentElement.scrollWidth - window.innerWidth")
    if over > 0:
        found.append(f"{page}: sticks out by {over} px")
    if PICTURES:
        name = page.strip("/").removeprefix("p/default").strip("/") or "home"
        name = re.sub(r"[^a-z0-9]+", "-", re.sub(r"[0-9a-z]{20}|\d+", "one", name))
        person.screenshot(Path(PICTURES) / f"{name}-{width}-{'dark' if dark else 'light'}.png", whole=True)
    return found
