"""The vault: sealed things come back, strangers' do not, keys rotate, passwords stay secret."""

import stat
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from app.infra.settings import Settings
from app.infra.vault import (
    Vault,
    VaultError,
    hash_password,
    hash_token,
    make_key_file,
    needs_rehash,
    new_token,
    verify_password,
)

pytestmark = pytest.mark.usefixtures("full_password_costs")
OLD, NEW = "o" * 40, "n" * 40


def test_what_was_sealed_comes_back() -> None:
    vault = Vault([OLD])
    assert vault.decrypt_json(vault.encrypt_json({"password": "sesame ü"})) == {"password": "sesame ü"}


def test_the_sealed_text_does_not_show_the_secret() -> None:
    assert "sesame" not in Vault([OLD]).encrypt_text("sesame")


def test_after_a_rotation_old_secrets_are_still_read() -> None:
    sealed = Vault([OLD]).encrypt_text("sesame")
    assert Vault([NEW, OLD]).decrypt_text(sealed) == "sesame"


def test_a_rotated_secret_no_longer_needs_the_old_key() -> None:
    sealed = Vault([NEW, OLD]).rotate(Vault([OLD]).encrypt(b"sesame"))
    assert Vault([NEW]).decrypt(sealed) == b"sesame"


def test_a_wrong_key_is_said_in_words() -> None:
    sealed = Vault([OLD]).encrypt_text("sesame")
    with pytest.raises(VaultError, match="Add the key it was encrypted with"):
        Vault([NEW]).decrypt_text(sealed)


@pytest.mark.parametrize("keys", [[], ["short"], [NEW, "short"]])
def test_a_key_that_is_missing_or_short_is_refused(keys: list[str]) -> None:
    with pytest.raises(VaultError, match="32 characters"):
        Vault(keys)


def test_signing_keys_differ_by_purpose_and_keep_the_old_ones() -> None:
    vault = Vault([NEW, OLD])
    assert vault.signing_key("session") != vault.signing_key("unsubscribe")
    assert vault.signing_keys("session") == [vault.signing_key("session"), Vault([OLD]).signing_key("session")]


def test_the_first_start_makes_a_key_file_only_its_owner_reads(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "new")
    sealed = Vault.open(settings).encrypt_text("sesame")
    assert stat.S_IMODE(settings.key_file.stat().st_mode) == 0o600
    assert Vault.open(settings).decrypt_text(sealed) == "sesame"


def test_the_slower_of_two_first_starts_takes_the_key_of_the_quicker(tmp_path: Path) -> None:
    first = make_key_file(tmp_path / "secret.key")
    assert make_key_file(tmp_path / "secret.key") == first
    assert [path.name for path in tmp_path.iterdir()] == ["secret.key"]


def test_an_empty_key_file_is_said_in_words_and_not_replaced(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    settings.key_file.write_text("")
    with pytest.raises(VaultError, match="restore it from a backup"):
        Vault.open(settings)
    assert settings.key_file.read_text() == ""


def test_keys_may_be_parted_by_commas_or_spaces(tmp_path: Path) -> None:
    vault = Vault.open(Settings(data_dir=tmp_path, secret_keys=f"{NEW}, {OLD}"))
    assert vault.decrypt_text(Vault([OLD]).encrypt_text("sesame")) == "sesame"


def test_a_password_is_known_again_and_another_is_not() -> None:
    stored = hash_password("correct horse")
    assert stored.startswith("$argon2id$")
    assert verify_password(stored, "correct horse")
    assert not verify_password(stored, "battery staple")


@pytest.mark.parametrize("stored", [None, "", "not a hash"])
def test_no_password_opens_what_has_none(stored: str | None) -> None:
    assert not verify_password(stored, "")


def test_a_hash_with_older_parameters_asks_to_be_made_again() -> None:
    assert needs_rehash(PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1).hash("x"))
    assert not needs_rehash(hash_password("x"))


def test_tokens_differ_and_are_stored_as_hashes() -> None:
    token = new_token()
    assert len(token) >= 43
    assert token != new_token()
    assert len(hash_token(token)) == 64
    assert token not in hash_token(token)
