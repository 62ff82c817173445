"""The settings: project, members, invitations, keys."""

from urllib.parse import urlsplit

import pytest
from flask import Flask
from sqlalchemy import func, select

from app.domain.permissions import Actor
from app.infra.vault import hash_token
from app.models.keys import ApiKey
from app.models.members import Member, Membership
from app.models.topics import Topic
from app.services.work import Workshop
from tests.conftest import FakeClock
from tests.factories import make_topic
from tests.web.conftest import sign_in
from tests.web.page_client import PageClient

SETTINGS = "/p/default/settings"
MEMBERS = f"{SETTINGS}/members"
PASSWORD = "a long pass phrase"


def roles_of(workshop: Workshop, actor: Actor, email: str) -> set[str]:
    with workshop.read(actor) as work:
        return set(
            work.session.scalars(
                select(Membership.role).join(Member, Member.pk == Membership.member_pk).where(Member.email == email)
            )
        )


def invite(client: PageClient, role: str) -> str:
    page = client.submit(client.get(MEMBERS), "form[action$='/invite']", role=role)
    return urlsplit(str(page.select("#invitation")[0]["value"])).path


def test_name_and_time_zone_are_saved_and_seen(olga: PageClient) -> None:
    page = olga.submit(olga.get(SETTINGS), name="Acme shops", time_zone="Asia/Kolkata")
    assert "sample data of Acme shops." in page.text
    assert page.form().values["time_zone"] == "Asia/Kolkata"


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"name": " "}, "Name needs 1 to 128 characters"),
        ({"name": "a\nb"}, "no line breaks"),
        ({"time_zone": "Mars/Olympus"}, "Time zone is not one of the list"),
    ],
)
def test_what_cannot_be_is_named(olga: PageClient, values: dict[str, str], words: str) -> None:
    page = olga.submit(olga.get(SETTINGS), **values)
    assert page.status == 422
    assert words in page.text


def test_a_viewer_reads_the_project_and_nothing_else(vera: PageClient) -> None:
    page = vera.get(SETTINGS)
    assert "Save" not in [button.get_text(strip=True) for button in page.select("main button")]
    for path in (MEMBERS, f"{SETTINGS}/keys", f"{SETTINGS}/activity"):
        assert vera.get(path).status == 403


def test_an_invitation_makes_a_member_with_that_role_once(
    app: Flask, workshop: Workshop, actor: Actor, olga: PageClient
) -> None:
    path = invite(olga, "composer")
    guest = PageClient(app)
    page = guest.submit(guest.get(path), name="Ed", email="Ed@acme.example", password=PASSWORD)
    assert page.heading == "Home"
    assert roles_of(workshop, actor, "ed@acme.example") == {"composer"}
    again = PageClient(app).get(path)
    assert again.status == 401
    assert "used already" in again.text
    assert "ed@acme.example" in olga.get(f"{SETTINGS}/activity").text


def test_an_invitation_never_opens_the_page_of_the_first_member(
    app: Flask, workshop: Workshop, actor: Actor, olga: PageClient
) -> None:
    token = invite(olga, "viewer").rpartition("/")[2]
    guest = PageClient(app)
    assert guest.get(f"/start/{token}").status == 401
    assert guest.post(f"/start/{token}", email="eve@acme.example", password=PASSWORD).status in {400, 401}
    assert roles_of(workshop, actor, "eve@acme.example") == set()


def test_somebody_who_is_signed_in_takes_the_role_with_their_account(
    app: Flask, workshop: Workshop, actor: Actor, olga: PageClient, vera: PageClient
) -> None:
    path = invite(olga, "operator")
    page = vera.submit(vera.get(path), "form[action*='/join/']")
    assert page.heading == "Home"
    assert roles_of(workshop, actor, "vera@acme.example") == {"viewer", "operator"}


def test_an_account_that_exists_is_not_taken_over(app: Flask, olga: PageClient, vera: PageClient) -> None:
    guest = PageClient(app)
    page = guest.submit(guest.get(invite(olga, "admin")), email="vera@acme.example", password=PASSWORD)
    assert page.status == 422
    assert "has an account already" in page.text


def test_an_invitation_ends_by_time_or_when_it_is_taken_back(app: Flask, clock: FakeClock, olga: PageClient) -> None:
    first, second = invite(olga, "viewer"), invite(olga, "viewer")
    olga.submit(olga.get(MEMBERS), "form[action$='/take-back']")
    assert PageClient(app).get(second).status == 401
    assert PageClient(app).get(first).status == 200
    clock.move(8 * 86400)
    assert PageClient(app).get(first).status == 401


