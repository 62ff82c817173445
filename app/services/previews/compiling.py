"""Messages taken apart, kept for the few emails that are being written now."""

from functools import lru_cache

from app.domain.content import Content, EmailContent
from app.rendering import Compiled, PreparedEmail, prepare


@lru_cache(maxsize=8)
def _compiled_email(content: EmailContent) -> PreparedEmail:
    return prepare(content)


def compiled(content: Content) -> Compiled:
    """The message taken apart. Raises Invalid by field when it could not be stored or read."""
    return _compiled_email(content) if isinstance(content, EmailContent) else prepare(content)
