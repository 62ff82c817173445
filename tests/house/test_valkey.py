"""The embedded Valkey: starts, is attached to, survives, stops, and rises from a damaged file."""

import os
import signal
from pathlib import Path

import pytest
import redis

from app.infra.settings import LONGEST_SOCKET_PATH, Settings
from app.infra.valkey import Valkey, ValkeyError
from tests.house.conftest import is_alive, wait_for


def _client(settings: Settings) -> redis.Redis:
    return redis.Redis.from_url(settings.broker_url)


def test_it_starts_on_a_socket_that_only_its_owner_opens(valkey: Valkey, settings: Settings) -> None:
    with _client(settings) as client:
        assert client.ping()
        assert client.config_get("port", "appendonly", "maxmemory-policy") == {
            "port": "0", "appendonly": "yes", "maxmemory-policy": "noeviction",
        }  # fmt: skip
    assert settings.valkey_socket.stat().st_mode & 0o077 == 0


def test_a_second_start_attaches_to_the_one_that_runs(valkey: Valkey, settings: Settings) -> None:
    second = Valkey(settings)
    assert second.start()
    assert second.pid == valkey.pid
    assert second.is_running()


def test_an_attached_one_is_stopped_in_order(valkey: Valkey, settings: Settings) -> None:
    second = Valkey(settings)
    second.start()
    pid = second.pid
    second.stop()
    wait_for(lambda: not is_alive(pid) or not valkey.is_running(), "Valkey has ended")
    assert not settings.valkey_socket.exists()


def test_what_was_rung_survives_the_kill_of_the_server(valkey: Valkey, settings: Settings) -> None:
    with _client(settings) as client:
        client.set("bell", "rung")
    os.kill(valkey.pid, signal.SIGKILL)
    wait_for(lambda: not valkey.is_running(), "Valkey was killed")
    assert not valkey.start()
    with _client(settings) as client:
        assert client.get("bell") == b"rung"


def test_a_server_that_lost_its_socket_is_ended_before_another_starts(valkey: Valkey, settings: Settings) -> None:
    first = valkey.pid
    settings.valkey_socket.unlink()
    second = Valkey(settings)
    assert not second.start()
    assert second.pid != first
    assert not valkey.is_running()
    second.stop()


def test_a_damaged_file_is_set_aside_and_the_queue_starts_empty(valkey: Valkey, settings: Settings) -> None:
    with _client(settings) as client:
        client.set("bell", "rung")
    valkey.stop()
    files = settings.data_dir / "valkey" / "appendonlydir"
    for file in files.glob("*.incr.aof"):
        file.write_bytes(b"*3\r\n$3\r\nSETxx-this-is-no-command" * 20)
    valkey.start()
    with _client(settings) as client:
        assert client.get("bell") is None
    assert list(files.parent.glob("damaged-*"))


def test_a_long_data_dir_gets_a_short_socket_that_every_process_finds(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / ("long" * 30))
    server = Valkey(settings)
    server.start()
    try:
        assert len(str(settings.valkey_socket)) <= LONGEST_SOCKET_PATH
        assert settings.valkey_socket == Path(settings.valkey_note.read_text().strip())
        with _client(settings) as client:
            assert client.ping()
    finally:
        server.stop()
        settings.valkey_socket.parent.rmdir()


def test_a_socket_folder_open_to_others_is_refused(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / ("long" * 30))
    settings.valkey_socket.parent.mkdir()
    settings.valkey_socket.parent.chmod(0o777)
    try:
        with pytest.raises(ValkeyError, match="use a shorter --data-dir"):
            Valkey(settings).start()
    finally:
        settings.valkey_socket.parent.rmdir()
