"""How often somebody may try to sign in; counted in the queue's server, or in memory while that is away."""

from flask import request
from flask_limiter import Limiter

from app.domain.networks import network_of

limiter = Limiter(
    key_func=lambda: network_of(request.remote_addr or ""), strategy="moving-window", in_memory_fallback_enabled=True,
    key_prefix="carillon-limits",
)  # fmt: skip


def typed_email() -> str:
    """The email that was typed, so that one account cannot be tried from many addresses of the network."""
    return request.form.get("email", "").strip().lower()[:320] or "-"
