"""What no client library would send, to a running server byte by byte: an answer below 500, or a closed door."""

import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import pytest

from tests.faults.tree import Tree

MIB = 1024 * 1024
PATIENCE = 20.0
Ask = Callable[..., tuple[int, bytes]]


@dataclass(frozen=True)
class Server:
    """A running installation, and the headers of a program that may do everything."""

    tree: Tree
    key: str

    def ask(self, raw: bytes, *, half: bool = False) -> tuple[int, bytes]:
        """Status and body of the first answer to these bytes; 0 when the door was closed without one.

        `half`: our side closes after the last byte, as a client does that dies in the middle.
        """
        address = urlsplit(self.tree.address)
        with socket.create_connection((address.hostname, address.port or 80), timeout=PATIENCE) as line:
            try:
                line.sendall(raw)
                if half:
                    line.shutdown(socket.SHUT_WR)
            except OSError:  # it closed before it had read all of it: the answer may still be there
                pass
            whole = _read(line)
        head, _, body = whole.partition(b"\r\n\r\n")
        return (int(head.split(b" ", 2)[1]) if head.startswith(b"HTTP/") else 0), body

    def post(self, body: bytes, content_type: bytes = b"application/json", more: bytes = b"") -> tuple[int, bytes]:
        """A POST of a topic with that body and its true length."""
        head = self.head(b"POST", b"/v1/messaging/topics", b"Content-Type: " + content_type + b"\r\n" + more)
        return self.ask(head + b"Content-Length: %d\r\n\r\n" % len(body) + body)

    def head(self, method: bytes, path: bytes, more: bytes = b"") -> bytes:
        """The beginning of a request, up to the empty line."""
        known = b"Host: 127.0.0.1\r\nConnection: close\r\nX-Appwrite-Project: shop\r\nX-Appwrite-Key: "
        return method + b" " + path + b" HTTP/1.1\r\n" + known + self.key.encode() + b"\r\n" + more

    def topics(self) -> int:
        """How many topics there are: nothing that is refused may leave one behind."""
        status, body = self.ask(self.head(b"GET", b"/v1/messaging/topics") + b"\r\n")
        assert status == 200
        return int(body.split(b'"total":')[1].split(b",")[0])


def _read(line: socket.socket) -> bytes:
    pieces = []
    try:
        while piece := line.recv(65_536):
            pieces.append(piece)
    except ConnectionError:
        pass
    return b"".join(pieces)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    tree = Tree(tmp_path_factory.mktemp("raw") / "tree", workers=1)
    try:
        tree.start()
        tree.run("project", "create", "shop", "--name", "Shop")
        yield Server(tree, tree.run("key", "create", "--project", "shop", "--name", "Raw", "--scopes", "all"))
    finally:
        tree.kill_all()


@pytest.fixture
def server(running: Server) -> Iterator[Server]:
    """The server; when the test is over it must be as it was: alive, without a topic, without a bug in its log."""
    begun, said = time.monotonic(), len(running.tree.said)
    yield running
    assert running.ask(running.head(b"GET", b"/v1/ping") + b"\r\n") == (200, b"Pong!")
    assert running.topics() == 0
    assert "The API failed" not in running.tree.said[said:]
    assert time.monotonic() - begun < PATIENCE


PATHS = [
    b"/v1/messaging/topics/%", b"/v1/messaging/topics/%zz", b"/v1/messaging/topics/%c3%28", b"/v1/\xff\xfe",
    b"/v1/messaging/topics/\xc3\xa9", b"/v1/messaging/topics/..%2f..%2fetc%2fpasswd", b"/v1/../v1/messaging/nowhere",
    b"/v1/messaging/topics/%00", b"/v1/messaging/topics/a%0d%0aX-Evil:%201", b"/v1/messaging/topics/" + b"a" * 8_000,
    b"/v1" + b"/" * 4_000 + b"nowhere", b"/v1/messaging/topics?queries[0]=%ff%fe",
    b"/v1/messaging/topics?%ff=%00&%zz=%", b"/v1/messaging/topics?search=%ed%a0%80",
    b"/v1/messaging/topics?queries" + b"[a]" * 2_000 + b"=1",
    b"/v1/messaging/topics?" + b"&".join(b"queries[%d]=x" % place for place in range(3_000)), b"*", b"nowhere",
    b"http://elsewhere.example/v1/nowhere", b"//v1//nowhere", b"/v1/nowhere#part", b"/v1/nowhere;a=b?c;d",
]  # fmt: skip


