"""Imports and exports: try out, run, resume after a kill, refuse, report, and the round trip."""

import csv
import io
import multiprocessing
import os
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from app.domain.errors import Conflict, Forbidden, Invalid
from app.domain.permissions import Actor
from app.infra.broker import Broker
from app.infra.clock import SystemClock
from app.infra.db import Database
from app.infra.settings import Settings
from app.infra.vault import Vault
from app.models.contacts import Contact
from app.models.imports import Import
from app.models.targets import Target
from app.models.topic_sets import TopicSet
from app.models.topics import Subscriber
from app.services.people import contacts, exports, imports, topic_members, topic_totals, topics
from app.services.work import Workshop
from app.storage import open_store
from tests import factories
from tests.conftest import SECRET

TOTALS = ("created_total", "updated_total", "unchanged_total", "rejected_total")


def upload(shop: Workshop, actor: Actor, content: str | bytes, name: str = "people.csv") -> Import:
    body = content.encode() if isinstance(content, str) else content
    return imports.upload(shop, actor, io.BytesIO(body), name)


def check(shop: Workshop, actor: Actor, row: Import, **choices: Any) -> Import:
    chosen = {"separator": ";", "topics": [], "existing": "update"} | choices
    with shop.open(actor) as work:
        imports.check_import(work, row.id, choices.pop("columns", None) or row.settings["columns"], **{
            name: chosen[name] for name in ("separator", "topics", "existing")
        })  # fmt: skip
    imports.run(shop, row.pk)
    return find(shop, actor, row)


def start(shop: Workshop, actor: Actor, row: Import) -> Import:
    with shop.open(actor) as work:
        imports.start_import(work, row.id)
    imports.run(shop, row.pk)
    return find(shop, actor, row)


def find(shop: Workshop, actor: Actor, row: Import) -> Import:
    with shop.read(actor) as work:
        return imports.find_import(work, row.id)


def totals(row: Import) -> tuple[int, ...]:
    return tuple(getattr(row, name) for name in TOTALS)


def bring(shop: Workshop, actor: Actor, content: str | bytes, **choices: Any) -> Import:
    row = upload(shop, actor, content)
    check(shop, actor, row, **choices)
    return start(shop, actor, row)


def report(shop: Workshop, actor: Actor, row: Import, kind: str = "check") -> list[list[str]]:
    with shop.read(actor) as work:
        body = b"".join(imports.report_of(work, row.id, kind)).decode("utf-8-sig")
    return list(csv.reader(io.StringIO(body)))[1:]


def export(shop: Workshop, actor: Actor) -> bytes:
    return b"".join(exports.export_contacts(shop, actor))


def audience(shop: Workshop, actor: Actor) -> Mapping[str, tuple[Any, ...]]:
    with shop.read(actor) as work:
        return {
            contact.name: (
                contact.attributes,
                sorted(work.session.query(Target.address).filter_by(contact_pk=contact.pk)),
            )
            for contact in work.session.query(Contact)
        }


PEOPLE = (
    "Name;E-Mail;Phone;City;Topics\n"
    "Ann;ann@example.org;+49 170 1234567;Bonn;News\n"
    "Ben;ben@example.org;;Köln;News;\n"
    "Cem;;+49 170 7654321;;\n"
)


def test_a_trial_says_what_would_happen_and_saves_nothing(any_workshop: Workshop, actor: Actor) -> None:
    with any_workshop.open(actor) as work:
        topics.create_topic(work, name="News")
    row = check(any_workshop, actor, upload(any_workshop, actor, PEOPLE + "Dot;dot(at)example.org;;;Nope\n"))
    assert (row.status, totals(row), row.rows_total) == ("mapped", (3, 0, 0, 1), 4)
    assert [(problem["row"], problem["column"]) for problem in row.report["problems"]] == [(5, "E-Mail")]
    assert audience(any_workshop, actor) == {}


def test_a_run_makes_contacts_addresses_and_subscriptions(any_workshop: Workshop, actor: Actor) -> None:
    with any_workshop.open(actor) as work:
        news, every = topics.create_topic(work, name="News"), topics.create_topic(work, name="Everybody")
    row = bring(any_workshop, actor, PEOPLE, topics=[every.id])
    assert (row.status, totals(row), row.cursor) == ("finished", (3, 0, 0, 0), 3)
    assert audience(any_workshop, actor)["Ann"] == ({"city": "Bonn"}, [("+491701234567",), ("ann@example.org",)])
    with any_workshop.open(actor) as work:
        news, every = topics.find_topic(work, news.id), topics.find_topic(work, every.id)
        assert (news.email_total, news.sms_total, every.email_total, every.sms_total) == (2, 1, 2, 2)
        assert topic_totals.recount(work) == 0


