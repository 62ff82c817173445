"""`/metrics` is for whoever knows the token, and nobody learns it by trying."""

import pytest
from flask import Flask
from prometheus_client.parser import text_string_to_metric_families

from app.factory import create_app
from app.infra.settings import BadSettingsError, Settings
from app.services.work import Workshop

TOKEN = "a-token-that-nobody-guesses"
SHOWN = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture
def watched(workshop: Workshop) -> Flask:
    workshop.settings = workshop.settings.but({"metrics_token": TOKEN})
    return create_app(workshop.settings, workshop=workshop)


def test_without_a_token_in_the_settings_there_is_no_such_page(workshop: Workshop) -> None:
    client = create_app(workshop.settings, workshop=workshop).test_client()
    assert client.get("/metrics").status_code == 404
    assert client.get("/metrics", headers={"Authorization": "Bearer "}).status_code == 404


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer wrong", f"Basic {TOKEN}", TOKEN, f"Bearer {TOKEN}x", "Bearer \xfc\xf6", "Bearer a b"],
)
def test_whoever_does_not_show_the_token_reads_nothing(watched: Flask, header: str) -> None:
    answer = watched.test_client().get("/metrics", headers={"Authorization": header} if header else {})
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert "carillon_" not in answer.text


def test_the_token_opens_a_page_that_the_parser_takes(watched: Flask) -> None:
    answer = watched.test_client().get("/metrics", headers=SHOWN)
    assert answer.status_code == 200
    assert answer.content_type == "text/plain; version=0.0.4; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-store"
    families = {family.name: family for family in text_string_to_metric_families(answer.text)}
    assert families["carillon_part_ready"].type == "gauge"
    assert families["carillon_batches_lost"].type == "counter"
    assert families["carillon_start_lateness_seconds"].type == "histogram"
    assert [name for name, family in families.items() if not family.documentation] == []
    assert TOKEN not in answer.text


def test_guesses_are_limited_and_right_ones_do_not_count(watched: Flask) -> None:
    client = watched.test_client()
    assert {client.get("/metrics", headers=SHOWN).status_code for _ in range(25)} == {200}
    wrong = [client.get("/metrics", headers={"Authorization": "Bearer wrong"}).status_code for _ in range(25)]
    assert (wrong.count(401), wrong.count(429)) == (20, 5)


@pytest.mark.parametrize("token", ["short", "has a space in it somewhere", "ümlaute sind keine Zeichen", "x" * 257])
def test_a_token_that_is_easy_to_guess_or_cannot_be_sent_is_refused(token: str) -> None:
    with pytest.raises(BadSettingsError, match="use 16 to 256 letters"):
        Settings(metrics_token=token)


def test_the_token_does_not_stand_in_what_a_process_says_of_its_settings() -> None:
    assert TOKEN not in repr(Settings(metrics_token=TOKEN))
