"""The emulators as a process: `python -m app.emulators --data-dir DIR`."""

import argparse
import asyncio
import json
import os
import signal
import ssl
from pathlib import Path

from setproctitle import setproctitle

from app.emulators.faults import Faults
from app.emulators.outbox import Outbox, outbox_path
from app.emulators.smtp import SIZE, SmtpEmulator, SmtpOptions


def main() -> None:
    """Listen until SIGTERM or SIGINT."""
    setproctitle("carillon emulators")
    asyncio.run(run(parse_arguments()))


def parse_arguments(argv: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m app.emulators", description=__doc__)
    parser.add_argument("--data-dir", type=Path, required=True, help="where outbox and addresses are written")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--smtp-port", type=int, default=0, help="0: any free port")
    parser.add_argument("--smtp-size", type=int, default=SIZE, help="bytes of one message, as announced by SIZE")
    parser.add_argument("--smtp-certificate", type=Path, help="PEM file with key and chain; offers STARTTLS")
    return parser.parse_args(argv)


async def run(arguments: argparse.Namespace) -> None:
    """Start every emulator, write where they listen to `run/emulators.json`, and wait for a signal."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    path = outbox_path(arguments.data_dir)
    outbox, faults = Outbox(path), Faults(path)
    tls = None
    if arguments.smtp_certificate:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(arguments.smtp_certificate)
    smtp = SmtpEmulator(outbox, faults, SmtpOptions(tls=tls, size=arguments.smtp_size))
    host, port = await smtp.start(arguments.host, arguments.smtp_port)
    addresses = arguments.data_dir / "run" / "emulators.json"
    announce(addresses, {"smtp": {"host": host, "port": port}})
    try:
        await stop.wait()
    finally:
        addresses.unlink(missing_ok=True)
        await smtp.stop()
        outbox.close()
        faults.close()


def announce(path: Path, addresses: dict[str, dict[str, str | int]]) -> None:
    """Write where the emulators listen, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.write_text(json.dumps(addresses))
    draft.replace(path)


if __name__ == "__main__":
    main()
