"""Hashes of passwords: ours and other services', checked against published examples."""

import time

import pytest

from app.infra.password_hashes import OURS, PasswordHash, bring, fits, is_stale, keep, wrong_hash

pytestmark = pytest.mark.usefixtures("full_password_costs")

# github.com/firebase/scrypt, README
FIREBASE = bring(
    "scryptMod", "lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ==",
    salt="42xEC+ixf3L2lw==", saltSeparator="Bw==",
    signerKey="jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==",
)  # fmt: skip
# RFC 7914, section 12
SCRYPT = bring(
    "scrypt", "fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b3731622eaf30d92e22a3886ff109279d9830dac727"
    "afb94a83ee6d8360cbdfa2cc0640", salt="NaCl", costCpu=1024, costMemory=8, costParallel=16, length=64,
)  # fmt: skip
EXAMPLES = [
    (FIREBASE, "user1password"),
    (SCRYPT, "password"),
    (bring("phpass", "$P$984478476IagS59wHZvyQMArzfx58u."), "hashcat"),
    (bring("phpass", "$H$984478476IagS59wHZvyQMArzfx58u."), "hashcat"),
    (bring("md5", "5f4dcc3b5aa765d61d8327deb882cf99"), "password"),
    (bring("sha", "5baa61e4c9b93f3f0682250b6cf8331b7ee68fd8", version="sha1"), "password"),
    (bring("bcrypt", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"), "U*U"),
]


@pytest.mark.parametrize(("kept", "password"), EXAMPLES, ids=lambda value: getattr(value, "kind", ""))
def test_a_published_example_fits(kept: PasswordHash, password: str) -> None:
    assert wrong_hash(kept) == ""
    assert fits(kept, password)
    assert not fits(kept, password + "!")
    assert is_stale(kept)


def test_ours_is_fresh_and_those_with_other_costs_are_stale() -> None:
    ours = keep("correct horse")
    assert (ours.kind, is_stale(ours)) == (OURS, False)
    assert fits(ours, "correct horse")
    assert not fits(ours, "wrong horse")
    assert wrong_hash(ours) == ""
    cheap = bring(OURS, ours.text.replace("m=19456", "m=1024"))
    assert is_stale(cheap)


def test_nobodys_password_never_fits() -> None:
    assert not fits(None, "")
    assert not fits(None, "correct horse")


def test_a_hash_that_makes_no_sense_fits_nothing() -> None:
    for kind in ("argon2", "bcrypt", "md5", "phpass", "sha", "scrypt", "scryptMod"):
        assert not fits(PasswordHash(kind, "x"), "x")
        assert wrong_hash(PasswordHash(kind, "x"))
        assert wrong_hash(PasswordHash(kind, ""))


def test_checking_takes_no_less_time_where_there_is_nothing_to_check() -> None:
    """Whoever tries addresses learns nothing from the clock: each of these takes an argon2 at least."""
    ours, quick = keep("correct horse"), bring("md5", "5f4dcc3b5aa765d61d8327deb882cf99")
    fits(None, "warm up")

    def fastest(kept: PasswordHash | None) -> float:
        times = []
        for _ in range(5):
            start = time.perf_counter()
            fits(kept, "wrong horse")
            times.append(time.perf_counter() - start)
        return min(times)

    measured = fastest(ours)
    assert fastest(None) > measured / 3
    assert fastest(quick) > measured / 3


def test_a_hash_is_in_no_representation() -> None:
    assert "lSrf" not in repr(FIREBASE)
    assert "jxsp" not in repr(FIREBASE)
