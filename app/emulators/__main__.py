"""The emulators as a process: `python -m app.emulators --data-dir DIR`."""

import argparse
import asyncio
import importlib
import json
import os
import pkgutil
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, Self

from setproctitle import setproctitle

from app import emulators
from app.emulators.faults import Faults
from app.emulators.outbox import Outbox, outbox_path
from app.emulators.register import Register

SMTP_SIZE = 26_214_400


class Emulator(Protocol):
    """What every emulator's module offers as `EMULATOR`."""

    kind: str

    @classmethod
    def prepared(cls, outbox: Outbox, faults: Faults, arguments: argparse.Namespace) -> Self:
        """As the command line wants it."""

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> tuple[str, int]:
        """Listen; returns the address."""

    async def stop(self) -> None:
        """Stop listening and hang up."""

    def announcement(self) -> dict[str, Any]:
        """What others need to know: `host`, `port`, base `url`, `channel`, `values` to connect with."""


def main() -> None:
    """Listen until SIGTERM or SIGINT."""
    setproctitle("carillon emulators")
    asyncio.run(run(parse_arguments()))


def parse_arguments(argv: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m app.emulators", description=__doc__)
    parser.add_argument("--data-dir", type=Path, required=True, help="where outbox and addresses are written")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument(
        "--port", action="append", default=[], metavar="KIND=PORT", help="a fixed port for one kind; else any free one"
    )
    parser.add_argument("--smtp-port", type=int, default=0, help="the same as --port smtp=PORT")
    parser.add_argument("--smtp-size", type=int, default=SMTP_SIZE, help="bytes of one message, as announced by SIZE")
    parser.add_argument("--smtp-certificate", type=Path, help="PEM file with key and chain; offers STARTTLS")
    parser.add_argument("--bounces-to", metavar="HOST:PORT", help="where what goes back to senders of mail is sent")
    parser.add_argument("--bounces-protocol", choices=["smtp", "lmtp"], default="smtp")
    arguments = parser.parse_args(argv)
    try:
        arguments.ports = {kind: int(port) for kind, _, port in (each.partition("=") for each in arguments.port)}
        host, _, port = (arguments.bounces_to or "").rpartition(":")
        arguments.bounces_to = (host.strip("[]"), int(port)) if host else None
    except ValueError:
        parser.error("--port needs a kind and a number, such as --port twilio=8101, --bounces-to a host and a number.")
    arguments.ports.setdefault("smtp", arguments.smtp_port)
    return arguments


def discover() -> dict[str, type[Emulator]]:
    """Every emulator by its kind: each module of this package that offers `EMULATOR`; a new one edits no list."""
    names = sorted(module.name for module in pkgutil.iter_modules(emulators.__path__) if module.name != "__main__")
    modules = [
        importlib.import_module(f"{emulators.__name__}.{name}") for name in names if not name.startswith("inbox")
    ]
    found = [module.EMULATOR for module in modules if hasattr(module, "EMULATOR")]
    return {emulator.kind: emulator for emulator in found}


async def run(arguments: argparse.Namespace) -> None:
    """Start every emulator, write where they listen to `run/emulators.json`, and wait for a signal."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    path = outbox_path(arguments.data_dir)
    outbox, faults = Outbox(path), Faults(path)
    running: list[Emulator] = [kind.prepared(outbox, faults, arguments) for kind in discover().values()]
    register = Register.prepared(outbox, faults, arguments)
    addresses = arguments.data_dir / "run" / "emulators.json"
    try:
        for each in running:
            await each.start(arguments.host, arguments.ports.get(each.kind, 0))
        await register.start(arguments.host, arguments.ports.get(register.kind, 0))
        announce(addresses, {each.kind: {**each.announcement(), "register": register.url} for each in running})
        await stop.wait()
    finally:
        addresses.unlink(missing_ok=True)
        # One after the other would take longer than we are given.
        await asyncio.gather(register.stop(), *(each.stop() for each in running))
        outbox.close()
        faults.close()


def announce(path: Path, addresses: Mapping[str, Mapping[str, Any]]) -> None:
    """Write where the emulators listen, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.write_text(json.dumps(addresses))
    draft.replace(path)


if __name__ == "__main__":
    main()
