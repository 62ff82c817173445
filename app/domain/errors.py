"""The error family: what a person or a program did that cannot be done, with its wire type and status."""

from collections.abc import Mapping, Sequence


class AppError(Exception):
    """An error that somebody caused and somebody can mend; `message` is the sentence they read.

    `type` is the REST API's error type, `status` its HTTP status, `fields` maps a field's name to its sentences.
    """

    type = "general_unknown"
    status = 500

    def __init__(
        self, message: str, *, type: str | None = None, fields: Mapping[str, Sequence[str]] | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.type = type or self.type
        self.fields: dict[str, list[str]] = {name: list(sentences) for name, sentences in (fields or {}).items()}


class Invalid(AppError):
    """Some fields say what cannot be; nothing was saved."""

    type = "general_argument_invalid"
    status = 400

    def __init__(self, fields: Mapping[str, Sequence[str]], *, type: str | None = None) -> None:
        sentences = [sentence for group in fields.values() for sentence in group]
        super().__init__(" ".join(sentences), type=type, fields=fields)


class NotFound(AppError):
    """There is no such thing here."""

    type = "general_not_found"
    status = 404


class Conflict(AppError):
    """It cannot be done in the present state."""

    type = "general_conflict"
    status = 409


class Forbidden(AppError):
    """Whoever asks may not do this."""

    type = "general_unauthorized_scope"
    status = 401


class SignedOut(AppError):
    """Nobody is signed in, or not any more."""

    type = "user_unauthorized"
    status = 401


class TooMany(AppError):
    """Too often; `retry_after` says how many seconds to wait."""

    type = "general_rate_limit_exceeded"
    status = 429

    def __init__(self, message: str, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Unsupported(AppError):
    """The reference has it, and this house has not, on purpose."""

    type = "general_not_implemented"
    status = 501


class Unavailable(AppError):
    """Something that Carillon needs is away; trying again later may work."""

    type = "general_service_disabled"
    status = 503
