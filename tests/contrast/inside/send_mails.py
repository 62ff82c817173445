"""Send what is queued in django-post_office, as `send_queued_mail` does, and print how many seconds that took.

`python -m send_mails LOCKFILE PROCESSES`; starting Django is not counted.
"""

import sys
import time

import django

django.setup()

from post_office.mail import send_queued_mail_until_done  # noqa: E402 - Django wants to be set up first
from post_office.models import STATUS, Email  # noqa: E402 - as above

if __name__ == "__main__":
    queued = Email.objects.filter(status=STATUS.queued).count()
    sent_before = Email.objects.filter(status=STATUS.sent).count()
    began = time.perf_counter()
    send_queued_mail_until_done(sys.argv[1], int(sys.argv[2]))
    seconds = time.perf_counter() - began
    sent = Email.objects.filter(status=STATUS.sent).count() - sent_before
    if sent != queued:
        raise SystemExit(f"{sent} of {queued} were sent")
    print(seconds)
