"""An APNs client: HTTP/2 over TLS with ALPN, provider tokens."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Any

from aioapns import APNs, NotificationRequest, PushType
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from stage import Stage

TOKEN = "ab" * 32


def play(stage: Stage, story: Callable[[APNs], Awaitable[Any]], **other: str) -> Any:
    """What the story comes to with a client of its own."""
    values = stage.values("apns")

    async def find(host: str, *_: Any, **__: Any) -> Any:
        """The line in the hosts file that leads to the emulator: the library's own way through a proxy hangs."""
        assert host == "api.push.apple.com"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", stage.apple_port))]

    async def go() -> Any:
        asyncio.get_running_loop().getaddrinfo = find  # type: ignore[method-assign]
        client = APNs(
            key=other.get("key", values["authKey"]), key_id=values["authKeyId"], team_id=values["teamId"],
            topic=values["bundleId"], max_connection_attempts=1,
        )  # fmt: skip
        try:
            return await asyncio.wait_for(story(client), 15)
        finally:
            client.pool.close()

    return asyncio.run(go())


def push_to(token: str, **more: Any) -> NotificationRequest:
    """An alert."""
    message = {"aps": {"alert": {"title": "Hello", "body": "Ann"}}}
    return NotificationRequest(device_token=token, message=message, **more)


def send(stage: Stage) -> None:
    """An alert with its id, expiry, priority and collapse id, then fifty at once over one connection."""

    async def story(client: APNs) -> Any:
        first = await client.send_notification(
            push_to(TOKEN, time_to_live=60, priority=10, collapse_key="news", push_type=PushType.ALERT)
        )
        sent = await asyncio.gather(*(client.send_notification(push_to(f"{n:064x}")) for n in range(1, 51)))
        return first, [each.is_successful for each in sent], len(client.pool.connections)

    first, *others = play(stage, story)
    assert (first.is_successful, first.status, bool(first.notification_id)) == (True, "200", True)
    assert others == [[True] * 50, 1]


def be_refused(stage: Stage) -> None:
    """Reasons BadDeviceToken, Unregistered, TooManyRequests, InternalServerError."""

    async def story(client: APNs) -> Any:
        tokens = ("zz", "fault-mailbox-unknown", "fault-throttled", "fault-server-error")
        return [await client.send_notification(push_to(token)) for token in tokens]

    found = play(stage, story)
    assert [(each.status, each.description) for each in found] == [
        ("400", "BadDeviceToken"), ("410", "Unregistered"), ("429", "TooManyRequests"), ("500", "InternalServerError"),
    ]  # fmt: skip
    assert int(found[1].timestamp) > 1_000_000_000_000


def be_unknown(stage: Stage) -> None:
    """InvalidProviderToken for another key, TooManyProviderTokenUpdates for a third token within 20 minutes."""

    async def story(client: APNs) -> Any:
        return (await client.send_notification(push_to(TOKEN))).description

    key = generate_private_key(SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    assert play(stage, story, key=key) == "InvalidProviderToken"
    assert play(stage, story) == "TooManyProviderTokenUpdates"


STEPS = (send, be_refused, be_unknown)
