"""The provider pages, against the emulator's real socket."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.domain.permissions import Actor
from app.infra.settings import Settings
from app.models.messages import Message
from app.models.providers import Provider
from app.services.providers import specs as provider_specs
from app.services.work import Workshop
from tests.factories import make_provider
from tests.sent_messages import make_sent
from tests.web.page_client import Page, PageClient

LIST = "/p/default/providers"
SECRET = "hunter2-hunter2-4f2a"


@pytest.fixture
def emulators(settings: Settings) -> Iterator[dict]:
    """The real process of the emulators on the test's data dir; where it listens."""
    place = settings.run_dir / "emulators.json"
    process = subprocess.Popen([sys.executable, "-m", "app.emulators", "--data-dir", str(settings.data_dir)])
    try:
        deadline = time.monotonic() + 30
        while not place.exists():
            assert process.poll() is None, "the emulators ended"
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield json.loads(Path(place).read_text())
    finally:
        process.terminate()
        process.wait(10)


def fill(client: PageClient, **values: str) -> Page:
    typed = {
        "name": "Mail of the shop", "host": "smtp.example.org", "username": "news", "password": SECRET,
        "encryption": "tls", "fromName": "Acme", "fromEmail": "news@acme.example",
    }  # fmt: skip
    return client.submit(client.get(f"{LIST}/new/smtp"), **(typed | values))


def test_an_empty_list_leads_to_the_choice(olga: PageClient) -> None:
    assert "No provider is connected" in olga.get(LIST).text
    page = olga.get(f"{LIST}/new")
    assert "Sandbox" in page.text
    assert "SMTP" in page.text


def test_connecting_shows_everything_but_the_secret(olga: PageClient) -> None:
    page = fill(olga)
    assert page.heading == "Mail of the shop"
    assert "ends in …4f2a" in page.text
    edit = olga.get(f"{page.path}/edit")
    assert SECRET not in page.body + edit.body
    assert "Set on 21 Nov 2026, ends in …4f2a" in edit.text
    assert edit.form().values["host"] == "smtp.example.org"


def test_saving_without_a_new_secret_keeps_it(workshop: Workshop, actor: Actor, olga: PageClient) -> None:
    page = fill(olga)
    olga.submit(olga.get(f"{page.path}/edit"), fromName="Acme News")
    with workshop.read(actor) as work:
        [provider] = work.session.query(Provider).all()
        assert work.vault.decrypt_json(provider.credentials)["password"] == SECRET
        assert provider.options["fromName"] == "Acme News"


def test_wrong_settings_are_named_and_what_was_typed_stays(olga: PageClient) -> None:
    page = fill(olga, host="not a host", fromEmail="nobody")
    assert page.status == 422
    assert page.select("#error-summary a[href='#host']")
    assert page.form().values["name"] == "Mail of the shop"
    assert SECRET not in page.body


def test_the_sandbox_works_from_one_click_to_the_arrival(emulators: dict, olga: PageClient) -> None:
    olga.submit(olga.get(f"{LIST}/new"), "form[action$='/sandbox']")
    show = olga.get(str(olga.get(LIST).select("h3 a")[0]["href"]))
    assert "reaches nobody" not in show.text or "Sandbox" in show.text
    tested = olga.submit(show, "form[action$='/test']")
    assert "The connection works" in tested.text
    sent = olga.submit(show, "form[action$='/send-test']", address="ann@example.org")
    assert "The test was taken over" in sent.text
    arrived = olga.get("/p/default/sandbox")
    assert "A test from Carillon" in arrived.text
    assert "ann@example.org" in arrived.text


