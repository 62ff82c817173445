"""Users of other services: the method of the SDKs that brings each along, its hash, and the password behind it."""

from typing import Any

HORSE = "correct horse battery"
_SCRYPT = {
    "password_salt": "salt", "password_cpu": 16, "password_memory": 8, "password_parallel": 1, "password_length": 32,
}  # fmt: skip
_FIREBASE = {  # the example of github.com/firebase/scrypt
    "password_salt": "42xEC+ixf3L2lw==", "password_salt_separator": "Bw==",
    "password_signer_key": "jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==",
}  # fmt: skip
_SHA3 = (
    "a6c76247b9d5b9bb0ca60b6aae5f52d8b7a90e7029236d4b815582eeb22bd439"
    "1255112cf3d9ae176a1d8d5ab263baad724382a4282fbec6e838e795aaaa0ae2"
)

_ARGON2 = "$argon2id$v=19$m=8,t=1,p=1$Eo6/zabAeSIDC6bsUuySmA$uClyPLHLnEYpghWH9cofOD7iotbhaGwWR2PVx8VdDVI"
_SCRYPT_HASH = "3fd5e12916ec8226ef2b019ed6bf83a2e34863e1657ba23d3b339f369930a42c"

# Method, hash, what else it takes, the password, and the name of the algorithm in the answer.
BROUGHT: tuple[tuple[str, str, dict[str, Any], str, str], ...] = (
    ("create_argon2_user", _ARGON2, {}, HORSE, "argon2"),
    ("create_bcrypt_user", "$2b$04$BFAev1AaNNiEdLAgqmYa8eF.6dpdnjiFIJpxqrihNidPlNY/MjFQi", {}, HORSE, "bcrypt"),
    ("create_md5_user", "88e4ddd2402d92d50e1879d6ecd9ffd4", {}, HORSE, "md5"),
    ("create_ph_pass_user", "$P$9IQRaTwmfeRo7ud9Fh4E2PdI0S3r.L0", {}, "test12345", "phpass"),
    ("create_sha_user", _SHA3, {}, HORSE, "sha"),
    ("create_scrypt_user", _SCRYPT_HASH, _SCRYPT, HORSE, "scrypt"),
    ("create_scrypt_modified_user",
     "lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ==", _FIREBASE,
     "user1password", "scryptMod"),
)  # fmt: skip
