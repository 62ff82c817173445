"""A mail server that is never killed: it writes down each mail before it accepts it, so its file is the truth.

Run as a process of its own: `python -m tests.faults.sink FOLDER PORT`. It writes its port to FOLDER/port, one line
per mail to FOLDER/accepted (nanoseconds of the monotonic clock, recipient, Message-ID), and waits before each 250 as
many seconds as FOLDER/delay says, so that a run can be made to last. While FOLDER/password exists, nobody may send
without it; when it changes, every session ends before its next mail. While FOLDER/busy exists, it takes nothing: it
greets with what that file says, such as a 421.
"""

import asyncio
import base64
import os
import re
import sys
import time
from contextlib import suppress
from pathlib import Path

import uvloop

END = b"\r\n.\r\n"
_MESSAGE_ID = re.compile(rb"^Message-ID: *<([^>\r\n]*)>", re.IGNORECASE | re.MULTILINE)
_GREETING = b"250-sink.invalid\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-AUTH PLAIN\r\n250 SMTPUTF8\r\n"


class Book:
    """The file of everything that was accepted; the delay and the password in force."""

    def __init__(self, folder: Path) -> None:
        self.delay, self.password, self.busy = 0.0, b"", b""
        self._folder = folder
        self._read_dials()
        self._file = os.open(folder / "accepted", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def accept(self, recipient: bytes, text: bytes) -> None:
        found = _MESSAGE_ID.search(text)
        os.write(self._file, b"%d %b %b\n" % (time.monotonic_ns(), recipient, found[1] if found else b"-"))

    async def follow_dials(self) -> None:
        while True:
            self._read_dials()
            await asyncio.sleep(0.05)

    def _read_dials(self) -> None:
        with suppress(OSError, ValueError):  # not written yet, or just being written
            self.delay = float((self._folder / "delay").read_text())
        with suppress(OSError):
            self.password = (self._folder / "password").read_bytes()
        busy = self._folder / "busy"
        self.busy = busy.read_bytes() if busy.exists() else b""


class Session(asyncio.Protocol):
    """One connection."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._received = b""
        self._recipient = b""
        self._is_text = False
        self._is_waiting = False
        self._signed_in_with = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._say((self._book.busy or b"220 sink.invalid ESMTP") + b"\r\n")
        if self._book.busy:
            transport.close()

    def data_received(self, received: bytes) -> None:
        self._received += received
        self._go_on()

    def _say(self, reply: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(reply)

    def _go_on(self) -> None:
        while not self._is_waiting and (self._take_text() if self._is_text else self._take_command()):
            pass

    def _take_text(self) -> bool:
        text, end, rest = self._received.partition(END)
        if not end:
            return False
        self._received, self._is_text = rest, False
        self._book.accept(self._recipient, text)
        if self._book.delay:
            self._is_waiting = True
            asyncio.get_running_loop().call_later(self._book.delay, self._answer)
        else:
            self._answer()
        return True

    def _answer(self) -> None:
        was_waiting, self._is_waiting = self._is_waiting, False
        self._say(b"250 2.0.0 Ok: queued as SINK\r\n")
        if was_waiting:
            self._go_on()

    def _take_command(self) -> bool:
        line, end, rest = self._received.partition(b"\r\n")
        if not end:
            return False
        self._received = rest
        verb = line[:4].upper()
        if verb == b"EHLO":
            self._say(_GREETING)
        elif verb == b"DATA":
            self._is_text = True
            self._say(b"354 Go on\r\n")
        elif verb in {b"QUIT", b"MAIL", b"AUTH"} and (last_word := self._last_word(verb, line)):
            self._say(last_word)
            self._transport.close()
            return False
        elif verb == b"AUTH":
            self._say(b"235 2.7.0 Welcome\r\n")
        else:
            if verb == b"RCPT":
                self._recipient = line.partition(b"<")[2].partition(b">")[0]
            self._say(b"250 2.1.0 Ok\r\n")
        return True

    def _last_word(self, verb: bytes, line: bytes) -> bytes:
        """What is said before hanging up; nothing when the session goes on."""
        password = self._book.password
        if verb == b"AUTH":
            self._signed_in_with = base64.b64decode(line.split()[-1]).rpartition(b"\0")[2]
            return b"" if self._signed_in_with == password else b"535 5.7.8 Username and password not accepted\r\n"
        if verb == b"MAIL":
            return b"" if self._signed_in_with == password else b"421 4.7.0 Credentials changed, sign in again\r\n"
        return b"221 Bye\r\n"


async def serve(folder: Path, port: int) -> None:
    """Listen on that port, or on a free one (0), until killed."""
    book = Book(folder)
    server = await asyncio.get_running_loop().create_server(lambda: Session(book), "127.0.0.1", port, backlog=512)
    written = folder / "port.new"
    written.write_text(str(server.sockets[0].getsockname()[1]))
    written.rename(folder / "port")
    await book.follow_dials()


if __name__ == "__main__":
    uvloop.run(serve(Path(sys.argv[1]), int(sys.argv[2])))
