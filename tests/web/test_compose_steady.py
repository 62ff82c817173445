"""What a save draws anew beside the words: what did not change comes as the page has it, to be left alone."""

import pytest

from app.domain.permissions import system
from app.services.work import Workshop
from tests.factories import make_contact, make_message, make_provider, make_push_provider, make_target, make_topic
from tests.web.page_client import Page, PageClient

HOME = "/p/default/messages"
STEADY = {"email": ("checks", "actions", "files"), "sms": ("checks", "actions"), "push": ("checks", "actions")}
CONTENT = {
    "email": {"subject": "Hi", "body": "Dear {{ name | you }}", "format": "markdown"},
    "sms": {"text": "Hi {{ name | you }}"},
    "push": {"title": "Hi", "body": "Dear {{ name | you }}"},
}
ADDRESSES = {"email": "ann@example.org", "sms": "+4915112345678", "push": "fcm:device"}


def drawn(page: Page, region: str) -> str:
    element = page.select(f"#{region}")[0]
    del element["hx-swap-oob"]
    return str(element)


@pytest.mark.parametrize("channel", ["email", "sms", "push"])
def test_what_a_save_does_not_change_comes_as_it_stands(olga: PageClient, workshop: Workshop, channel: str) -> None:
    with workshop.open(system(1)) as work:
        make_push_provider(work, "fcm")
        make_provider(work)
        target = make_target(work.session, make_contact(work.session), address=ADDRESSES[channel], channel=channel)
        audience = {"topics": [make_topic(work.session, targets=[target]).id]}
        key = make_message(work.session, channel=channel, content=CONTENT[channel], audience=audience).id
    page = olga.get(f"{HOME}/{key}/edit")
    values = page.form("#compose").values
    field = "text" if channel == "sms" else "body"
    words = values | {field: "Good day, {{ name | you }}"}
    answer = olga.fragment(f"{HOME}/{key}/-/save", method="POST", target="saved", data=words)
    assert drawn(answer, "preview-paper") != drawn(page, "preview-paper")
    for region in STEADY[channel]:
        assert drawn(answer, region) == drawn(page, region)
