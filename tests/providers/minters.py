"""`python -m tests.providers.minters`: a worker of a machine of its own that sends a few notifications through APNs.

It takes facts as JSON: the queue's address, a data dir, APNs' address, the provider's values, how many to send. With
`hangs` it says "making" when it is about to make a token, and never ends by itself; `lease` is how long it is waited
for. At the end it says how each notification ended, as JSON.
"""

import asyncio
import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from app.domain.rendered import Recipient
from app.infra import token_shelf
from app.infra.http import close_clients
from app.infra.sealed_tokens import Token
from app.infra.token_shelf import TokenShelf
from app.infra.tokens import TokenCache
from app.infra.vault import Vault
from app.providers import apns
from app.providers.base import Account, Envelope
from tests.conftest import SECRET
from tests.providers.contract import Greeting, Recorder, address_of


def _hang(**_: str) -> Token:
    print("making", flush=True)
    time.sleep(600)
    raise AssertionError("nobody ended us")


async def _send(facts: Mapping[str, Any]) -> list[str]:
    vault = Vault([SECRET])
    cache = TokenCache(Path(facts["data_dir"]) / "tokens", vault, TokenShelf(facts["queue"], vault))
    account = Account("account", facts["values"], facts["url"], tokens=cache)
    told, count = Recorder(), facts["count"]
    people = [Envelope(f"key{n}", Recipient(address_of(n, "push"), f"Person {n}")) for n in range(count)]
    await apns.PROVIDER.send(account, Greeting(apns.PROVIDER.spec.channel), people, told)
    await close_clients()
    return [told.outcomes[n].kind.value for n in range(count)]


def main(text: str) -> None:
    """Do it."""
    facts = json.loads(text)
    token_shelf.LEASE = facts.get("lease", token_shelf.LEASE)
    if facts.get("hangs"):
        apns._make_token = _hang
    print(json.dumps(asyncio.run(_send(facts))), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
