"""What every reply of an SMTP server means, at every stage."""

from datetime import timedelta

import pytest

from app.domain.outcomes import OutcomeKind, Reason, answer_line
from app.domain.smtp_replies import LONGEST_WAIT, Reply, Stage, judge

C, R, M = OutcomeKind.CONFIG_PERMANENT, OutcomeKind.RECIPIENT_PERMANENT, OutcomeKind.MESSAGE_PERMANENT
T, S, A = OutcomeKind.TRANSIENT, OutcomeKind.THROTTLED, OutcomeKind.ACCEPTED

CASES = [
    # before any envelope
    (Stage.CONNECT, 421, "4.3.2 Service not available", T, Reason.UNREACHABLE),
    (Stage.CONNECT, 421, "4.7.0 Too many connections", T, Reason.UNREACHABLE),
    (Stage.CONNECT, 554, "5.7.1 Your address is blocked", C, Reason.HOST_REFUSED),
    (Stage.CONNECT, 550, "blocked", C, Reason.HOST_REFUSED),
    (Stage.TLS, 454, "TLS not available due to temporary reason", T, Reason.TLS_FAILED),
    (Stage.TLS, 501, "no", T, Reason.TLS_FAILED),
    (Stage.AUTH, 535, "5.7.8 Authentication credentials invalid", C, Reason.AUTHENTICATION_FAILED),
    (Stage.AUTH, 534, "5.7.9 Mechanism too weak", C, Reason.AUTHENTICATION_FAILED),
    (Stage.AUTH, 530, "5.7.0 Must issue STARTTLS", C, Reason.AUTHENTICATION_FAILED),
    (Stage.AUTH, 538, "5.7.11 Encryption required", C, Reason.AUTHENTICATION_FAILED),
    (Stage.AUTH, 454, "4.7.0 Temporary authentication failure", T, Reason.SERVER_ERROR),
    # the sender
    (Stage.MAIL, 550, "5.1.7 Bad sender", C, Reason.SENDER_REFUSED),
    (Stage.MAIL, 553, "5.1.8 Bad sender domain", C, Reason.SENDER_REFUSED),
    (Stage.MAIL, 550, "5.7.1 Not yours", C, Reason.SENDER_REFUSED),
    (Stage.MAIL, 550, "5.1.1 Sender unknown", C, Reason.SENDER_REFUSED),
    (Stage.MAIL, 550, "Sender verify failed", C, Reason.SENDER_REFUSED),
    (Stage.MAIL, 553, "No", C, Reason.SENDER_REFUSED),
    (Stage.MAIL, 530, "5.7.0 Authentication required", C, Reason.AUTHENTICATION_FAILED),
    (Stage.MAIL, 552, "5.3.4 Message size exceeds fixed limit", M, Reason.TOO_LARGE),
    (Stage.MAIL, 552, "Too big", M, Reason.TOO_LARGE),
    (Stage.MAIL, 451, "4.3.0 Trouble", T, Reason.SERVER_ERROR),
    (Stage.MAIL, 452, "4.3.1 Insufficient system storage", T, Reason.SERVER_ERROR),
    (Stage.MAIL, 451, "4.7.1 Slow down", S, Reason.RATE_LIMITED),
    (Stage.MAIL, 501, "Syntax", M, Reason.CONTENT_REJECTED),
    # the recipient
    (Stage.RCPT, 550, "5.1.1 No such user", R, Reason.MAILBOX_UNKNOWN),
    (Stage.RCPT, 550, "5.1.2 No such domain", R, Reason.DOMAIN_UNKNOWN),
    (Stage.RCPT, 553, "5.1.3 Syntax", R, Reason.INVALID_ADDRESS),
    (Stage.RCPT, 551, "5.1.6 Moved", R, Reason.MAILBOX_UNKNOWN),
    (Stage.RCPT, 556, "5.1.10 Null MX", R, Reason.DOMAIN_UNKNOWN),
    (Stage.RCPT, 550, "5.1.0 Address rejected", R, Reason.INVALID_ADDRESS),
    (Stage.RCPT, 550, "5.2.1 Disabled", R, Reason.MAILBOX_DISABLED),
    (Stage.RCPT, 554, "5.2.1 Disabled", R, Reason.MAILBOX_DISABLED),
    (Stage.RCPT, 552, "5.2.2 Over quota", T, Reason.MAILBOX_FULL),
    (Stage.RCPT, 452, "4.2.2 Over quota", T, Reason.MAILBOX_FULL),
    (Stage.RCPT, 552, "5.2.3 Too long for this mailbox", M, Reason.TOO_LARGE),
    (Stage.RCPT, 450, "4.7.1 Greylisted", S, Reason.GREYLISTED),
    (Stage.RCPT, 451, "4.7.1 Come back", S, Reason.GREYLISTED),
    (Stage.RCPT, 421, "4.7.0 Rate", S, Reason.RATE_LIMITED),
    (Stage.RCPT, 450, "4.7.28 Unusual rate", S, Reason.RATE_LIMITED),
    (Stage.RCPT, 452, "4.5.3 Too many recipients", T, Reason.TOO_MANY_RECIPIENTS),
    (Stage.RCPT, 552, "5.5.3 Too many recipients", T, Reason.TOO_MANY_RECIPIENTS),
    (Stage.RCPT, 550, "5.7.1 Policy", M, Reason.CONTENT_REJECTED),
    (Stage.RCPT, 554, "5.7.1 Relay access denied", M, Reason.CONTENT_REJECTED),
    (Stage.RCPT, 550, "5.4.1 Access denied", T, Reason.UNREACHABLE),
    (Stage.RCPT, 550, "5.4.7 Expired", T, Reason.TIMED_OUT),
    (Stage.RCPT, 550, "5.0.0 Nope", M, Reason.CONTENT_REJECTED),
    (Stage.RCPT, 550, "5.0.0 User unknown", R, Reason.MAILBOX_UNKNOWN),
    (Stage.RCPT, 553, "5.6.7 Non-ASCII addresses not permitted", R, Reason.ADDRESS_NEEDS_SMTPUTF8),
    (Stage.RCPT, 550, "No such user here", R, Reason.MAILBOX_UNKNOWN),
    (Stage.RCPT, 551, "Not local", R, Reason.MAILBOX_UNKNOWN),
    (Stage.RCPT, 553, "Not allowed", R, Reason.INVALID_ADDRESS),
    (Stage.RCPT, 554, "No", M, Reason.CONTENT_REJECTED),
    (Stage.RCPT, 552, "No", M, Reason.TOO_LARGE),
    (Stage.RCPT, 501, "Syntax", M, Reason.CONTENT_REJECTED),
    (Stage.RCPT, 450, "Greylisted for 5 minutes", S, Reason.GREYLISTED),
    (Stage.RCPT, 451, "Rate limit reached", S, Reason.RATE_LIMITED),
    (Stage.RCPT, 450, "Mailbox busy", T, Reason.SERVER_ERROR),
    (Stage.RCPT, 421, "Closing", T, Reason.SERVER_ERROR),
    (Stage.RCPT, 530, "5.7.0 Sign in first", C, Reason.AUTHENTICATION_FAILED),
    # the message
    (Stage.DATA, 554, "No valid recipients", M, Reason.CONTENT_REJECTED),
    (Stage.DATA, 451, "4.3.0 Trouble", T, Reason.SERVER_ERROR),
    (Stage.TEXT, 250, "2.0.0 Ok", A, Reason.ACCEPTED),
    (Stage.TEXT, 451, "4.3.0 Queue file write error", T, Reason.SERVER_ERROR),
    (Stage.TEXT, 452, "4.3.1 Disk full", T, Reason.SERVER_ERROR),
    (Stage.TEXT, 452, "4.2.2 Full", T, Reason.MAILBOX_FULL),
    (Stage.TEXT, 552, "5.3.4 Too big", M, Reason.TOO_LARGE),
    (Stage.TEXT, 552, "Too big", M, Reason.TOO_LARGE),
    (Stage.TEXT, 554, "5.6.0 Cannot parse", M, Reason.CONTENT_REJECTED),
    (Stage.TEXT, 550, "5.7.1 Spam", M, Reason.CONTENT_REJECTED),
    (Stage.TEXT, 550, "5.7.26 Unauthenticated", M, Reason.SENDER_REFUSED),
    (Stage.TEXT, 550, "5.7.515 Unauthenticated", M, Reason.SENDER_REFUSED),
    (Stage.TEXT, 550, "5.1.1 No such user", R, Reason.MAILBOX_UNKNOWN),
    (Stage.TEXT, 550, "No", M, Reason.CONTENT_REJECTED),
    (Stage.TEXT, 421, "4.7.0 Too fast", S, Reason.RATE_LIMITED),
    (Stage.TEXT, 450, "4.4.2 Time-out", T, Reason.UNREACHABLE),
]


