"""The provider pages, against the emulator's real socket."""

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from app.domain.outcomes import Outcome, OutcomeKind, Reason, accepted
from app.domain.permissions import Actor
from app.engine import breaker, provider_history
from app.infra.settings import Settings
from app.models.deliveries import Delivery
from app.models.messages import Message
from app.models.providers import Provider
from app.services.providers import providers
from app.services.providers.providers import specs as provider_specs
from app.services.work import Work, Workshop
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


def fill(client: PageClient, **values: str | None) -> Page:
    typed = {
        "name": "Mail of the shop", "host": "smtp.example.org", "username": "news", "password": SECRET,
        "encryption": "tls", "fromName": "Acme", "fromEmail": "news@acme.example",
    }  # fmt: skip
    return client.submit(client.get(f"{LIST}/new/smtp"), **(typed | values))


def test_an_empty_list_leads_to_the_choice(olga: PageClient) -> None:
    assert "No providers yet" in olga.get(LIST).text
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


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"encryption": "tls"}, "Encryption STARTTLS (587)"),
        ({"encryption": "none"}, "Encryption STARTTLS when the server offers it"),
        ({"encryption": "none", "autoTLS": None}, "Encryption None"),
    ],
)
def test_how_mail_is_protected_is_said_in_one_line(olga: PageClient, typed: dict[str, str | None], words: str) -> None:
    page = fill(olga, **typed)
    assert words in page.text
    assert "Use STARTTLS when" not in page.text


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
    assert "No providers yet" in olga.get(LIST).text


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


def note(work: Work, provider: Provider, outcomes: list[Outcome], at: datetime) -> None:
    """What a batch came to, as the engine counts it."""
    times = [timedelta(milliseconds=120)] * len(outcomes)
    provider_history.note(work.session, (provider.pk, provider.project_pk), "w1", outcomes, times, at)


FINE = accepted("id-1")
BROKEN = Outcome(OutcomeKind.TRANSIENT, Reason.SERVER_ERROR, "no")


def test_the_card_shows_the_last_hour(workshop: Workshop, actor: Actor, olga: PageClient) -> None:
    with workshop.open(actor) as work:
        note(work, make_provider(work), [FINE] * 9 + [BROKEN], work.now)
    text = olga.get(LIST).text
    assert "90% accepted of 10 tries; 1 failed" in text
    assert "Answers in" in text


def test_a_day_of_a_provider_is_drawn_and_told_in_numbers(workshop: Workshop, actor: Actor, olga: PageClient) -> None:
    with workshop.open(actor) as work:
        provider = make_provider(work)
        note(work, provider, [FINE] * 4, work.now - timedelta(hours=20))
        note(work, provider, [FINE, BROKEN], work.now)
    page = olga.get(f"{LIST}/{provider.id}")
    (chart,) = page.select("svg.provider-chart[role='img'][aria-label]")
    assert len(chart.select("rect.fill-teal")) == 2
    assert len(chart.select("rect.fill-red")) == 1
    (times,) = page.select(
        ".chart-times"
    )  # spread evenly, so they must stand evenly in the day: 24, 18, 12, 6 hours ago
    hours = [int(each.text[:2]) for each in times.select("span")[:-1]]
    assert [(later - earlier) % 24 for earlier, later in pairwise(hours)] == [6, 6, 6]
    rows = [[cell.get_text(strip=True) for cell in row.select("td")][1:] for row in page.select("details tbody tr")]
    assert [row[:6] for row in rows] == [["2", "1", "0", "0", "0", "1"], ["4", "4", "0", "0", "0", "0"]]
    assert "It was never taken out of use." in page.text


def test_a_provider_nobody_used_draws_no_chart(workshop: Workshop, actor: Actor, olga: PageClient) -> None:
    with workshop.open(actor) as work:
        provider = make_provider(work)
    page = olga.get(f"{LIST}/{provider.id}")
    assert "Nothing was sent through it in the last 24 hours." in page.text
    assert not page.select(".provider-chart")


def test_the_page_tells_when_and_why_it_was_out_of_use(workshop: Workshop, actor: Actor, olga: PageClient) -> None:
    refused = Outcome(OutcomeKind.CONFIG_PERMANENT, Reason.AUTHENTICATION_FAILED, "535 no", "535")
    with workshop.open(actor) as work:
        provider = make_provider(work)
        verdict = breaker.Verdict([refused], work.now)
        breaker.tell(work.session, provider.pk, verdict, work.now)
    page = olga.get(f"{LIST}/{provider.id}")
    assert "The provider refused our sign-in." in page.text
    assert "It lasts" in page.text
    assert "535 no" in page.text
    with workshop.open(actor) as work:
        providers.repair(work, providers.find_provider(work, provider.id))
    assert "Repaired by hand" in olga.get(f"{LIST}/{provider.id}").text


