"""Letters over one connection: pipelined where the server takes it (RFC 2920), one command at a time where not.

Pipelined, the envelope of the next letter travels behind the final dot of the one before, so a letter costs one round
trip. Its text is never written before its own 354 was read: what a server refuses cannot be taken for commands.
"""

import asyncio
from dataclasses import dataclass, replace

from app.domain.outcomes import Outcome, OutcomeKind, Reason
from app.domain.smtp_replies import Reply, Stage, accept, judge, limits_all
from app.infra.smtp_envelope import DATA, Envelopes, paths_of
from app.infra.smtp_intake import Intake, Letter
from app.infra.smtp_wire import PIECE, Wire, parse_reply

DOT = b".\r\n"
RSET = b"RSET\r\n"

_CONFUSED = (Reason.TIMED_OUT, Reason.SERVER_ERROR)  # how a server ends that cannot follow


@dataclass(slots=True)  # made for each letter: not frozen, which would cost more than a tuple
class _Job:
    letter: Letter
    mail: bytes
    rcpt: bytes
    text: bytes


class Transmission:
    """One run of letters over one connection; every letter it takes is answered or given back."""

    def __init__(self, wire: Wire, intake: Intake, pipelined: bool, letters_at_most: int, text_patience: float) -> None:
        self.is_confused = False  # the server offered PIPELINING and lost count
        self._wire = wire
        self._intake = intake
        self._pipelined = pipelined
        self._letters_at_most = letters_at_most
        self._patience = (wire.patience, text_patience)
        self._envelopes = Envelopes(wire.offers)
        self._is_stale = wire.is_reused  # and not yet heard of in this run
        self._current: _Job | None = None
        self._next: _Job | None = None
        self._refusal: tuple[Stage, Reply] | None = None
        self._has_answered = False  # some letter got its answer over this connection, in this run
        self._text_began = False
        self._last_line = b""
        self._last_outcome: Outcome | None = None
        self._done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def run(self) -> None:
        """Carry letters until there are no more, the connection has had its share, or it breaks."""
        self._wire.on_end = self._end
        self._wire.is_waiting = True
        self._wire.touch()
        try:
            self._open_next()
            await self._done
        except asyncio.CancelledError:
            self._wire.abort(Reason.CONNECTION_LOST)
            raise
        finally:
            self._wire.patience = self._patience[0]
            self._wire.rest()

    # from letter to letter

    def _compose(self) -> _Job | None:
        """Take the next letter that this server can be asked to carry."""
        while (letter := self._intake.take()) is not None:
            try:
                found = self._write(letter)
            except Exception as error:  # noqa: BLE001 - whatever it is, it costs this letter and no other
                self._intake.refuse(letter, error)
                continue
            if isinstance(found, _Job):
                return found
            self._intake.answer(letter.index, found)
        return None

    def _write(self, letter: Letter) -> _Job | Outcome:
        """The letter as it goes to this server, or why it does not."""
        paths = paths_of(letter)
        if isinstance(paths, Outcome):
            return paths
        content = letter.compose()
        commands = self._envelopes.open(letter, paths, content)
        return commands if isinstance(commands, Outcome) else _Job(letter, *commands, stuff_dots(content))

    def _open_next(self) -> None:
        if self._wire.letters_total >= self._letters_at_most or (job := self._compose()) is None:
            self._finish()
            return
        self._current = job
        reset, self._wire.needs_reset = RSET if self._wire.needs_reset else b"", False
        self._wire.on_line = self._on_reset if reset else self._on_mail
        if self._pipelined:
            self._wire.write(reset + job.mail + job.rcpt + DATA)
        else:
            self._wire.write(reset or job.mail)

    def _answer(self, outcome: Outcome) -> None:
        job, self._current, self._refusal, self._text_began = self._current, None, None, False
        if job is None:
            return
        if not self._has_answered:  # once in a run it is told what the server takes
            self._has_answered = True
            limit = self._envelopes.size_limit
            if limit is not None and outcome.size_limit is None:
                outcome = replace(outcome, size_limit=limit)
        self._intake.answer(job.letter.index, outcome)

    def _judge(self, stage: Stage, reply: Reply) -> Outcome:
        """What a refusal of the letter in hand means; of one for its size also what the server takes then."""
        outcome = judge(stage, reply)
        if self._current is None or not limits_all(stage, reply, outcome):
            return outcome
        return replace(outcome, size_limit=len(self._current.text) - len(DOT) - 1)

    def _finish(self) -> None:
        if not self._done.done():
            self._done.set_result(None)

    # one method for each reply that can be due

    def _on_reset(self, line: bytes) -> None:
        if line[:1] in (b"4", b"5"):  # after so many refusals a server leaves: Postfix with 421, Exim with 554
            self._change_connection()
            return
        if line[:1] != b"2":
            self._wire.abort(Reason.SERVER_ERROR)
            return
        self._wire.on_line = self._on_mail
        if not self._pipelined and self._current is not None:
            self._wire.write(self._current.mail)

    def _on_mail(self, line: bytes) -> None:
        if line[:1] == b"2" or self._refuse(Stage.MAIL, line):
            self._wire.on_line = self._on_rcpt
            if not self._pipelined and self._current is not None:
                self._wire.write(self._current.rcpt)
        self._is_stale = False

    def _on_rcpt(self, line: bytes) -> None:
        if line[:1] == b"2" or self._refuse(Stage.RCPT, line):
            self._wire.on_line = self._on_data
            if not self._pipelined:
                self._wire.write(DATA)

    def _on_data(self, line: bytes) -> None:
        if line[:3] != b"354":
            if self._refuse(Stage.DATA, line):
                self._settle()
        elif self._refusal is None:
            self._write_text()
        else:  # RFC 2920 3.1: no recipient is left, yet the server wants a text: an empty one
            self._wire.on_line = self._on_void
            self._wire.write(DOT)

    def _on_void(self, line: bytes) -> None:  # noqa: ARG002 - it took nothing, whatever it says
        self._settle()

    def _on_text(self, line: bytes) -> None:
        wire = self._wire
        if line != self._last_line:
            reply = parse_reply(line)
            if reply is None or reply.code // 100 == 3:
                wire.abort(Reason.SERVER_ERROR)
                return
            self._last_outcome = accept(reply) if reply.code // 100 == 2 else self._judge(Stage.TEXT, reply)
            self._last_line = line
        wire.letters_total += 1
        wire.patience = self._patience[0]
        if self._last_outcome is not None:
            self._answer(self._last_outcome)
        if line[:3] == b"421":
            wire.abort(Reason.CONNECTION_LOST)
        elif self._next is not None:
            self._current, self._next = self._next, None
            wire.on_line = self._on_mail
        else:
            self._open_next()

    # what the replies lead to

    def _write_text(self) -> None:
        wire, job = self._wire, self._current
        if job is None:
            return
        self._text_began = True
        wire.patience = self._patience[1]
        wire.on_line = self._on_text
        if self._pipelined and wire.letters_total + 1 < self._letters_at_most and len(job.text) <= PIECE:
            self._next = self._compose()  # a longer text goes alone, so that its last piece ends with its dot
        following = self._next
        wire.write(job.text if following is None else b"".join((job.text, following.mail, following.rcpt, DATA)))

    def _refuse(self, stage: Stage, line: bytes) -> bool:
        """Note a refusal; True when the dialogue goes on to the replies that still are due (pipelined)."""
        reply = parse_reply(line)
        first = self._refusal is None
        if reply is None or reply.code // 100 not in (4, 5) or (first and self._has_lost_count(stage, reply)):
            self._wire.abort(Reason.SERVER_ERROR)
            return False
        if first:
            self._refusal = (stage, reply)
            self._wire.needs_reset = True
        if reply.code == 421 or (stage is Stage.MAIL and _is_share_used_up(reply) and self._has_worked):
            self._dismiss(stage, reply)
            return False
        if not self._pipelined and stage is not Stage.DATA:
            self._settle()
            return False
        return True

    def _has_lost_count(self, stage: Stage, reply: Reply) -> bool:
        """Whether "bad sequence" comes where the sequence was right: the server cannot pipeline."""
        return self._pipelined and reply.code == 503 and stage is not Stage.MAIL

    def _settle(self) -> None:
        """Answer the letter that was refused and go on with another."""
        if self._refusal is not None:
            self._answer(self._judge(*self._refusal))
        self._open_next()

    def _dismiss(self, stage: Stage, reply: Reply) -> None:
        """The server ends the session. Before a letter began, on a connection that worked, it means no letter."""
        if self._current is not None and stage is Stage.MAIL and self._has_worked:
            self._change_connection()
            return
        self._answer(self._judge(*(self._refusal or (stage, reply))))
        self._wire.abort(Reason.CONNECTION_LOST)

    @property
    def _has_worked(self) -> bool:
        """Whether this connection got a letter its answer, so that one more of them ends it without going in circles.

        A letter may be unlucky with any number of those. With connections that do nothing at all it is once.
        """
        if self._wire.letters_total > 0 or self._has_answered:
            return True
        return self._wire.is_reused and self._current is not None and not self._current.letter.is_retry

    def _change_connection(self) -> None:
        """Drop the connection; the letter that was about to begin goes over another one."""
        job, self._current = self._current, None
        if job is not None:
            self._intake.give_back(job.letter)
        self._wire.abort(Reason.CONNECTION_LOST)

    def _end(self, reason: Reason) -> None:
        """The connection is gone: say what that means for the letters it carried."""
        try:
            self._account_for_rest(reason)
        finally:
            self._finish()

    def _account_for_rest(self, reason: Reason) -> None:
        self.is_confused = self._pipelined and reason in _CONFUSED
        following, self._next = self._next, None
        if following is not None:
            self._intake.give_back(following.letter)  # nothing of its text was written
        job = self._current
        if job is None:
            pass
        elif self._text_began and not self._wire.has_unwritten:
            said = "The connection ended after the message was written and before the server answered"
            self._answer(Outcome(OutcomeKind.UNCERTAIN, reason, said))
        elif (self._is_stale or self.is_confused) and not job.letter.is_retry and not self._text_began:
            self._current = None
            self._intake.give_back(job.letter)
        else:
            said = "The connection ended before the message was written"
            self._answer(Outcome(OutcomeKind.TRANSIENT, reason, said))


def stuff_dots(content: bytes) -> bytes:
    """The text as it travels (RFC 5321 4.5.2): dots at line starts doubled, and the final dot."""
    if content.rfind(b"\r\n.") >= 0:  # from behind it is found in a third of the time that `in` takes
        content = content.replace(b"\r\n.", b"\r\n..")
    if content[:1] == b".":
        content = b"." + content
    return content + DOT if content[-2:] == b"\r\n" else content + b"\r\n" + DOT


def _is_share_used_up(reply: Reply) -> bool:
    """Whether this answer to MAIL says that a connection has carried its share (OpenSMTPD: a hundred letters).

    "Too many recipients" (RFC 3463, X.5.3) can mean nothing else where none was named yet.
    """
    return reply.code == 452 and reply.text.startswith("4.5.3")
