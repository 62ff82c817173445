"""The dials on the Sandbox page: which failure, at which service, how often; and how one address asks for its own."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from flask import (
    Blueprint,
    Response,
    current_app,  # noqa: TID251 - emulators import nothing of Carillon's, so the app is asked where its data lies
    flash,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)

from app.emulators.faults import FAULTS, MOST, NUMBERS, NUMBERS_START, Dial, Faults
from app.emulators.outbox import outbox_path

NAMES = {  # as the providers are called
    "smtp": "SMTP", "ses": "Amazon SES", "sendgrid": "SendGrid", "fcm": "Firebase Cloud Messaging",
    "apns": "Apple Push Notification service", "msg91": "MSG91",
}  # fmt: skip
USUAL_AMOUNT = {"slow": 2, "receipts-late": 5, "too-many-recipients": 1}
# What each failure leads to, in words, grouped by who is at fault.
CONSEQUENCES: dict[str, dict[str, str]] = {
    "The address": {
        "mailbox-unknown": "Address unknown: refused for good, and never written to again",
        "mailbox-disabled": "Address switched off: refused for good",
        "mailbox-full": "Inbox full: refused for now and tried again later",
        "opted-out": "The person has opted out (SMS): never written to again",
        "busy": "Not available (SMS, push): tried again later",
        "too-many-recipients": "Too many recipients at once: the rest is tried again",
    },
    "The message": {
        "content-rejected": "Content refused: that message fails",
        "oversize": "Message too large: it fails",
    },
    "The account": {
        "wrong-password": "Password or key refused: the provider is blocked until it is repaired",
        "sender-refused": "Sender refused: the provider is blocked until it is repaired",
        "expired-token": "Access token expired (push): a new one is fetched",
    },
    "The service": {
        "throttled": "Asked to be slower: the rest waits",
        "greylisted": "Asked to come back later: refused for now and tried again",
        "server-error": "Trouble inside the service: tried again later",
        "banner-busy": "Too busy to talk: tried again",
        "banner-refused": "Turned away at the door: tried again, and blocked after many times",
        "no-pipelining": "Does not offer PIPELINING: slower, and works",
        "broken-pipelining": "Offers PIPELINING and fails at it: spoken to step by step",
    },
    "The connection": {
        "slow": "Slow answers",
        "hang": "Takes the request and never answers: uncertain",
        "drop-before-body": "Hangs up before the message: tried again",
        "drop-after-dot": "Goes silent after taking the message: uncertain, and it did arrive",
        "lose-after-dot": "Goes silent after taking the message: uncertain, and it is lost",
        "garbage": "Answers with something that is no HTTP: uncertain",
        "wrong-json": "Says yes in words nobody can read: uncertain",
        "accept-and-lie": "Says yes and loses the message: looks sent, and is not",
    },
    "What it says afterwards": {
        "receipts-late": "Receipts come late",
        "receipts-twice": "Receipts come twice: counted once",
        "receipts-backwards": "Receipts come last to first: the state is right all the same",
        "receipts-never": "Receipts never come: it stays sent",
        "late-bounce": "Delivered at first, then bounced: the state follows",
        "late-refusal": "Taken at first, then refused as spam (mail server): it fails",
        "delayed": "Held up on the way (mail server): it stays sent",
        "complaint": "Delivered, then reported as spam (email): never written to again",
    },
}


@cache
def _faults(path: Path) -> Faults:
    return Faults(path)


def _open() -> Faults:
    return _faults(outbox_path(current_app.extensions["carillon"].settings.data_dir))


def _emulators() -> dict[str, dict[str, Any]]:
    """What the emulators that run announce, by kind: `channel`, and the `faults` that each can play."""
    try:
        found = json.loads((current_app.extensions["carillon"].settings.run_dir / "emulators.json").read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def name_of(kind: str) -> str:
    """How people call the service of that kind."""
    return NAMES.get(kind) or kind.title()


def dials_of(project_id: str) -> list[Dial]:
    """The dials of a project that are on, the one for all services first."""
    found = [dial for dial in _open().dials() if dial.account == project_id and dial.remaining != 0]
    return sorted(found, key=lambda dial: dial.kind)


def say_dial(dial: Dial) -> str:
    """What the dial does, in a sentence without its full stop."""
    words = _words_of(dial.fault)
    share = "each time" if dial.share == 100 else f"in {dial.share}% of the cases"
    left = "" if dial.remaining is None else f", {dial.remaining:,} more {'time' if dial.remaining == 1 else 'times'}"
    return f"{name_of(dial.kind) if dial.kind else 'All services'}: {words}; {share}{left}"


def _words_of(fault: str) -> str:
    known = {name: words for group in CONSEQUENCES.values() for name, words in group.items()}
    return known.get(fault) or FAULTS[fault].label


def ask_fault(project_id: str) -> Response:
    """The dials: which service, which failure, how often."""
    return _draw(project_id, _asked_kind(request.args))


def _asked_kind(values: Any) -> str:
    kind = str(values.get("kind", ""))
    return kind if kind in _emulators() else ""


def _draw(project_id: str, kind: str, problems: dict[str, str] | None = None) -> Response:
    dials, running = dials_of(project_id), _emulators()
    dial = next((each for each in dials if each.kind == kind), None)
    typed = request.form if problems else {}
    standing = {
        "fault": dial.fault if dial else "", "share": dial.share if dial else 100,
        "count": (dial.remaining if dial else None) or "", "amount": (dial.amount if dial else 0) or "",
    }  # fmt: skip
    page = render_template(
        "sandbox/faults.html", dials=dials, dial=dial, kind=kind, kind_name=name_of(kind) if kind else "all services",
        kinds=[(each, name_of(each)) for each in sorted(running, key=name_of)], groups=_groups(kind, running),
        chosen={name: typed.get(name, value) for name, value in standing.items()}, problems=problems or {},
        numbers=[(f"{NUMBERS_START}{end}", _words_of(name)) for end, name in NUMBERS.items()],
    )  # fmt: skip
    return make_response(page, 422 if problems else 200)


def _groups(kind: str, running: dict[str, dict[str, Any]]) -> dict[str, list[tuple[str, str]]]:
    """The failures that the service can play, by group; for all services, those that any can."""
    can = set(running.get(kind, {}).get("faults", FAULTS))
    chosen = {
        title: [(name, words) for name, words in group.items() if name in can] for title, group in CONSEQUENCES.items()
    }
    return {title: group for title, group in chosen.items() if group}


def turn(project_id: str) -> Response:
    """Turn the dial of one service or of all, or switch it off."""
    name, kind, faults = request.form.get("fault", ""), _asked_kind(request.form), _open()
    where = name_of(kind) if kind else "The Sandbox"
    if not name:
        faults.turn_off(project_id, kind)
        flash(f"{where} accepts everything again.", "good")
        return _go(project_id)
    problems: dict[str, str] = {}
    share = _whole("share", "How often", 1, 100, problems) or 100
    count = _whole("count", "How many times", 1, MOST, problems)
    amount = _whole("amount", "Seconds or recipients", 1, 3600, problems) or USUAL_AMOUNT.get(name, 0)
    if not any(name == each for group in _groups(kind, _emulators()).values() for each, _ in group):
        problems["fault"] = f"Choose a failure that {name_of(kind) if kind else 'a service'} can play."
    if problems:
        return _draw(project_id, kind, problems)
    faults.turn(Dial(project_id, name, share, count, amount, kind))
    flash(f"{where} fails from now on, as you said.", "warning")
    return _go(project_id)


def _whole(name: str, label: str, low: int, high: int, problems: dict[str, str]) -> int | None:
    """A number that was typed; None for none, and a sentence when it cannot be."""
    text = request.form.get(name, "").strip()
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 10 and low <= int(text) <= high):
        problems[name] = f"{label} needs a whole number from {low:,} to {high:,}."
        return None
    return int(text)


def _go(project_id: str) -> Response:
    return make_response(redirect(url_for("sandbox.index", project_id=project_id), 303))


def register(blueprint: Blueprint) -> None:
    """Add the dials' addresses and words to the Sandbox's blueprint."""
    blueprint.add_app_template_filter(say_dial, "say_dial")
    blueprint.add_app_template_filter(name_of, "service")
    for view, method in ((ask_fault, "GET"), (turn, "POST")):
        vars(view)["permission"] = "sandbox.write"  # what the gate of the dashboard reads
        blueprint.add_url_rule("/faults", view_func=view, methods=[method])
