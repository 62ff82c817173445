"""The push sheet of the composer: fields by platform, data as rows, devices, bytes and the exact request."""

from typing import Any

import pytest

from app.domain.permissions import system
from app.models.messages import Message
from app.services.messages import messages
from app.services.providers import sender
from app.services.work import Workshop
from tests.factories import make_contact, make_file, make_message, make_push_provider, make_target, make_topic
from tests.web.page_client import Page, PageClient

HOME = "/p/default/messages"
RAIN = {"title": "Rain soon", "body": "Take an umbrella, {{ name | friend }}.", "priority": "high"}


def make(workshop: Workshop, **content: Any) -> str:
    with workshop.open(system(1)) as work:
        for kind in ("apns", "fcm"):
            make_push_provider(work, kind)
        targets = [
            make_target(work.session, make_contact(work.session, name=name), address=token, channel="push")
            for name, token in (("Ann", "a1" * 32), ("Maximiliane-Friederike", "fcm:token-of-a-phone"))
        ]
        topic = make_topic(work.session, targets=targets)
        message = make_message(
            work.session, channel="push", subject="Rain", content={**RAIN, **content}, audience={"topics": [topic.id]}
        )
        return str(message.id)


def opened(client: PageClient, key: str, **query: Any) -> Page:
    page = client.get(f"{HOME}/{key}/edit", **query)
    assert page.status == 200, page.text
    return page


def stored(workshop: Workshop, key: str) -> dict[str, Any]:
    with workshop.database.read() as session:
        return dict(session.query(Message).filter(Message.id == key).one().content)


def save(client: PageClient, page: Page, **values: Any) -> Page:
    return client.submit(page, "#compose", **{"then": "save", **values})


# --- the form ---


def test_every_field_is_saved_and_stands_there_again(olga: PageClient, workshop: Workshop) -> None:
    key = make(workshop)
    typed = {
        "title": "Storm", "body": "Stay in.\r\nAll of you.", "action": "acme://storm", "sound": "siren", "badge": "set",
        "badge-number": "7", "critical": "y", "content_available": "y", "icon": "cloud", "color": "#0f766e",
        "channel_id": "alerts", "tag": "storm", "priority": "normal", "data-key": ["city", ""],
        "data-value": ["Bonn", ""], "data-kept": ["", ""],
    }  # fmt: skip
    page = save(olga, opened(olga, key), **typed)
    assert stored(workshop, key) == {
        "title": "Storm", "body": "Stay in.\nAll of you.", "action": "acme://storm", "sound": "siren", "badge": 7,
        "critical": True, "content_available": True, "icon": "cloud", "color": "#0f766e", "channel_id": "alerts",
        "tag": "storm", "priority": "normal", "data": {"city": "Bonn"},
    }  # fmt: skip
    again = page.form("#compose").values
    assert {name: again[name] for name in ("badge", "badge-number", "color", "priority")} == {
        "badge": "set", "badge-number": "7", "color": "#0f766e", "priority": "normal",
    }  # fmt: skip
    said = {name: page.select(f"#set-{name}")[0].get_text() for name in ("data", "iphone", "android")}
    assert said == {
        "data": ": 1 pair", "iphone": ": sound siren · badge 7 · critical · wakes the app",
        "android": ": icon cloud · #0f766e · channel alerts · tag storm",
    }  # fmt: skip


def test_folded_groups_say_what_is_set_while_somebody_types(olga: PageClient, workshop: Workshop) -> None:
    card = opened(olga, make(workshop)).form("#compose")
    path = card.action.replace("/edit", "/-/save")
    piece = olga.fragment(path, method="POST", target="saved", data=card.values | {"sound": "siren"})
    assert piece.select("#set-iphone[hx-swap-oob]")[0].get_text() == ": sound siren"
    assert not piece.select("#set-data")[0].get_text()


@pytest.mark.parametrize(("what", "number", "badge"), [("", "5", None), ("clear", "5", 0), ("set", "12", 12)])
def test_the_badge_is_left_cleared_or_set(
    olga: PageClient, workshop: Workshop, what: str, number: str, badge: int | None
) -> None:
    key = make(workshop, badge=3)
    save(olga, opened(olga, key), badge=what, **{"badge-number": number})
    assert stored(workshop, key).get("badge") == badge


@pytest.mark.parametrize("number", ["", "-1", "99999999999", "٣"])
def test_a_badge_that_is_no_number_gets_a_sentence_at_its_field(
    olga: PageClient, workshop: Workshop, number: str
) -> None:
    key = make(workshop, badge=3)
    page = save(olga, opened(olga, key), badge="set", **{"badge-number": number, "title": "Kept"})
    assert page.status == 422
    assert "Badge" in page.select("#badge-error")[0].get_text()
    assert page.form("#compose").values["title"] == "Kept"
    assert stored(workshop, key)["badge"] == 3


