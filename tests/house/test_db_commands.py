"""`carillon db …` as an operator types it: back up, verify, restore, confirm."""

from pathlib import Path

import pytest

from app.data_dir import DataDir
from app.infra.settings import Settings
from tests.house.test_commands import assert_refused, carillon


@pytest.fixture
def where(tmp_path: Path) -> tuple[str, str]:
    """A data dir with one project in it."""
    folder = ("--data-dir", str(tmp_path / "data"))
    carillon("project", "create", "acme", "--name", "Acme", *folder)
    return folder


def test_from_a_backup_to_an_installation_that_sends(where: tuple[str, str], tmp_path: Path) -> None:
    file = str(tmp_path / "b.tar.zst")
    made = carillon("db", "backup", file, *where)
    assert (made.returncode, f"Wrote {file}: " in made.stdout) == (0, True)
    assert f"Keep {where[1]}/secret.key elsewhere" in made.stdout
    whole = carillon("db", "verify", file)
    assert f"{file} is whole: 1 part," in whole.stdout
    assert "the files, and no secret key." in whole.stdout
    assert_refused(carillon("db", "backup", file, *where), "exists already. Name another file, or replace it")
    assert_refused(carillon("db", "restore", file, *where), "With --force it is moved aside, and nothing is deleted.")

    put_back = carillon("db", "restore", file, "--force", *where)
    assert "What was there before lies in " in put_back.stdout
    assert "Nothing is sent until an admin confirms" in put_back.stdout
    assert "BAD  fence: Nothing is sent" in carillon("doctor", *where).stdout
    undecided = carillon("db", "confirm", *where)
    assert_refused(undecided, "Choose --go-on or --cancel-rest.")
    assert "This installation was restored from a backup of " in undecided.stdout
    assert "No message is on its way. 0 messages are scheduled." in undecided.stdout
    assert "This installation sends again." in carillon("db", "confirm", "--cancel-rest", *where).stdout
    assert "There is nothing to confirm" in carillon("db", "confirm", "--go-on", *where).stdout


def test_nothing_is_restored_under_a_running_installation(where: tuple[str, str], tmp_path: Path) -> None:
    file = str(tmp_path / "b.tar.zst")
    carillon("db", "backup", file, *where)
    with DataDir(Settings(data_dir=Path(where[1]))).lock():
        assert_refused(carillon("db", "restore", file, "--force", *where), "Carillon runs on")


def test_a_key_goes_along_on_request_and_comes_back(where: tuple[str, str], tmp_path: Path) -> None:
    file, other = str(tmp_path / "b.tar.zst"), tmp_path / "other"
    carillon("db", "backup", file, "--with-key", *where)
    put_back = carillon("db", "restore", file, "--data-dir", str(other))
    assert "sealed with a key" not in put_back.stdout
    assert (other / "secret.key").read_text() == (Path(where[1]) / "secret.key").read_text()
    assert (other / "secret.key").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("db", "backup", "/no/such/folder/b"), "/no/such/folder/b cannot be written: No such file or directory."),
        (("db", "verify", "/no/such/file"), "/no/such/file does not exist."),
        (("db", "restore", "/etc/hostname"), "is no backup of Carillon, or is damaged or cut off."),
        (("db", "backup", "/tmp"), "/tmp is a folder. Name a file in it."),
    ],
)
def test_what_cannot_be_is_said_in_a_sentence(where: tuple[str, str], words: tuple[str, ...], sentence: str) -> None:
    place = () if words[1] == "verify" else where
    assert_refused(carillon(*words, *place), sentence)


def test_an_empty_place_is_not_backed_up_as_if_it_were_one(tmp_path: Path) -> None:
    seen = carillon("db", "backup", str(tmp_path / "b"), "--data-dir", str(tmp_path / "nothing"))
    assert_refused(seen, "There is nothing to back up: the database has no tables. Check --data-dir.")
    assert not (tmp_path / "nothing").exists()