@pytest.mark.parametrize(("stage", "code", "text", "kind", "reason"), CASES, ids=lambda value: str(value)[:40])
def test_a_reply_means_what_the_table_says(stage, code, text, kind, reason):
    outcome = judge(stage, Reply(code, text))
    assert (outcome.kind, outcome.reason) == (kind, reason)


@pytest.mark.parametrize("stage", list(Stage))
def test_every_code_at_every_stage_means_something(stage):
    for code in range(200, 600):
        outcome = judge(stage, Reply(code, "whatever"))
        assert outcome.code == str(code)
        assert outcome.kind is not OutcomeKind.UNCERTAIN
        assert (outcome.kind is A) == (stage is Stage.TEXT and code < 300)


@pytest.mark.parametrize("stage", list(Stage))
def test_no_class_4_reply_is_permanent(stage):
    assert {judge(stage, Reply(code, "later")).kind for code in range(400, 500)} <= {T, S}


@pytest.mark.parametrize("subject", [3, 4, 5, 7])
def test_systems_routes_protocol_and_policy_never_blame_the_recipient(subject):
    for detail in range(600):
        for stage in (Stage.RCPT, Stage.DATA, Stage.TEXT):
            assert judge(stage, Reply(550, f"5.{subject}.{detail} said")).kind is not R


