"""Dates as programs write them: any that names a four-digit year, read as UTC when it names no zone."""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_YEAR = re.compile(r"(?<!\d)\d{4}(?!\d)|^\d{8}T")
LONGEST = 64
DATE_RULE = "a date and time like 2026-11-24T09:00:00.000+00:00"


def parse_date(text: str) -> datetime | None:
    """The moment in UTC, in whole milliseconds; None for what is no date. ISO 8601 and RFC 5322 are understood."""
    text = text.strip()
    if len(text) > LONGEST or not text.isascii() or not _YEAR.search(text):
        return None
    for read in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            found = read(text)
            moment = (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
        except (ValueError, OverflowError, TypeError, IndexError):
            continue
        return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
    return None