def test_a_connection_can_be_tested_before_it_is_saved(
    emulators: dict, olga: PageClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = str(emulators["smtp"]["port"])
    page = fill(olga, host="127.0.0.1", port=port, encryption="none", act="test")
    assert "The connection does not work yet" in page.text
    assert "not an address that Carillon may connect to" in page.text
    assert SECRET not in page.body
    assert "No provider is connected" in olga.get(LIST).text


def test_a_good_test_repairs_a_blocked_provider(
    emulators: dict, workshop: Workshop, actor: Actor, olga: PageClient
) -> None:
    olga.submit(olga.get(f"{LIST}/new"), "form[action$='/sandbox']")
    with workshop.open(actor) as work:
        [provider] = work.session.query(Provider).all()
        provider.blocked_at, provider.blocked_reason = work.now, "authentication_failed"
    show = olga.get(f"{LIST}/{provider.id}")
    assert "The provider refused our sign-in." in show.text
    olga.submit(show, "form[action$='/test']")
    assert "The provider refused our sign-in." not in olga.get(f"{LIST}/{provider.id}").text


def test_the_order_is_changed_by_buttons(workshop: Workshop, actor: Actor, olga: PageClient) -> None:
    with workshop.open(actor) as work:
        make_provider(work, name="First")
        make_provider(work, name="Second")
    page = olga.get(LIST)
    assert [link.get_text() for link in page.select("h3 a")] == ["First", "Second"]
    page = olga.submit(page, "form[action$='/move']", up="0")
    assert [link.get_text() for link in page.select("h3 a")] == ["Second", "First"]


def test_the_card_shows_the_last_hour(workshop: Workshop, actor: Actor, olga: PageClient) -> None:
    with workshop.open(actor) as work:
        make_sent(work.session, {"sent": 9, "failed": 1}, provider=make_provider(work))
    assert "90 % accepted of 10 tries" in olga.get(LIST).text


def test_switching_off_and_disconnecting_say_what_happens(workshop: Workshop, actor: Actor, olga: PageClient) -> None:
    page = fill(olga)
    off = olga.submit(page, "form[action$='/switch']")
    assert "Switched off" in off.text
    question = olga.get(f"{page.path}/delete")
    assert "No other provider carries this channel" in question.text
    assert "Disconnected." in olga.submit(question).text


def test_it_is_not_disconnected_while_a_message_is_pinned_to_it_and_sent(
    workshop: Workshop, actor: Actor, olga: PageClient
) -> None:
    with workshop.open(actor) as work:
        provider = make_provider(work)
        message: Message = make_sent(work.session, {"queued": 2}, provider_pk=provider.pk)
    page = olga.get(f"{LIST}/{provider.id}/delete")
    assert "It carries 1 message at this moment" in page.text
    assert olga.raw.post(f"{LIST}/{provider.id}/delete").status_code in {400, 409}
    assert message.provider_pk == provider.pk


def test_a_viewer_sees_providers_and_changes_nothing(workshop: Workshop, actor: Actor, vera: PageClient) -> None:
    with workshop.open(actor) as work:
        provider = make_provider(work)
    assert not vera.get(f"{LIST}/{provider.id}").select("main form")
    assert vera.get(f"{LIST}/new").status == 403
    assert vera.get(f"{LIST}/{provider.id}/edit").status == 403


ACCOUNT_SID, TOKEN = "AC" + "0" * 32, "0123456789abcdef0123456789ab4f2a"


def test_every_kind_can_be_chosen_by_its_channel(olga: PageClient) -> None:
    page = olga.get(f"{LIST}/new")
    for spec in provider_specs():
        assert page.select(f"section[aria-labelledby='channel-{spec.channel}'] a[href$='/new/{spec.kind}']")


@pytest.mark.parametrize("kind", [spec.kind for spec in provider_specs()])
def test_the_form_of_every_kind_asks_for_its_fields_and_says_what_is_missing(olga: PageClient, kind: str) -> None:
    page = olga.get(f"{LIST}/new/{kind}")
    spec = next(each for each in provider_specs() if each.kind == kind)
    for field in spec.fields:
        assert page.select(f"[name='{field.name}']"), field.name
    refused = olga.submit(page, name="Empty")
    assert refused.status == 422
    for field in spec.fields:
        if field.needed:
            assert refused.select(f"#error-summary a[href='#{field.name}']"), field.name


def test_twilio_is_connected_and_its_token_never_shown_again(olga: PageClient) -> None:
    typed = {"name": "Texts", "accountSid": ACCOUNT_SID, "authToken": TOKEN, "from": "ACME"}
    page = olga.submit(olga.get(f"{LIST}/new/twilio"), **typed)
    assert page.heading == "Texts"
    assert "ends in …4f2a" in page.text
    edit = olga.get(f"{page.path}/edit")
    assert TOKEN not in page.body + edit.body
    assert edit.form().values["from"] == "ACME"


def test_a_provider_s_page_says_where_its_service_tells_what_became_of_messages(
    workshop: Workshop, olga: PageClient
) -> None:
    typed = {"name": "Mail", "apiKey": "SG.key-0123456789", "fromEmail": "a@example.org"}
    page = olga.submit(olga.get(f"{LIST}/new/sendgrid"), **typed)
    assert "Verification key" in page.text
    assert "No receipt is believed yet" in page.text
    assert "CARILLON_PUBLIC_URL" in page.text
    assert "No receipt has come in yet." in page.text
    workshop.settings = workshop.settings.model_copy(update={"public_url": "https://carillon.example"})
    (address,) = olga.get(page.path).select("#receipts-address")
    assert str(address["value"]).startswith("https://carillon.example/hooks/sendgrid/")
    assert not fill(olga).select("#receipts-address"), "a mail server tells nothing here"


def test_a_question_of_yes_or_no_keeps_its_answer(olga: PageClient) -> None:
    typed = {"name": "Mail", "apiKey": "key-0123456789abcd", "domain": "mg.example.org", "fromEmail": "a@example.org"}
    unsaid = olga.submit(olga.get(f"{LIST}/new/mailgun"), **typed)
    assert unsaid.select("#error-summary a[href='#isEuRegion']")
    page = olga.submit(unsaid, apiKey=typed["apiKey"], isEuRegion="no")
    assert page.heading == "Mail"
    assert "EU region No" in page.text
    assert olga.get(f"{page.path}/edit").form().values["isEuRegion"] == "no"


def test_a_text_goes_through_the_sandbox_and_can_be_read_there(emulators: dict, olga: PageClient) -> None:
    olga.submit(olga.get(f"{LIST}/new"), "form:has(button[value='twilio'])", kind="twilio")
    show = olga.get(str(olga.get(LIST).select("h3 a")[0]["href"]))
    assert show.heading == "Twilio Sandbox"
    assert "The connection works" in olga.submit(show, "form[action$='/test']").text
    sent = olga.submit(show, "form[action$='/send-test']", address="+491701234567")
    assert "The test was taken over" in sent.text
    arrived = olga.get("/p/default/sandbox")
    assert "+491701234567" in arrived.text
    one = olga.get(str(arrived.select("tbody a")[0]["href"]))
    assert "SMS through twilio" in one.text
    assert "the provider works" in one.text
    request = olga.get(f"{one.path}?view=request")
    assert "POST /Accounts/" in request.text
    assert olga.get(f"{one.path}?view=headers").status == 200


def test_what_leads_to_the_sandbox_cannot_be_turned_elsewhere(
    emulators: dict, workshop: Workshop, actor: Actor, olga: PageClient
) -> None:
    olga.submit(olga.get(f"{LIST}/new"), "form:has(button[value='twilio'])", kind="twilio")
    with workshop.read(actor) as work:
        [provider] = work.session.query(Provider).all()
        before = work.vault.decrypt_json(provider.credentials)
    edit = olga.get(f"{LIST}/{provider.id}/edit")
    assert not edit.select("[name='authToken'], [name='accountSid']")
    olga.submit(edit, authToken="mine", **{"from": "+15005550006"})
    with workshop.read(actor) as work:
        [provider] = work.session.query(Provider).all()
        assert work.vault.decrypt_json(provider.credentials) == before
        assert provider.options["sandbox"] == "default"