@pytest.mark.parametrize("path", PATHS, ids=lambda path: repr(path[:40]))
def test_any_address_is_answered(server: Server, path: bytes) -> None:
    status, _ = server.ask(server.head(b"GET", path) + b"\r\n")
    assert status == 0 or 200 <= status < 500


HEADERS = [
    b"X-Appwrite-Project: shop\r\n", b"X-Appwrite-Key: other\r\n", b"Content-Type: text/plain\r\nContent-Type: a/b\r\n",
    b"X-Forwarded-User-Agent: \xff\xfe\r\n", b"Origin: \xff\r\n", b"Cookie: a_session_shop=\xff; ;=;\x01\r\n",
    b"X-Long: " + b"a" * 70_000 + b"\r\n", b"X-Long: " + b"a" * MIB + b"\r\n", b"X-Many: 1\r\n" * 5_000,
    b"X-Appwrite-JWT: " + b"a" * 20_000 + b"\r\n", b"Range: bytes=0-0,1-1\r\n", b"Content-Range: bytes 9-1/0\r\n",
    b"X-Fallback-Cookies: " + b"[" * 5_000 + b"\r\n", b"X-Appwrite-Session: e30=\r\n", b"Bad Name: 1\r\n",
    b"No-Colon\r\n", b" Folded: 1\r\n", b"Expect: 100-continue\r\n", b"Accept-Encoding: \xff;q=nan, gzip;q=x\r\n",
    b"If-None-Match: \"\r\nIf-Modified-Since: never\r\n", b"Idempotency-Key: \xff\r\n", b"X-Appwrite-ID: ../..\r\n",
]  # fmt: skip


@pytest.mark.parametrize("more", HEADERS, ids=lambda more: repr(more[:40]))
@pytest.mark.parametrize("method", [b"GET", b"POST"])
def test_any_header_is_answered(server: Server, method: bytes, more: bytes) -> None:
    length = b"Content-Length: 0\r\n" if method == b"POST" else b""
    status, _ = server.ask(server.head(method, b"/v1/messaging/topics", more + length) + b"\r\n")
    assert status == 0 or 200 <= status < 500


BODIES = [
    b"", b"{", b"\xff\xfe{\x00}", b'{"topicId": "unique()"}', b'{"topicId": "a", "name": NaN}', b'{"name": "\\ud800"}',
    b'{"topicId": "\\ud83d", "name": "x"}', b'{"topicId": "a", "name": "\\u0000"}', b'{"name": "a", "name": 1}',
    b'{"topicId": 1e400, "name": -1e400}', b'{"topicId": ' + b"9" * 50_000 + b"}", b"[" * 200_000 + b"]" * 200_000,
    b'{"a":' * 100_000 + b"1" + b"}" * 100_000, b'{"name": "' + b"a" * 8 * MIB + b'"}', b"null", b'"text"',
    b'{"topicId": "a", "name": "x", "subscribe": [' + b'"any",' * 200_000 + b'"any"]}',
    b'{"topicId": "a", "name": "x", "subscribe": {"0": "any"}}', b"\xef\xbb\xbf{}",
    b"{" + b",".join(b'"k%d":0' % place for place in range(100_000)) + b"}",
]  # fmt: skip


@pytest.mark.parametrize("body", BODIES, ids=lambda body: repr(body[:40]))
def test_any_body_is_refused_with_a_sentence(server: Server, body: bytes) -> None:
    status, said = server.post(body)
    assert status == 400
    assert b'"type":"general_argument_invalid"' in said


def test_of_a_name_that_comes_twice_the_last_value_counts(server: Server) -> None:
    status, said = server.post(b'{"topicId": "a", "name": "x", "topicId": "_"}')
    assert (status, b"`topicId`" in said) == (400, True)


