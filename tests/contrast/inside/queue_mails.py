"""Queue mails in django-post_office: `python -m queue_mails PEOPLE [WORDS]`.

WORDS is a file of JSON with subject, text and html, in which {name} and {city} stand for the person's.
"""

import json
import sys
from pathlib import Path

import django

django.setup()

from django.core.management import call_command  # noqa: E402 - Django wants to be set up first
from post_office import mail  # noqa: E402 - as above

PLAIN = {"subject": "Autumn news", "text": "Hello {name}, greetings to {city}."}
AT_ONCE = 500


def mail_to(number: int, words: dict[str, str]) -> dict[str, object]:
    """One mail as `mail.send_many` takes it."""

    def filled(name: str) -> str:
        return words.get(name, "").replace("{name}", f"Person {number}").replace("{city}", "Berlin")

    return {
        "recipients": [f"c{number}@example.org"], "sender": "news@acme.example", "subject": filled("subject"),
        "message": filled("text"), "html_message": filled("html"),
    }  # fmt: skip


if __name__ == "__main__":
    total = int(sys.argv[1])
    words = json.loads(Path(sys.argv[2]).read_text()) if len(sys.argv) > 2 else PLAIN
    call_command("migrate", verbosity=0)
    for first in range(1, total + 1, AT_ONCE):
        mail.send_many([mail_to(number, words) for number in range(first, min(first + AT_ONCE, total + 1))])