def test_rows_of_data_come_and_go_without_a_script(olga: PageClient, workshop: Workshop) -> None:
    key = make(workshop)
    page = opened(olga, key)
    for name, value in (("city", "Bonn"), ("street", "")):
        rows = page.form("#compose").values
        keys, values = (rows[f"data-{part}"] for part in ("key", "value"))
        keys, values = ([each] if isinstance(each, str) else each for each in (keys, values))
        page = save(olga, page, **{"data-key": [*keys[:-1], name], "data-value": [*values[:-1], value]})
    assert stored(workshop, key)["data"] == {"city": "Bonn", "street": ""}
    assert page.select("#set-data")[0].get_text() == ": 2 pairs"
    page = save(olga, page, **{"data-drop": page.select("button[name='data-drop']")[0]["value"]})
    assert stored(workshop, key)["data"] == {"street": ""}


def test_data_that_a_program_nested_stays_as_it_is(olga: PageClient, workshop: Workshop) -> None:
    nested = {
        "order": 17, "deep": {"a": [1, None, "ü"]}, "note": "x", "gift": True, " spaced ": "y", "": "z",
        "lines": "a\nb", "text": " as it is ",
    }  # fmt: skip
    key = make(workshop, data=nested)
    page = save(olga, opened(olga, key), title="Changed")
    assert stored(workshop, key)["title"] == "Changed"
    assert stored(workshop, key)["data"] == nested
    assert list(stored(workshop, key)["data"]) == list(nested)
    assert len(page.select(".pair-kept")) == 6


@pytest.mark.parametrize(
    ("keys", "values", "words"),
    [
        (["a", "a"], ["1", "2"], "twice"),
        (["", ""], ["lost", ""], "without a key"),
    ],
)
def test_rows_that_make_no_object_are_told_and_kept(
    olga: PageClient, workshop: Workshop, keys: list[str], values: list[str], words: str
) -> None:
    key = make(workshop)
    page = save(
        olga, opened(olga, key), **{"data-key": keys, "data-value": values, "data-kept": ["", ""], "title": "Mine"}
    )
    assert page.status == 422
    assert words in page.select("#data .field-error")[0].get_text()
    assert "data" not in stored(workshop, key)
    assert page.form("#compose").values["data-value"][0] == values[0]


@pytest.mark.parametrize("sent", ["{", "[" * 100_000, "NaN", "\ud800"])
def test_what_nobody_typed_into_a_kept_row_is_no_error_of_ours(olga: PageClient, workshop: Workshop, sent: str) -> None:
    key = make(workshop)
    row = {"data-key": ["a"], "data-value": [sent.encode("utf-8", "replace").decode()], "data-kept": ["yes"]}
    assert save(olga, opened(olga, key), **row).status == 422


# --- devices ---


def test_the_devices_show_words_icon_and_what_is_left_out(olga: PageClient, workshop: Workshop) -> None:
    key = make(workshop, icon="cloud", color="#b3261e", sound="siren", badge=4, critical=True)
    page = opened(olga, key)
    assert page.select(".ios-title")[0].get_text() == "Rain soon"
    assert page.select(".ios-body")[0].get_text() == "Take an umbrella, Ann."
    assert page.select(".app-badge")[0].get_text() == "4"
    assert page.select(".android-dot circle")[0]["fill"] == "#b3261e"
    assert "iPhone leaves out or shows differently: icon, colour, critical." in page.text
    assert "Android leaves out or shows differently: sound, badge, critical." in page.text
    assert "Icon: an iPhone shows the app's own icon." in opened(olga, key, view="iphone").text


def test_each_view_stands_in_the_address(olga: PageClient, workshop: Workshop) -> None:
    key = make(workshop, body="word " * 100, tag="rain")
    iphone = opened(olga, key, view="iphone", wall="dark")
    assert len(iphone.select(".wall-dark .ios-note")) == 3
    assert "Notification" in iphone.select(".ios-note")[2].get_text()
    assert "Lock screen and notification centre: about the first 176 characters" in iphone.text
    android = opened(olga, key, view="android")
    assert len(android.select(".android-note")) == 2
    assert "Takes the place of an earlier one with the tag “rain”" in android.text
    assert opened(olga, key, view="browser").select(".web-note")