FORMS = [
    (b"application/x-www-form-urlencoded", b"&".join(b"subscribe[%d]=any" % place for place in range(100_000))),
    (b"application/x-www-form-urlencoded", b"topicId=a&name=x&subscribe[1000000]=any&subscribe[-1]=any&subscribe[]=x"),
    (b"application/x-www-form-urlencoded", b"topicId=%00&name=%ff%fe&%zz"),
    (b"application/x-www-form-urlencoded", b"&" * MIB),
    (b"multipart/form-data", b"--x\r\n"),
    (b"multipart/form-data; boundary=", b"--\r\n"),
    (b"multipart/form-data; boundary=" + b"x" * 5_000, b"--" + b"x" * 5_000),
    (b"multipart/form-data; boundary=x", b'--x\r\nContent-Disposition: form-data; name="topicId"\r\n\r\na'),
    (b"multipart/form-data; boundary=x", b"--x\r\nContent-Disposition: form-data\r\n\r\na\r\n--x--\r\n"),
    (b"multipart/form-data; boundary=x", b'--x\r\nContent-Disposition: form-data; name="n"\r\n\r\n1\r\n' * 10_001),
    (b"multipart/form-data; boundary=x", b"--x\r\nX-Long: " + b"a" * MIB + b"\r\n\r\na\r\n--x--\r\n"),
    (b"multipart/form-data; boundary=x", b"no boundary at all " * 1_000),
    (b"application/json; charset=utf-16", b"\xff\xfe{\x00}\x00"),
    (b"text/plain", b"topicId=a"), (b"\xff/\xfe", b"{}"), (b"", b"{}"),
]  # fmt: skip


@pytest.mark.parametrize(("content_type", "body"), FORMS, ids=lambda part: repr(part[:45]))
def test_any_form_is_refused_with_a_sentence(server: Server, content_type: bytes, body: bytes) -> None:
    status, said = server.post(body, content_type)
    assert status in {0, 400, 413}
    assert status == 0 or b'"message":"' in said or said == b""


@pytest.mark.parametrize(
    ("more", "body"),
    [
        (b"Content-Length: 100\r\n", b'{"topicId": "a", "name": "x"'),
        (b"Content-Length: -1\r\n", b"{}"),
        (b"Content-Length: many\r\n", b"{}"),
        (b"Content-Length: 2\r\nContent-Length: 40\r\n", b"{}"),
        (b"Content-Length: 99999999999999999999999\r\n", b"{}"),
        (b"Transfer-Encoding: chunked\r\n", b"5\r\n{}\r\n"),
        (b"Transfer-Encoding: chunked\r\n", b"zz\r\n{}\r\n0\r\n\r\n"),
        (b"Transfer-Encoding: chunked\r\n", b"ffffffffffffffff\r\n{}\r\n0\r\n\r\n"),
        (b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n", b"2\r\n{}\r\n0\r\n\r\n"),
        (b"Transfer-Encoding: gzip, chunked\r\n", b"2\r\n{}\r\n0\r\n\r\n"),
        (b"Content-Encoding: gzip\r\nContent-Length: 2\r\n", b"\x1f\x8b"),
    ],
)
def test_a_body_that_breaks_off_or_lies_about_its_length_saves_nothing(
    server: Server, more: bytes, body: bytes
) -> None:
    head = server.head(b"POST", b"/v1/messaging/topics", b"Content-Type: application/json\r\n" + more)
    status, _ = server.ask(head + b"\r\n" + body, half=True)
    assert status == 0 or 400 <= status < 500


def test_a_body_in_chunks_is_read(server: Server) -> None:
    head = server.head(
        b"POST", b"/v1/messaging/topics", b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n"
    )
    status, said = server.ask(head + b"\r\n" + b'10\r\n{"topicId": "_",\r\n0d\r\n "name": "x"}\r\n0\r\n\r\n')
    assert (status, b"`topicId`" in said) == (400, True)


@pytest.mark.parametrize("is_chunked", [False, True])
def test_more_than_twelve_mebibytes_are_refused(server: Server, is_chunked: bool) -> None:
    body = b" " * (12 * MIB + 1)
    more = b"Content-Type: application/json\r\n"
    if is_chunked:
        head = server.head(b"POST", b"/v1/messaging/topics", more + b"Transfer-Encoding: chunked\r\n") + b"\r\n"
        status, _ = server.ask(head + b"%x\r\n" % len(body) + body + b"\r\n0\r\n\r\n")
    else:
        status, _ = server.post(body)
    assert status in {0, 413}


@pytest.mark.parametrize("method", [b"BREW", b"get", b"TRACE", b"CONNECT", b"PROPFIND", b"G\xc3\xa9T", b"A" * 1_000])
def test_any_method_is_answered(server: Server, method: bytes) -> None:
    status, _ = server.ask(server.head(method, b"/v1/messaging/topics") + b"\r\n")
    assert status in ({200} if method == b"get" else {0, 400, 404})
