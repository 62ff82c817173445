"""The words that rows are searched by follow every change of the rows, whoever makes it."""

import io
from typing import Any

from sqlalchemy import select, text

from app.domain.list_query import ListQuery
from app.domain.permissions import Actor
from app.models.contacts import Contact
from app.models.messages import Message
from app.models.projects import Project
from app.models.targets import Target
from app.services import word_index
from app.services.accounts import contact_accounts
from app.services.messages import messages
from app.services.people import contacts, imports, targets, topics
from app.services.programs import shelves
from app.services.programs.shelves import Wish
from app.services.story import demo
from app.services.work import Work, Workshop
from tests import factories
from tests.services.long_lists import fill


def found(shop: Workshop, actor: Actor, search: str) -> list[str]:
    """The names of the contacts that a search finds."""
    with shop.read(actor) as work:
        page = shelves.list_contacts(work, Wish(ListQuery(), search))
        assert page.total == len(page.rows)
        return [record.contact.name for record in page.rows]


def is_in_step(shop: Workshop, actor: Actor) -> bool:
    """Whether each contact's words are those it should have, and the index finds it by its first and its last one."""
    with shop.read(actor) as work:
        for contact, words in work.session.execute(select(Contact, Contact.words)).all():
            mine = select(Target.channel, Target.address).where(Target.contact_pk == contact.pk).order_by(Target.pk)
            addresses = [(channel, address) for channel, address in work.session.execute(mine)]
            if words != word_index.of_contact(contact.id, contact.name, contact.labels, addresses):
                return False
    return True


def test_a_contact_is_found_by_name_id_address_and_label_as_long_as_it_has_them(
    any_workshop: Workshop, actor: Actor
) -> None:
    with any_workshop.open(actor) as work:
        addresses = {"email": "ada.king@example.org", "sms": "+491701234567"}
        contacts.create_contact(work, name="Ada Lovelace", contact_id="first-one", addresses=addresses)
        contacts.create_contact(work, name="José Müller", addresses={"push": "device-token"})
    for search in ("lovelace", "LOVE", "ada love", "lovelace ada", "first-one", "ada.king@example.org", "491701234567"):
        assert found(any_workshop, actor, search) == ["Ada Lovelace"], search
    assert found(any_workshop, actor, "jose muller") == found(any_workshop, actor, '"josé MÜLLER"') == ["José Müller"]
    for search in ("ovelace", "love ada", '"king lovelace"', '"ada love"', "device", "label", "ada jose", "-?-"):
        assert found(any_workshop, actor, search) == [], search
    with any_workshop.open(actor) as work:
        contact_accounts.set_labels(work, "first-one", ["vip"])
        contacts.update_contact(work, "first-one", name="Augusta King", attributes={})
        email = work.session.scalars(select(Target).where(Target.channel == "email")).one()
        targets.update_target(work, email.id, "countess@example.net")
    for search in ("vip", "label:vip", "augusta", "countess", "net"):
        assert found(any_workshop, actor, search) == ["Augusta King"], search
    for search in ("lovelace", "ada", "ada.king"):
        assert found(any_workshop, actor, search) == [], search
    assert is_in_step(any_workshop, actor)
    with any_workshop.open(actor) as work:
        targets.remove_target(work, email.id)
    assert found(any_workshop, actor, "countess") == []
    with any_workshop.open(actor) as work:
        contacts.delete_contact(work, "first-one")
    assert found(any_workshop, actor, "augusta") == []


def test_imported_contacts_are_found_new_ones_and_changed_ones(any_workshop: Workshop, actor: Actor) -> None:
    with any_workshop.open(actor) as work:
        contacts.create_contact(work, name="Old Name", addresses={"email": "ann@example.org"})
    bring_in(any_workshop, actor, "name,email,phone\nAnn Lee,ann@example.org,+491701234567\nBob,bob@example.org,\n")
    assert found(any_workshop, actor, "old") == []
    assert found(any_workshop, actor, "lee 491701234567") == ["Ann Lee"]
    assert found(any_workshop, actor, "bob@example.org") == ["Bob"]
    assert is_in_step(any_workshop, actor)


