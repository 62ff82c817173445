"""Signing in and out, and the one-time address of the first member."""

import pytest
from flask import Flask

from app.domain.permissions import system
from app.services.team import access
from app.services.work import Workshop
from tests.web.conftest import PASSWORD
from tests.web.page_client import PageClient, find_token


@pytest.fixture
def start_path(workshop: Workshop) -> str:
    """The path of the one-time address."""
    with workshop.open(system()) as work:
        return f"/start/{access.invite_first_member(work)}"


def test_the_sign_in_page_has_the_two_fields_and_the_button(client: PageClient) -> None:
    page = client.get("/sign-in")
    assert page.heading == "Sign in"
    assert [label.get_text(strip=True) for label in page.select("label")] == ["Email", "Password"]
    assert page.select("button[type=submit]")[0].get_text(strip=True) == "Sign in"


def test_every_page_from_the_sign_in_to_the_first_page_is_sound(app: Flask, olga: PageClient, vera: PageClient) -> None:
    for name in ("olga", "vera"):
        assert PageClient(app).sign_in(f"{name}@acme.example", PASSWORD).path == "/p/default"


def test_nobody_yet_is_told_where_the_first_member_is_made(client: PageClient) -> None:
    assert "one-time address" in client.get("/sign-in").text


def test_a_page_leads_to_sign_in_and_back(app: Flask, olga: PageClient) -> None:
    stranger = app.test_client()
    answer = stranger.get("/p/default/contacts?q=ann")
    assert answer.status_code == 302
    assert answer.headers["Location"] == "/sign-in?next=/p/default/contacts?q%3Dann"


@pytest.mark.parametrize("wanted", ["https://evil.example/", "//evil.example", "/\\evil.example", "/\nevil"])
def test_no_link_leads_elsewhere_after_sign_in(app: Flask, olga: PageClient, wanted: str) -> None:
    stranger = app.test_client()
    token = find_token(stranger.get("/sign-in").text)
    form = {"email": "olga@acme.example", "password": PASSWORD, "csrf_token": token, "next": wanted}
    assert stranger.post("/sign-in", data=form).headers["Location"] == "/"


def test_a_wrong_password_keeps_the_email_and_says_one_sentence(app: Flask, olga: PageClient) -> None:
    stranger = app.test_client()
    token = find_token(stranger.get("/sign-in").text)
    answer = stranger.post("/sign-in", data={"email": "olga@acme.example", "password": "no", "csrf_token": token})
    assert answer.status_code == 422
    assert 'value="olga@acme.example"' in answer.text
    assert "do not belong together" in answer.text


def test_empty_fields_are_said_to_be_empty(client: PageClient) -> None:
    page = client.submit(client.get("/sign-in"))
    assert page.status == 422
    assert "Email is missing: type the one" in page.select("#email-error")[0].get_text()
    assert "Password is missing." in page.select("#password-error")[0].get_text()
    assert "do not belong together" not in page.text


def test_without_the_forms_token_nothing_happens(app: Flask, olga: PageClient) -> None:
    answer = app.test_client().post("/sign-in", data={"email": "olga@acme.example", "password": PASSWORD})
    assert answer.status_code == 400
    assert "Reload the page" in answer.text


def test_a_second_sign_in_page_leads_on_once_the_first_one_was_used(olga: PageClient, client: PageClient) -> None:
    client.raw.environ_base["HTTP_ORIGIN"] = "http://localhost"  # as every browser says
    second = client.get("/sign-in", next="/p/default/contacts")
    client.sign_in("olga@acme.example", PASSWORD)
    page = client.submit(second, email="olga@acme.example", password=PASSWORD)
    assert (page.status, page.path) == (200, "/p/default/contacts")


def test_signing_in_gives_a_new_session(app: Flask, olga: PageClient) -> None:
    browser = app.test_client()
    token = find_token(browser.get("/sign-in").text)
    before = browser.get_cookie("carillon").value
    browser.post("/sign-in", data={"email": "olga@acme.example", "password": PASSWORD, "csrf_token": token})
    assert browser.get_cookie("carillon").value != before
    assert browser.get("/p/default/").status_code == 200


def test_after_signing_out_the_old_cookie_is_worth_nothing(app: Flask, olga: PageClient) -> None:
    browser = app.test_client()
    token = find_token(browser.get("/sign-in").text)
    browser.post("/sign-in", data={"email": "olga@acme.example", "password": PASSWORD, "csrf_token": token})
    kept = browser.get_cookie("carillon").value
    token = find_token(browser.get("/p/default/").text)
    assert browser.post("/sign-out", data={"csrf_token": token}).status_code == 303
    browser.set_cookie("carillon", kept)
    assert browser.get("/p/default/").status_code == 302


def test_the_eleventh_try_in_a_minute_is_refused(app: Flask, olga: PageClient) -> None:
    stranger = app.test_client()
    token = find_token(stranger.get("/sign-in").text)
    form = {"email": "olga@acme.example", "password": "guess", "csrf_token": token}
    codes = [stranger.post("/sign-in", data=form).status_code for _ in range(12)]
    assert codes[:5] == [422] * 5
    assert codes[-1] == 429


def test_nobody_gets_further_tries_from_each_of_the_addresses_of_one_connection(app: Flask, olga: PageClient) -> None:
    stranger = app.test_client()
    token = find_token(stranger.get("/sign-in").text)
    codes = []
    for number in range(22):
        form = {"email": f"n{number}@acme.example", "password": "guess", "csrf_token": token}
        place = {"REMOTE_ADDR": f"2001:db8::{number:x}"}
        codes.append(stranger.post("/sign-in", data=form, environ_base=place).status_code)
    assert codes == [422] * 20 + [429] * 2


def test_the_one_time_address_makes_the_first_member_and_signs_in(app: Flask, start_path: str) -> None:
    browser = app.test_client()
    token = find_token(browser.get(start_path).text)
    form = {"name": "Ann", "email": "ann@example.org", "password": PASSWORD, "csrf_token": token}
    answer = browser.post(start_path, data=form)
    assert answer.status_code == 303
    assert browser.get("/", follow_redirects=True).status_code == 200
    assert app.test_client().get(start_path).status_code == 401


def test_a_first_member_that_cannot_be_is_told_beside_the_fields(app: Flask, start_path: str) -> None:
    browser = app.test_client()
    token = find_token(browser.get(start_path).text)
    answer = browser.post(start_path, data={"email": "ann", "password": "short", "csrf_token": token})
    assert answer.status_code == 422
    assert "Email needs an address like name@example.org" in answer.text
    assert "at least 10 characters" in answer.text


def test_a_made_up_one_time_address_says_so(client: PageClient, app: Flask) -> None:
    answer = app.test_client().get("/start/nonsense")
    assert answer.status_code == 401
    assert "used already or is too old" in answer.text


@pytest.mark.parametrize(
    ("theme", "kept"), [("dark", "dark"), ("light", "light"), ("system", "system"), ("pink", None)]
)
def test_the_theme_is_kept_in_a_cookie(app: Flask, theme: str, kept: str | None) -> None:
    browser = app.test_client()
    token = find_token(browser.get("/sign-in").text)
    browser.post("/theme", data={"theme": theme, "csrf_token": token, "next": "/sign-in"})
    cookie = browser.get_cookie("theme")
    assert (cookie.value if cookie else None) == kept


def test_every_answer_carries_the_strict_headers(app: Flask) -> None:
    answer = app.test_client().get("/sign-in")
    policy = answer.headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "HttpOnly" in answer.headers["Set-Cookie"]
    assert "SameSite=Lax" in answer.headers["Set-Cookie"]
