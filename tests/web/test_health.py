"""What load balancers ask: each answer says no more than it knows."""

from pathlib import Path

from app.factory import create_app
from app.infra.broker import Broker
from app.infra.db import Database
from app.services.work import Workshop


def test_a_web_server_is_ready_without_workers_ticker_and_queue(workshop: Workshop) -> None:
    away = Broker("unix:///nowhere/at/all.sock")
    shop = Workshop(workshop.settings, workshop.database, away, workshop.clock, workshop.vault)
    client = create_app(workshop.settings, workshop=shop).test_client()
    assert (client.get("/readyz/web").status_code, client.get("/readyz").status_code) == (200, 503)
    assert client.get("/readyz").get_json()["missing"] == ["queue"]


def test_a_web_server_without_its_database_is_not_ready_and_is_alive(workshop: Workshop, tmp_path: Path) -> None:
    away = Database(f"sqlite:///{tmp_path}/nowhere/at/all.sqlite3")
    shop = Workshop(workshop.settings, away, workshop.broker, workshop.clock, workshop.vault)
    client = create_app(workshop.settings, workshop=shop).test_client()
    answer = client.get("/readyz/web")
    assert (answer.status_code, answer.get_json()) == (503, {"status": "waiting", "missing": ["database"]})
    assert client.get("/healthz").status_code == 200