def bring_in(shop: Workshop, actor: Actor, rows: str) -> None:
    row = imports.upload(shop, actor, io.BytesIO(rows.encode()), "people.csv")
    with shop.open(actor) as work:
        columns = row.settings["columns"]
        imports.check_import(work, row.id, columns, separator=";", topics=[], existing="update")
    imports.run(shop, row.pk)
    with shop.open(actor) as work:
        imports.start_import(work, row.id)
    imports.run(shop, row.pk)


def test_the_people_of_the_demo_story_are_found(any_workshop: Workshop, actor: Actor) -> None:
    with any_workshop.open(actor) as work:
        demo.add(work)
    assert is_in_step(any_workshop, actor)
    with any_workshop.read(actor) as work:
        first = work.session.scalars(select(Contact).order_by(Contact.pk)).first()
        assert first
        name = f'"{first.name}" {first.id}'
    assert found(any_workshop, actor, name) == [first.name]


def test_messages_and_topics_are_found_by_what_they_say_now(any_workshop: Workshop, actor: Actor) -> None:
    def ids(work: Work, show: Any, search: str) -> int:
        return len(show(work, Wish(ListQuery(), search)).rows)

    with any_workshop.open(actor) as work:
        factories.make_message(work.session, subject="Früher Vogel")
        topics.create_topic(work, name="ÉTÉ en ville", description="What is on")
    with any_workshop.read(actor) as work:
        message = work.session.scalars(select(Message)).one()
        assert ids(work, shelves.list_topics, "ete ville") == ids(work, shelves.list_topics, "what") == 1
        assert ids(work, shelves.list_messages, "frue") == ids(work, shelves.list_messages, "später") == 0
        for search in ("fruher vogel", '"Früher Vogel"', "email früh", message.status, f"{message.status} vogel"):
            assert ids(work, shelves.list_messages, search) == 1, search
    with any_workshop.open(actor) as work:
        messages.remove(work, message.id, stops_sending=True)
        assert ids(work, shelves.list_messages, "vogel") == 0


def test_a_search_reads_the_words_of_its_own_project_only(any_workshop: Workshop, actor: Actor) -> None:
    with any_workshop.open(actor) as work:
        work.session.add(Project(id="other", name="Other", time_zone="UTC", **work.stamp()))
        work.session.flush()
        work.session.add(Contact(id="x", project_pk=2, name="Ada Other", **work.stamp()))
        contacts.create_contact(work, name="Ada Mine")
    assert found(any_workshop, actor, "ada") == ["Ada Mine"]


def test_common_words_and_rare_ones_find_the_same_in_every_order(any_workshop: Workshop, actor: Actor) -> None:
    fill(any_workshop, 1_000, only_contacts=True)
    newest = ListQuery(orders=(("created_at", True),), limit=3)
    with any_workshop.read(actor) as work:
        for search, total, last in (("example", 1_000, "c999"), ("ada", 100, "c990"), ("last77", 11, "c779")):
            page = shelves.list_contacts(work, Wish(newest, search))
            assert (page.total, page.rows[0].contact.id) == (total, last), search
            ahead = shelves.list_contacts(work, Wish(ListQuery(limit=2, cursor=last, is_backwards=True), search))
            assert [row.contact.pk for row in ahead.rows] == sorted(row.contact.pk for row in ahead.rows)


def test_the_index_keeps_nothing_of_what_is_gone(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        person = contacts.create_contact(work, name="Gone", addresses={"email": "gone@example.org"})
        contacts.delete_contact(work, person.id)
        # PostgreSQL's index is of the table itself and goes with the row; SQLite's is a table of its own.
        is_sqlite = work.session.get_bind().dialect.name == "sqlite"
        found = "contacts_words WHERE contacts_words MATCH '\"1xgone\"'" if is_sqlite else "contacts WHERE id <> ''"
        assert work.session.execute(text(f"SELECT * FROM {found}")).all() == []