def test_limits_are_set_and_bad_ones_told_by_field(workshop: Workshop, actor: Actor, olga: PageClient) -> None:
    with workshop.open(actor) as work:
        provider = make_provider(work)
    page = olga.get(f"{LIST}/{provider.id}")
    page = olga.submit(page, "form[action$='/limits']", rate_count="20", rate_seconds="60", most_in_flight="")
    assert "In use: 0 of 20 a minute." in page.text
    form = page.form("form[action$='/limits']").values
    assert (form["rate_count"], form["rate_seconds"], form["most_in_flight"]) == ("20", "60", "")
    for field, wrong in (("rate_count", "many"), ("rate_seconds", "0"), ("most_in_flight", "1001")):
        refused = olga.submit(page, "form[action$='/limits']", **{field: wrong})
        assert refused.status == 422
        assert refused.select(f"#error-summary a[href='#{field}']")
        assert refused.form("form[action$='/limits']").values[field] == wrong, "what was typed stays"
    cleared = olga.submit(page, "form[action$='/limits']", rate_count="", rate_seconds="")
    assert "In use: no limit." in cleared.text


def test_changing_credentials_says_how_many_deliveries_wait_and_loses_none(
    workshop: Workshop, actor: Actor, olga: PageClient
) -> None:
    shown = fill(olga)
    with workshop.open(actor) as work:
        make_sent(work.session, {"queued": 3, "sent": 2})
        make_sent(work.session, {"queued": 4}, channel="sms")
    edit = olga.get(f"{shown.path}/edit")
    assert "3 deliveries wait to be sent" in edit.text
    olga.submit(edit, password="another-secret-12345")
    assert "3 deliveries wait on this channel, and stay." in olga.get(shown.path).text
    assert "3 deliveries that wait stay; nothing is lost." in olga.get(f"{shown.path}/delete").text
    with workshop.read(actor) as work:
        assert work.session.query(Delivery).filter_by(state="queued", channel="email").count() == 3
        [provider] = work.session.query(Provider).all()
        assert work.vault.decrypt_json(provider.credentials)["password"] == "another-secret-12345"


def test_the_form_is_grouped_and_says_what_is_set_in_the_folded_part(olga: PageClient) -> None:
    page = olga.get(f"{LIST}/new/sendgrid")
    assert [legend.get_text() for legend in page.select("main fieldset > legend")] == ["Account", "Sender", "Receipts"]
    (folded,) = page.select("details.folded")
    assert not folded.has_attr("open")
    shown = fill(olga, replyToEmail="help@acme.example")
    (folded,) = olga.get(f"{shown.path}/edit").select("details.folded")
    assert "Set: Reply-to address" in folded.summary.get_text()
    refused = fill(olga, replyToEmail="nobody")
    assert refused.select("details.folded[open]")


def test_a_key_file_s_name_fills_the_field_that_it_names(olga: PageClient) -> None:
    (field,) = olga.get(f"{LIST}/new/apns").select("[data-file-drop]")
    assert (field["data-file-drop"], field["data-name-field"]) == ("pem", "authKeyId")
    assert re.fullmatch(str(field["data-name-pattern"]), "AuthKey_2X9R4HXF34.p8")


def test_what_deserves_a_look_is_marked_and_does_not_make_the_connection_bad(emulators: dict, olga: PageClient) -> None:
    olga.submit(olga.get(f"{LIST}/new"), "form:has(button[value='telesign'])", kind="telesign")
    show = olga.get(str(olga.get(LIST).select("h3 a")[0]["href"]))
    tested = olga.submit(show, "form[action$='/test']")
    assert "The connection works, with something to look at" in tested.text
    assert tested.select(".check-warning")
    assert not tested.select(".check-bad")


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
    assert "Mail carries 1 message at this moment. Pause or cancel it first" in page.text
    assert [link["href"] for link in page.select(".notice-list a")] == [f"/p/default/messages/{message.id}"]
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
    workshop.settings = workshop.settings.but({"public_url": "https://carillon.example"})
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
    assert "SMS through Twilio" in one.text
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


def test_the_page_tells_whether_the_secret_that_proves_receipts_is_set(olga: PageClient) -> None:
    typed = {
        "name": "Mail", "apiKey": "key-0123456789abcd", "domain": "mg.example.org", "fromEmail": "a@mg.example.org",
        "isEuRegion": "no",
    }  # fmt: skip
    page = olga.submit(olga.get(f"{LIST}/new/mailgun"), **typed)
    assert "Webhook signing key Not set" in page.select("section[aria-labelledby='receipts-title']")[0].get_text(
        " ", strip=True
    )
    edit = olga.get(f"{page.path}/edit")
    page = olga.submit(edit, webhookSigningKey="signing-key-0123456789-4f2a")
    said = page.select("section[aria-labelledby='receipts-title']")[0].get_text(" ", strip=True)
    assert "Webhook signing key Set on 21 Nov 2026, ends in …4f2a" in said
