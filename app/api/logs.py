"""…/logs of providers, topics, subscribers and messages: what was done to one of them, for SDKs up to 21 (9.6)."""

from typing import Any

from app.api import wire
from app.api.lists import QUERY, TOTAL
from app.api.operations import Call, operation
from app.domain.errors import Invalid
from app.domain.list_query import ListQuery, parse_queries
from app.domain.permissions import ActorKind
from app.services.messages import messages
from app.services.people import subscribers, topics
from app.services.providers import providers
from app.services.team import audit
from app.services.team.audit import LogLine
from app.services.work import Work

# Our trail says more than the contract has words for (section 16): to a program these are updates, and people users.
_EVENTS = {
    "message.edit": "message.update", "message.send": "message.update", "message.schedule": "message.update",
    "message.unschedule": "message.update", "provider.enable": "provider.update",
    "provider.disable": "provider.update", "provider.move": "provider.update", "provider.repair": "provider.update",
    "provider.believe": "provider.update",
    "provider.limit": "provider.update", "provider.share": "provider.update",
    "contact.create": "user.create", "contact.update": "user.update", "contact.delete": "user.delete",
}  # fmt: skip
_USER_TYPES = {
    ActorKind.KEY: "app", ActorKind.MEMBER: "admin", ActorKind.CONTACT: "user", ActorKind.GUEST: "guest",
    ActorKind.SYSTEM: "app",
}  # fmt: skip


@operation("GET", "/messaging/providers/{providerId}/logs", "providers.read", QUERY, TOTAL, model="LogList")
def list_provider_logs(work: Work, call: Call) -> dict[str, Any]:
    """List what was done to a provider."""
    return page_of_log(work, call, f"provider/{providers.find_provider(work, call.provider_id).id}")


@operation("GET", "/messaging/topics/{topicId}/logs", "topics.read", QUERY, TOTAL, model="LogList")
def list_topic_logs(work: Work, call: Call) -> dict[str, Any]:
    """List what was done to a topic."""
    return page_of_log(work, call, f"topic/{topics.find_topic(work, call.topic_id).id}")


@operation("GET", "/messaging/subscribers/{subscriberId}/logs", "subscribers.read", QUERY, TOTAL, model="LogList")
def list_subscriber_logs(work: Work, call: Call) -> dict[str, Any]:
    """List what was done to a subscriber."""
    return page_of_log(work, call, f"subscriber/{subscribers.find_anywhere(work, call.subscriber_id).id}")


@operation("GET", "/messaging/messages/{messageId}/logs", "messages.read", QUERY, TOTAL, model="LogList")
def list_message_logs(work: Work, call: Call) -> dict[str, Any]:
    """List what was done to a message."""
    return page_of_log(work, call, f"message/{messages.find(work, call.message_id).id}")


def page_of_log(work: Work, call: Call, resource: str) -> dict[str, Any]:
    """The log of one thing (8.13) as `queries` and `total` of the call ask for it."""
    query = parse_queries(call.queries, {})
    if query != ListQuery(limit=query.limit, offset=query.offset):
        raise Invalid({"queries": ["Invalid query: a log is newest first; only limit and offset can be asked for."]})
    found = audit.read_log(work, resource, limit=query.limit, offset=query.offset, wants_total=call.total)
    return wire.page("logs", log_line, found.lines, found.total)


def log_line(line: LogLine) -> dict[str, Any]:
    """One entry (8.13). The country is unknown: there is no database of addresses here."""
    device = line.device
    return {
        "event": _EVENTS.get(line.event, line.event), "userId": line.actor_id, "userEmail": line.actor_email,
        "userName": line.actor_name, "mode": "admin" if line.actor_kind is ActorKind.MEMBER else "default",
        "userType": _USER_TYPES[line.actor_kind], "ip": line.ip, "time": wire.date(line.at),
        "osCode": device.os_code, "osName": device.os_name, "osVersion": device.os_version,
        "clientType": device.client_type, "clientCode": device.client_code, "clientName": device.client_name,
        "clientVersion": device.client_version, "clientEngine": device.client_engine,
        "clientEngineVersion": device.client_engine_version, "deviceName": device.device_name,
        "deviceBrand": device.device_brand, "deviceModel": device.device_model, "countryCode": "--",
        "countryName": "Unknown",
    }  # fmt: skip