def test_who_is_in_a_large_topic_is_written_down_when_an_import_ends(
    any_workshop: Workshop, actor: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(topic_members, "LARGE", 2)
    with any_workshop.open(actor) as work:
        topics.create_topic(work, name="News")
    bring(any_workshop, actor, PEOPLE)
    with any_workshop.read(actor) as work:
        assert work.session.query(TopicSet.channel, TopicSet.total).all() == [("email", 2)]


def test_the_same_file_again_changes_nothing(any_workshop: Workshop, actor: Actor) -> None:
    with any_workshop.open(actor) as work:
        topics.create_topic(work, name="News")
    bring(any_workshop, actor, PEOPLE)
    assert totals(check(any_workshop, actor, upload(any_workshop, actor, PEOPLE))) == (0, 0, 3, 0)


def test_existing_contacts_are_updated_or_left_alone_as_chosen(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        contacts.create_contact(
            work, name="Ann", attributes={"city": "Bonn", "age": "42"}, addresses={"email": "ann@example.org"}
        )
    content = "name,email,phone,city\nAnna,ANN@example.org,+49 170 1234567,Köln\n"
    assert totals(bring(workshop, actor, content, existing="skip")) == (0, 0, 1, 0)
    assert totals(bring(workshop, actor, content)) == (0, 1, 0, 0)
    assert audience(workshop, actor) == {
        "Anna": ({"city": "Köln", "age": "42"}, [("+491701234567",), ("ann@example.org",)])
    }


def test_a_row_is_taken_whole_or_not_at_all(workshop: Workshop, actor: Actor) -> None:
    row = bring(workshop, actor, "name,email,phone\nAnn,ann@example.org,12\nBen,ben@example.org,\n")
    assert totals(row) == (1, 0, 0, 1)
    assert list(audience(workshop, actor)) == ["Ben"]
    assert report(workshop, actor, row, "run") == [
        ["2", "phone", "12", "phone needs an international number like +49 170 1234567."]
    ]


def test_the_same_address_twice_in_a_file_names_the_first_row(workshop: Workshop, actor: Actor) -> None:
    lines = "".join(f"person{index}@example.org\n" for index in range(1200))
    row = check(workshop, actor, upload(workshop, actor, f"email\n{lines}PERSON15@example.org\n"))
    assert totals(row) == (1200, 0, 0, 1)
    assert "is the same address as row 17" in row.report["problems"][0]["sentence"]
    assert totals(start(workshop, actor, row)) == (1200, 0, 0, 1)


def test_an_address_of_somebody_else_is_a_conflict_that_names_whose(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        contacts.create_contact(work, name="Ann", addresses={"email": "ann@example.org"})
        contacts.create_contact(work, name="Ben", addresses={"sms": "+491701234567"})
    row = bring(workshop, actor, "email,phone\nann@example.org,+49 170 1234567\n")
    assert totals(row) == (0, 0, 0, 1)
    assert "belongs to Ben already" in report(workshop, actor, row, "run")[0][3]


def test_an_unknown_topic_rejects_its_row_and_says_so(workshop: Workshop, actor: Actor) -> None:
    row = check(workshop, actor, upload(workshop, actor, "email,topics\na@example.org,Nope\n"))
    assert row.report["problems"][0]["sentence"].startswith("Topics: there is no topic “Nope”.")


def test_wrong_bytes_name_their_row_and_column(workshop: Workshop, actor: Actor) -> None:
    content = "name,email\nJürgen Größe,a@example.org\n".encode() + b"M\xfcller,b@example.org\n"
    row = check(workshop, actor, upload(workshop, actor, content))
    assert [(problem["row"], problem["column"]) for problem in row.report["problems"]] == [(3, "name")]
    assert "the byte 0xFC" in row.report["problems"][0]["sentence"]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
def test_every_usual_encoding_is_read(workshop: Workshop, actor: Actor, encoding: str) -> None:
    bring(workshop, actor, "Name;E-Mail\nJürgen Größe;a@example.org\n".encode(encoding))
    assert list(audience(workshop, actor)) == ["Jürgen Größe"]


def test_the_file_can_be_read_in_another_way(workshop: Workshop, actor: Actor) -> None:
    row = upload(workshop, actor, "a@example.org|Ann\nb@example.org|Ben\n")
    with workshop.open(actor) as work:
        imports.read_anew(work, row.id, encoding="utf-8", delimiter=",", has_header=True)
    assert find(workshop, actor, row).settings["headers"] == ["a@example.org|Ann"]
    with workshop.open(actor) as work, pytest.raises(Invalid, match="Encoding is one of"):
        imports.read_anew(work, row.id, encoding="ebcdic", delimiter=",", has_header=True)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04zip", b"a,b\n\0\0\0,\n", b"\x89PNG"])
def test_what_is_no_csv_is_refused_and_not_kept(workshop: Workshop, actor: Actor, content: bytes) -> None:
    with pytest.raises(Invalid) as caught:
        upload(workshop, actor, content, "C:\\lists\\people.xlsx")
    assert caught.value.fields["file"][0].startswith("people.xlsx ")
    assert open_store(workshop.settings).keys("imports") == []


def test_a_file_over_the_limit_is_refused_in_megabytes(workshop: Workshop, actor: Actor, tmp_path: Path) -> None:
    path = tmp_path / "large.csv"
    path.write_bytes(b"email\n")
    os.truncate(path, imports.LARGEST_FILE + 1024 * 1024)
    with path.open("rb") as file, pytest.raises(Invalid, match="51 MB; at most 50 MB"):
        imports.upload(workshop, actor, file, "large.csv")


def test_columns_without_an_address_are_refused(workshop: Workshop, actor: Actor) -> None:
    row = upload(workshop, actor, "name,city\nAnn,Bonn\n")
    with pytest.raises(Invalid, match="at least one that holds"):
        check(workshop, actor, row)


def test_a_quote_that_never_closes_is_said_and_the_rest_goes_on(workshop: Workshop, actor: Actor) -> None:
    content = 'name,email\n"Ann,a@example.org\n' + "".join(f"P,p{i}@example.org\n" for i in range(9000))
    row = check(workshop, actor, upload(workshop, actor, content))
    assert row.rejected_total == 1
    assert "a quote is opened and never closed" in row.report["problems"][0]["sentence"]


def test_only_a_trial_can_be_started_and_only_once(workshop: Workshop, actor: Actor) -> None:
    row = upload(workshop, actor, "email\na@example.org\n")
    with workshop.open(actor) as work, pytest.raises(Conflict, match="not tried out yet"):
        imports.start_import(work, row.id)
    check(workshop, actor, row)
    with workshop.open(actor) as work:
        imports.start_import(work, row.id)
    with workshop.open(actor) as work, pytest.raises(Conflict, match="runs already"):
        imports.start_import(work, row.id)
    with workshop.open(actor) as work, pytest.raises(Conflict, match="Delete it when"):
        imports.delete_import(work, row.id)
    imports.run(workshop, row.pk)
    imports.run(workshop, row.pk)
    assert totals(find(workshop, actor, row)) == (1, 0, 0, 0)


def test_a_viewer_may_not_upload_and_an_operator_may_export(workshop: Workshop, viewer: Actor, operator: Actor) -> None:
    with pytest.raises(Forbidden):
        upload(workshop, viewer, "email\na@example.org\n")
    with pytest.raises(Forbidden):
        export(workshop, viewer)
    assert export(workshop, operator).startswith(b"\xef\xbb\xbfcontact_id,")


def test_a_file_that_went_away_fails_the_import_in_words(workshop: Workshop, actor: Actor) -> None:
    row = upload(workshop, actor, "email\na@example.org\n")
    (workshop.settings.data_dir / "files" / row.file_key).unlink()
    with workshop.open(actor) as work:
        imports.check_import(work, row.id, row.settings["columns"], separator=";", topics=[], existing="update")
    imports.run(workshop, row.pk)
    assert find(workshop, actor, row).failure == "The file is not there any more. Upload it again."


def test_deleting_an_import_deletes_its_files_and_keeps_the_contacts(workshop: Workshop, actor: Actor) -> None:
    row = bring(workshop, actor, "email\na@example.org\nnope\n")
    with workshop.open(actor) as work:
        imports.delete_import(work, row.id)
    assert not list((workshop.settings.data_dir / "files").rglob("*.csv"))
    assert len(audience(workshop, actor)) == 1


def test_an_import_whose_worker_was_lost_is_rung_for_again(workshop: Workshop, actor: Actor, clock) -> None:
    row = upload(workshop, actor, "email\na@example.org\n")
    with workshop.open(actor) as work:
        imports.check_import(work, row.id, row.settings["columns"], separator=";", topics=[], existing="update")
    assert imports.ring_stalled(workshop) == 0
    clock.move(60)
    assert imports.ring_stalled(workshop) == 1


def test_an_export_imports_again_without_any_change(any_workshop: Workshop, actor: Actor) -> None:
    with any_workshop.open(actor) as work:
        session = work.session
        ann = factories.make_contact(session, name='=Ann, the "first"', phone="+491701234567", city="'s-Hertogenbosch")
        mails = [factories.make_target(session, ann, address=f"ann{index}@example.org") for index in range(3)]
        factories.make_target(session, ann, address="token:1", channel="push")
        factories.make_contact(session, name="Without address", note="two\nlines", age=42)
        factories.make_topic(session, name="News", targets=mails[:2])
        factories.make_topic(session, name="Semi;colon", targets=mails[1:])
        factories.make_topic(session, name="Twice", targets=mails)
        factories.make_topic(session, name="twice")
    row = upload(any_workshop, actor, export(any_workshop, actor))
    assert [column["use"] for column in row.settings["columns"]][:6] == [
        "id", "name", "email", "phone", "push", "topics"
    ]  # fmt: skip
    checked = check(any_workshop, actor, row)
    assert (totals(checked)[:2], checked.rejected_total) == ((0, 0), 0), checked.report


def test_an_export_brings_everything_into_an_empty_project(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        topics.create_topic(work, name="News")
    bring(workshop, actor, PEOPLE)
    before, content = audience(workshop, actor), export(workshop, actor)
    with workshop.open(actor) as work:
        for contact in work.session.query(Contact).all():
            contacts.delete_contact(work, contact.id)
    assert totals(bring(workshop, actor, content)) == (3, 0, 0, 0)
    assert audience(workshop, actor) == before
    with workshop.open(actor) as work:
        assert topic_totals.recount(work) == 0


def test_no_exported_cell_begins_like_a_formula(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        factories.make_contact(work.session, name="=cmd|' /C calc'!A0", phone="+491701234567", note="@SUM(1)")
    rows = list(csv.reader(io.StringIO(export(workshop, actor).decode("utf-8-sig"))))
    assert not [cell for row in rows for cell in row if cell.startswith(("=", "+", "-", "@"))]
    assert "'+491701234567" in rows[1]


def _run_in_child(settings: Settings, import_pk: int) -> None:
    shop = Workshop(
        settings, Database(settings.sqlalchemy_url), Broker(settings.broker_url), SystemClock(), Vault([SECRET])
    )
    imports.run(shop, import_pk)


def test_a_run_that_is_killed_again_and_again_goes_on_and_doubles_nothing(workshop: Workshop, actor: Actor) -> None:
    size = 6000
    with workshop.open(actor) as work:
        topics.create_topic(work, name="News")
    lines = "".join(
        f"P{index},{'nope' if index % 100 == 50 else f'p{index}@example.org'},News\n" for index in range(size)
    )
    row = upload(workshop, actor, f"name,email,topics\n{lines}p0,P3@example.org,\n")
    check(workshop, actor, row)
    with workshop.open(actor) as work:
        imports.start_import(work, row.id)
    context = multiprocessing.get_context("spawn")
    cursors = []
    for _ in range(3):
        child = context.Process(target=_run_in_child, args=(workshop.settings, row.pk))
        child.start()
        before = find(workshop, actor, row).cursor
        while child.is_alive() and find(workshop, actor, row).cursor < before + 1000:
            time.sleep(0.01)
        os.kill(child.pid, signal.SIGKILL)
        child.join()
        cursors.append(find(workshop, actor, row).cursor)
    assert 0 < cursors[0] < cursors[1] < cursors[2]
    imports.run(workshop, row.pk)
    finished = find(workshop, actor, row)
    assert (finished.status, totals(finished)) == ("finished", (size - 60, 0, 0, 61))
    with workshop.open(actor) as work:
        assert work.session.query(Contact).count() == work.session.query(Subscriber).count() == size - 60
        assert topic_totals.recount(work) == 0
    assert len(report(workshop, actor, row, "run")) == 61


def test_two_workers_at_one_import_do_each_row_once(any_workshop: Workshop, actor: Actor) -> None:
    content = "email\n" + "".join(f"p{index}@example.org\n" for index in range(1500))
    row = upload(any_workshop, actor, content)
    check(any_workshop, actor, row)
    with any_workshop.open(actor) as work:
        imports.start_import(work, row.id)
    context = multiprocessing.get_context("spawn")
    children = [context.Process(target=_run_in_child, args=(any_workshop.settings, row.pk)) for _ in range(2)]
    for child in children:
        child.start()
    for child in children:
        child.join()
        assert child.exitcode == 0
    imports.run(any_workshop, row.pk)  # when both stopped for each other, the ticker would ring
    assert totals(find(any_workshop, actor, row)) == (1500, 0, 0, 0)


def test_an_address_that_somebody_adds_meanwhile_is_planned_anew(workshop: Workshop, actor: Actor) -> None:
    row = upload(workshop, actor, "name,email\nAnn,ann@example.org\n")
    check(workshop, actor, row)
    with workshop.open(actor) as work:
        contacts.create_contact(work, name="Old", addresses={"email": "ann@example.org"})
    assert totals(start(workshop, actor, row)) == (0, 1, 0, 0)
