"""What Resend can be asked about an account; part of the kind in `resend.py`."""

from typing import Any

from app.domain.addresses import domain_of
from app.infra.http import HttpReply, HttpRequest
from app.providers.base import Account, Finding

TEST_DOMAIN = "resend.dev"  # everybody may send from it, to their own address alone


class ResendChecks:
    """Test connection: the key, the sender's domain, and what of the plan is used up."""

    def probe(self, account: Account) -> HttpRequest:
        """The sending domains."""
        return HttpRequest("GET", "/domains", proof_of(account))

    def findings(self, account: Account, reply: HttpReply) -> list[Finding]:
        """Whether the key is known, and the sender's domain is verified."""
        sender = domain_of(str(account.values.get("fromEmail") or ""))
        if name_of(reply) == "restricted_api_key":
            known = Finding(True, "Resend knows the API key; it may send and nothing else.")
            words = f"Whether {sender or 'the sender'} is verified shows when something is sent."
            return [known, Finding(True, words, "Send a test to see.", doubt=True)]
        if reply.status in (401, 403):
            return [Finding(False, "Resend refuses the API key.", _answer(reply))]
        listed = reply.fields().get("data") if reply.is_good else None
        if not isinstance(listed, list):
            return [Finding(False, "Resend answered with something else than the domains.", _answer(reply))]
        known = Finding(True, "Resend knows the API key.")
        domains = {str(each.get("name")).lower(): each for each in listed if isinstance(each, dict)}
        return [known, _judge_sender(sender, domains.get(sender)), *_usage(reply)]


def name_of(reply: HttpReply) -> str:
    """Resend's name of an error; empty when there is none."""
    return "" if reply.is_good else str(reply.fields().get("name") or "")


def proof_of(account: Account) -> dict[str, str]:
    """The header that proves who asks, with a bearer token (RFC 6750)."""
    return {"authorization": f"Bearer {account.values['apiKey']}"}


def _answer(reply: HttpReply) -> str:
    return f"{reply.status} {reply.fields().get('message') or reply.line}".strip()


def _judge_sender(name: str, domain: dict[str, Any] | None) -> Finding:
    if name == TEST_DOMAIN:
        words = f"{TEST_DOMAIN} writes to your own address only. Add a domain of yours in Resend under Domains."
        return Finding(True, "The sender is Resend's test domain.", words, doubt=True)
    if domain is None:
        words = "Add it in Resend under Domains."
        return Finding(False, f"{name or 'The sender'} is no domain of this account.", words)
    if domain.get("status") != "verified":
        return Finding(False, f"{name} is not verified yet: finish its DNS records.")
    region = f"Its region is {domain['region']}." if domain.get("region") else ""
    return Finding(True, f"{name} is verified and may send.", region)


def _usage(reply: HttpReply) -> list[Finding]:
    """What Resend says of the quota in the headers of each answer: emails sent so far today and this month."""
    parts = []
    for word in ("daily", "monthly"):
        used = reply.headers.get(f"x-resend-{word}-quota", "")
        if used.isascii() and used.isdigit():
            parts.append(f"{int(used):,} {'today' if word == 'daily' else 'this month'}")
    return [Finding(True, f"The plan's quota counts {' and '.join(parts)}.")] if parts else []
