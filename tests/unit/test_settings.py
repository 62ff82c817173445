"""Settings: what is read, what is refused and how that is said."""

from pathlib import Path

import pytest

from app.infra.settings import BadSettingsError, Settings


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.names():
        monkeypatch.delenv(f"CARILLON_{name.upper()}", raising=False)


def test_without_settings_everything_lies_in_the_data_dir(tmp_path: Path) -> None:
    settings = Settings.from_env(data_dir=tmp_path)
    assert settings.sqlalchemy_url == f"sqlite:///{tmp_path}/carillon.sqlite3"
    assert settings.broker_url == f"unix://{tmp_path}/run/valkey.sock"
    assert settings.is_embedded


def test_the_command_line_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CARILLON_PORT", "9000")
    assert Settings.from_env().port == 9000
    assert Settings.from_env(port=None).port == 9000
    assert Settings.from_env(port=9001).port == 9001


def test_a_child_reads_the_very_settings_of_its_parent(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    parent = Settings(
        data_dir=tmp_path,
        port=1234,
        allow_private_hosts=True,
        provider_endpoints={"mailgun": "http://localhost:9/v3"},
        bounces_port=2525,
        bounces_certificate=tmp_path / "bounces.pem",
    )
    for name, value in parent.environment().items():
        monkeypatch.setenv(name, value)
    assert Settings.from_env() == parent


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("PORT", "banana", "CARILLON_PORT (--port) cannot be that; use a number from 0 to 65535"),
        ("PORT", "65536", "CARILLON_PORT (--port) cannot be that; use a number from 0 to 65535"),
        ("BOUNCES_PORT", "70000", "CARILLON_BOUNCES_PORT cannot be that; use a number from 1 to 65535, or 0 for none"),
        ("BOUNCES_PROTOCOL", "uucp", "CARILLON_BOUNCES_PROTOCOL cannot be that; use smtp or lmtp"),
        ("WORKERS", "0", "CARILLON_WORKERS (--workers) cannot be that; use a number from 1 to 256"),
        ("ALLOW_PRIVATE_HOSTS", "maybe", "CARILLON_ALLOW_PRIVATE_HOSTS cannot be that; use true or false"),
        ("LOG_FORMAT", "xml", "CARILLON_LOG_FORMAT cannot be that; use console or json"),
        (
            "DATABASE_URL",
            "mysql://root@db/x",
            "CARILLON_DATABASE_URL is not a database Carillon knows; use postgresql+",
        ),
        ("REDIS_URL", "http://x", "CARILLON_REDIS_URL is not an address of a queue; use redis://"),
        (
            "PUBLIC_URL",
            "carillon.example.org",
            "CARILLON_PUBLIC_URL is not an address of a page; use one like https://",
        ),
        ("PUBLIC_URL", "https://x:port", "CARILLON_PUBLIC_URL is not an address of a page"),
        ("PROVIDER_ENDPOINTS", "{", "CARILLON_PROVIDER_ENDPOINTS is not a JSON object; use one like"),
        ("PROVIDER_ENDPOINTS", "[]", "CARILLON_PROVIDER_ENDPOINTS cannot be that"),
        ("PROVIDER_ENDPOINTS", '{"ses": "x"}', "CARILLON_PROVIDER_ENDPOINTS has no base URL for ses; give one like"),
    ],
)
def test_a_setting_that_cannot_be_is_named_with_what_would_be_right(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, sentence: str
) -> None:
    monkeypatch.setenv(f"CARILLON_{name}", value)
    with pytest.raises(BadSettingsError) as caught:
        Settings.from_env()
    assert len(caught.value.sentences) == 1
    assert caught.value.sentences[0].startswith(sentence)
    assert caught.value.sentences[0].endswith(".")


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_postgresql_may_be_written_in_three_ways(scheme: str) -> None:
    assert Settings(database_url=f"{scheme}://u@h/db").sqlalchemy_url == "postgresql+psycopg://u@h/db"


def test_what_may_hold_a_password_is_not_in_the_representation() -> None:
    settings = Settings(
        database_url="postgresql://u:sesame@h/db", redis_url="redis://:sesame@h", secret_keys="sesame" * 8
    )
    assert "sesame" not in repr(settings)


@pytest.mark.parametrize(
    ("host", "public_url", "address"),
    [
        ("127.0.0.1", "", "http://127.0.0.1:8025"),
        ("0.0.0.0", "", "http://localhost:8025"),
        ("::1", "", "http://[::1]:8025"),
        ("0.0.0.0", "https://carillon.example.org/", "https://carillon.example.org"),
    ],
)
def test_the_address_people_open_is_one_they_can_open(host: str, public_url: str, address: str) -> None:
    assert Settings(host=host, public_url=public_url).address == address