def test_an_enhanced_code_that_contradicts_the_basic_code_is_not_believed():
    assert judge(Stage.RCPT, Reply(450, "5.1.1 soft bounce")).kind is T
    assert judge(Stage.RCPT, Reply(550, "4.1.1 hard bounce")).kind is R


def test_what_looks_like_an_enhanced_code_further_on_is_not_one():
    assert Reply(550, "Your host 5.1.1.9 is blocked").enhanced == ""
    assert Reply(550, "5.1.1.9 is blocked").enhanced == ""


def test_the_code_and_the_first_words_are_kept_in_one_line():
    outcome = judge(Stage.RCPT, Reply(550, "5.1.1 No such user\n\x1b[31mreally\x00" + "x" * 999))
    assert outcome.code == "550 5.1.1"
    assert "\n" not in outcome.detail
    assert "\x1b" not in outcome.detail
    assert len(outcome.detail) <= 300


@pytest.mark.parametrize(
    ("code", "detail", "line"),
    [
        ("554 5.7.1", "5.7.1 Message refused as spam", "554 5.7.1 Message refused as spam"),
        ("554 5.7.1", "554 5.7.1 Message refused", "554 5.7.1 Message refused"),
        ("554 5.7.1", "5.7.1: refused", "554 5.7.1: refused"),
        ("554 5.7.1", "Message refused", "554 5.7.1 Message refused"),
        ("554 5.7.1", "5.7.10 Something else", "554 5.7.1 5.7.10 Something else"),
        ("554 5.7.1", "5.7.1", "554 5.7.1"),
        ("400", "BadDeviceToken", "400 BadDeviceToken"),
        ("400", "400 Bad Request", "400 Bad Request"),
        ("400", "4000 is too long", "400 4000 is too long"),
        ("", "The connection ended", "The connection ended"),
        ("250", "", "250"),
        ("", "", ""),
    ],
)
def test_a_code_that_a_service_repeats_is_said_once(code, detail, line):
    assert answer_line(code, detail) == line


@pytest.mark.parametrize(
    ("text", "wait"),
    [
        ("4.7.1 Greylisted, try again in 300 seconds", timedelta(seconds=300)),
        ("4.7.1 try again in 5 minutes", timedelta(minutes=5)),
        ("4.7.1 wait 2 hours", timedelta(hours=2)),
        ("4.7.1 retry after 999999 seconds", LONGEST_WAIT),
        ("4.7.1 later", None),
    ],
)
def test_how_long_to_wait_is_read_from_the_text(text, wait):
    assert judge(Stage.RCPT, Reply(450, text)).retry_after == wait


@pytest.mark.parametrize(
    ("text", "queue_id"),
    [("2.0.0 Ok: queued as 4F1A2B3C4D", "4F1A2B3C4D"), ("OK id=1rABCD-0001Xy-2Z", "1rABCD-0001Xy-2Z"), ("OK", "")],
)
def test_the_queue_id_is_kept(text, queue_id):
    assert judge(Stage.TEXT, Reply(250, text)).provider_message_id == queue_id