def test_roles_are_changed_and_a_member_removed(
    workshop: Workshop, actor: Actor, olga: PageClient, vera: PageClient
) -> None:
    link = next(link for link in olga.get(MEMBERS).select("td.first a") if "vera" in link.get_text())
    page = olga.get(str(link["href"]))
    olga.submit(page, roles=["composer", "operator"])
    assert roles_of(workshop, actor, "vera@acme.example") == {"composer", "operator"}
    question = olga.get(f"{link['href']}/remove")
    assert "vera@acme.example loses 2 roles in Acme at once: composer, operator." in question.text
    olga.submit(question)
    assert roles_of(workshop, actor, "vera@acme.example") == set()
    assert vera.get("/p/default").status == 404


def test_the_only_admin_stays_admin(workshop: Workshop, actor: Actor, olga: PageClient) -> None:
    page = olga.get(str(olga.get(MEMBERS).select("td.first a")[0]["href"]))
    for refused in (olga.submit(page, roles=["viewer"]), olga.submit(olga.get(f"{page.path}/remove"))):
        assert refused.status == 422
        assert "only admin of the project" in refused.text
    assert roles_of(workshop, actor, "olga@acme.example") == {"admin"}


def test_forbidding_sign_in_ends_the_sessions_at_once(app: Flask, workshop: Workshop, olga: PageClient) -> None:
    ed = sign_in(app, workshop, "ed@acme.example", "composer")
    link = next(link for link in olga.get(MEMBERS).select("td.first a") if "ed@" in link.get_text())
    question = olga.get(f"{link['href']}/disable")
    assert "its sessions end now" in question.text
    olga.submit(question)
    assert ed.get("/p/default").path == "/sign-in"
    assert "Cannot sign in" in olga.get(MEMBERS).text


def test_a_key_shows_its_secret_once_and_is_revoked(workshop: Workshop, actor: Actor, olga: PageClient) -> None:
    page = olga.submit(olga.get(f"{SETTINGS}/keys/new"), name="Shop", scopes=["messages.read", "messages.write"])
    secret = str(page.select("#secret")[0]["value"])
    with workshop.read(actor) as work:
        key = work.session.scalar(select(ApiKey))
        assert key is not None
        assert (key.secret_hash, key.scopes) == (hash_token(secret), ["messages.read", "messages.write"])
    listed = olga.get(f"{SETTINGS}/keys")
    assert secret not in listed.body
    assert secret not in olga.get(f"{SETTINGS}/activity").body
    question = olga.get(f"{SETTINGS}/keys/{key.id}/revoke")
    assert "It was never used" in question.text
    assert "No keys yet" in olga.submit(question).text


def test_a_key_without_name_or_scopes_is_refused_in_words(olga: PageClient) -> None:
    page = olga.submit(olga.get(f"{SETTINGS}/keys/new"), name="", expires_at="tomorrow")
    assert page.status == 422
    page = olga.submit(olga.get(f"{SETTINGS}/keys/new"), name="")
    assert page.status == 422
    assert page.select("#name-error")[0].get_text(strip=True).endswith("Name is missing.")
    assert page.select("#scopes-error")[0].get_text(strip=True).endswith("Scopes are missing. Tick at least one.")


def test_sample_data_is_removed_in_one_action(workshop: Workshop, actor: Actor, olga: PageClient) -> None:
    assert "Remove the sample data" not in olga.get(SETTINGS).text
    with workshop.open(actor) as work:
        make_topic(work.session, name="Sample").is_demo = True
        make_topic(work.session, name="Mine")
    question = olga.get(f"{SETTINGS}/sample-data")
    assert "0 contacts, 1 topic and 0 messages with their deliveries are deleted for good" in question.text
    olga.submit(question)
    with workshop.read(actor) as work:
        assert work.session.scalars(select(Topic.name)).all() == ["Mine"]


def test_sample_data_is_added_where_there_is_none(workshop: Workshop, actor: Actor, olga: PageClient) -> None:
    page = olga.submit(olga.get(SETTINGS), "form[action$='/sample-data/new']")
    assert "Added 2,000 sample contacts, 5 topics and 40 messages." in page.text
    assert "Remove the sample data" in page.text
    assert "Add sample data" not in page.text
    with workshop.read(actor) as work:
        assert work.session.scalar(select(func.count()).select_from(Topic)) == 5
    assert "Added the sample data" in olga.get(f"{SETTINGS}/activity").text


def test_a_viewer_cannot_add_sample_data(vera: PageClient) -> None:
    assert "Add sample data" not in vera.get(SETTINGS).text
