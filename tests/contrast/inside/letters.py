"""One Celery task per recipient: with Celery's defaults, or with IS_SAFE as its documents say for work not to be lost.

By the environment: BROKER (an address; what became of each task is kept there too), SMTP_PORT, IS_SAFE (or empty), and
HANDED_OUT_AGAIN, a file that gets a line for each task of which Celery says that it hands it out again.
"""

import os
import smtplib
from email.message import EmailMessage

from celery import Celery

PORT = int(os.environ["SMTP_PORT"])
AGAIN = os.environ["HANDED_OUT_AGAIN"]

app = Celery("letters", broker=os.environ["BROKER"], backend=os.environ["BROKER"])
if os.environ.get("IS_SAFE"):
    app.conf.update(
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        worker_prefetch_multiplier=1,
        broker_transport_options={"visibility_timeout": 10, "unacked_restore_interval": 1},  # seconds
    )


@app.task(bind=True)
def send_letter(self, address: str) -> None:
    """Send the mail to this recipient."""
    if self.request.delivery_info.get("redelivered"):
        with open(AGAIN, "a") as file:
            file.write(f"{address}\n")
    letter = EmailMessage()
    letter["From"], letter["To"], letter["Subject"] = "news@acme.example", address, "Autumn news"
    letter.set_content(f"Hello {address}, greetings to Berlin.\n")
    with smtplib.SMTP("127.0.0.1", PORT) as server:
        server.send_message(letter)
