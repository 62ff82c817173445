"""Make what people receive out of what an author wrote: the same call for the preview and for the delivery.

    prepared = prepare(content)            # once per message, milliseconds
    rendered = prepared.render(recipient)  # once per person, microseconds

Several renders of one person are equal, byte for byte.
"""

from app.rendering.checks import Check, CheckContext, check_email
from app.rendering.email import Layout, PreparedEmail, prepare, preview_html

__all__ = ["Check", "CheckContext", "Layout", "PreparedEmail", "check_email", "prepare", "preview_html"]