def test_a_silent_push_says_that_nobody_sees_it(olga: PageClient, workshop: Workshop) -> None:
    key = make(workshop, title="", body="", content_available=True, data={"sync": "1"})
    page = opened(olga, key, view="iphone")
    assert "Nobody sees this: the app wakes up and gets the data." in page.select(".silent-note")[0].get_text()
    assert not page.select(".ios-note")
    assert "When the device likes" in page.text


def test_the_image_comes_from_our_own_address(olga: PageClient, workshop: Workshop) -> None:
    key = make(workshop)
    with workshop.database.begin() as session:
        make_file(session, "rain.png", mime_type="image/png")
    page = olga.post(f"{HOME}/{key}/edit", csrf_token=opened(olga, key).form("#compose").values["csrf_token"],
                     keep="1", attach="b:f")  # fmt: skip
    assert page.status == 200, page.text
    assert "rain.png" in page.select(".push-image")[0].get_text()
    assert {str(each["src"]) for each in page.select(".screen img")} == {"/p/default/files/b/f/f/picture"}
    page = save(olga, page, detach="b:f")
    assert not page.select(".push-image")
    assert "image" not in stored(workshop, key)


# --- bytes, checks and the exact request ---


def test_the_meter_counts_the_bytes_of_each_service(olga: PageClient, workshop: Workshop) -> None:
    page = opened(olga, make(workshop))
    words = [each.get_text(" ", strip=True) for each in page.select(".weight")]
    assert [each.split(" of ")[1] for each in words] == ["4,096 bytes"] * 2
    assert words[0].startswith("Apple Push Notification service")
    assert "Maximiliane-Friederike, fcm:token-of-a-phone gets the largest copy of the first recipients." in page.text


def test_too_many_bytes_for_the_worst_of_the_first_block(olga: PageClient, workshop: Workshop) -> None:
    short = make(workshop, body="x" * 3900 + "{{ name }}")
    page = opened(olga, short)
    said = " ".join(each.get_text(" ", strip=True) for each in page.select("#checks .check"))
    assert "of 4,096 that are taken" in said
    with workshop.database.begin() as session:
        session.query(Message).filter(Message.id == short).one().content = {**RAIN, "body": "x" * 4200}
    page = opened(olga, short)
    blocked = [each.get_text(" ", strip=True) for each in page.select("#checks .check-bad")]
    assert any("Firebase Cloud Messaging" in each and "Shorten the words" in each for each in blocked)
    assert page.select(".weight.is-over")


def test_the_request_of_every_provider_is_shown_without_its_secrets(olga: PageClient, workshop: Workshop) -> None:
    page = opened(olga, make(workshop), view="request")
    heads = [each.get_text() for each in page.select(".request-head")]
    assert heads[0].startswith("POST https://api.push.apple.com/3/device/a1a1")
    assert "apns-topic: com.example.app" in heads[0]
    assert "authorization: bearer …" in heads[0]
    assert "POST https://fcm.googleapis.com/v1/projects/acme-app/messages:send" in heads[1]
    assert "PRIVATE KEY" not in page.body
    assert "Different for each delivery: apns-id, apns-collapse-id." in page.text


def test_checks_lead_to_their_fields(olga: PageClient, workshop: Workshop) -> None:
    key = make(workshop, color="red", data={"aps": "x"}, sound="siren", content_available=True, critical=True)
    links = {str(each["href"]) for each in opened(olga, key).select("#checks a")}
    assert {"#color", "#data", "#channel_id", "#content_available", "#critical"} <= links


def test_who_carries_it_is_said_for_each_kind_of_device(olga: PageClient, workshop: Workshop) -> None:
    key = make(workshop)
    page = opened(olga, key)
    words = "Goes through APNS to devices registered with Apple and through FCM to all others."
    assert words in page.select("#checks")[0].get_text(" ", strip=True)
    assert "APNS to devices registered with Apple" in olga.get(f"{HOME}/{key}/send").text


def test_a_test_goes_through_the_provider_whose_device_it_is(olga: PageClient, workshop: Workshop) -> None:
    key = make(workshop)
    with workshop.read(system(1)) as work:
        message = messages.find(work, key)
        carriers = [sender.provider_for(work, message, token) for token in ("b2" * 32, "fcm:another-phone")]
        assert [each.name for each in carriers if each is not None] == ["APNS", "FCM"]


def test_all_of_its_words_are_shown_before_it_goes_out(olga: PageClient, workshop: Workshop) -> None:
    key = make(workshop, title="Rain, {{ name }}", body="Take a coat.")
    facts = olga.get(f"{HOME}/{key}/send").select("main .facts")[0]
    said = [each.get_text(strip=True) for each in facts.select("dt, dd")]
    assert said[2:6] == ["Title", "Rain, Ann", "Words", "Take a coat."]
    assert "From" not in said, "a push has no sender"
