"""Posting: what becomes of a call to another system, whatever that does, and where none is made."""

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from app.posting import Answer, Line
from tests.receiver import Receiver

PATIENCE, SHORT = 20.0, 0.5  # seconds
HEAD = b"HTTP/1.1 200 OK\r\n"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver.listening() as found:
        yield found


def told(url: str, *, deadline: float = PATIENCE, loopback: bool = True) -> Answer:
    with Line(url, deadline=deadline, loopback=loopback) as line:
        return line.post(b"{}", {"X": "1"})


@contextmanager
def saying(*parts: bytes, pause: float = 0.0, calls: int = 1) -> Iterator[str]:
    """A server that answers each call with these bytes, one after the other."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            for _ in range(calls):
                peer, _ = server.accept()
                with peer:
                    peer.recv(65536)
                    for part in parts:
                        try:
                            peer.sendall(part)
                        except OSError:
                            break
                        time.sleep(pause)

        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/x"


def test_it_says_what_it_was_given_and_hears_the_status(receiver):
    receiver.says(202)
    assert told(receiver.url + "?a=b") == Answer(202)
    [heard] = receiver.heard
    assert (heard.path, heard.body, heard.headers["x"]) == ("/told?a=b", b"{}", "1")
    assert heard.headers["host"] == receiver.url.split("/")[2]


def test_one_connection_serves_many_events(receiver):
    with Line(receiver.url, deadline=PATIENCE, loopback=True) as line:
        assert {line.post(b"{}", {}).status for _ in range(5)} == {204}
    assert len(receiver.heard) == 5


def test_a_connection_that_was_closed_meanwhile_is_opened_again():
    answer = HEAD + b"Content-Length: 0\r\n\r\n"  # and hangs up without saying so
    with saying(answer, calls=2) as url, Line(url, deadline=PATIENCE, loopback=True) as line:
        assert [line.post(b"{}", {}).status for _ in range(2)] == [200, 200]


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_nothing_is_followed(receiver, status):
    with Receiver.listening() as elsewhere:
        receiver.says(status)
        receiver.headers["Location"] = elsewhere.url
        assert told(receiver.url) == Answer(status)
        assert elsewhere.heard == []


def test_who_does_not_answer_in_time_has_not_answered():
    with saying(b"", pause=3) as url:
        assert told(url, deadline=SHORT) == Answer(None, "No answer within 0.5 seconds")


def test_an_answer_that_drips_in_is_cut():
    """A time-out of each read would never end it."""
    began = time.monotonic()
    with saying(HEAD, *[b"X: y\r\n"] * 100, pause=0.1) as url:
        assert told(url, deadline=SHORT) == Answer(None, "No answer within 0.5 seconds")
    assert time.monotonic() - began < 5


def test_what_comes_after_the_status_is_not_waited_for_and_not_read_to_its_end():
    with saying(HEAD + b"Content-Length: 9000000\r\n\r\n", *[b"x" * 1000] * 100, pause=0.1) as url:
        assert told(url, deadline=3) == Answer(200)
    with saying(HEAD + b"\r\n" + b"x" * 1_000_000) as url:
        assert told(url) == Answer(200)


def test_a_packed_answer_is_not_unpacked():
    head = HEAD + b"Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\n"
    with saying(head + b"no gz") as url:
        assert told(url) == Answer(200)


@pytest.mark.parametrize("said", [b"", b"hello\r\n\r\n", b"HTTP/1.1 2"])
def test_what_is_no_answer_is_none(said):
    with saying(said) as url:
        assert told(url) == Answer(None, "It hung up without an answer")


def test_nobody_listens():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert told(f"http://127.0.0.1:{port}/") == Answer(None, "Nobody answers at its address")


def test_a_server_that_speaks_no_tls_is_not_spoken_to_without_it(receiver):
    url = receiver.url.replace("http:", "https:")
    assert told(url).problem.startswith("No secure connection")
    assert receiver.heard == []


def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path):
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    from app import clock

    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(clock.now().replace(year=2020))
        .not_valid_after(clock.now().replace(year=2099))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem, file = serialization.Encoding.PEM, tmp_path / "own.pem"
    plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    file.write_bytes(key.private_bytes(pem, *plain) + made.public_bytes(pem))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            peer, _ = server.accept()
            try:
                context.wrap_socket(peer, server_side=True)
            except OSError:
                peer.close()

        threading.Thread(target=serve, daemon=True).start()
        found = told(f"https://localhost:{server.getsockname()[1]}/")
    assert found.problem.startswith("No secure connection")


# Where no call is made


@pytest.mark.parametrize(
    "stands_for",
    [["127.0.0.1"], ["10.0.0.1"], ["169.254.169.254"], ["::1"], ["8.8.8.8", "192.168.0.1"]],
)
def test_a_name_that_stands_for_an_address_inside_is_not_called(monkeypatch, stands_for):
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, 443)) for each in stands_for]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_more: found)
    answer = told("https://hooks.school.example/", loopback=False)
    assert answer == Answer(
        None, "Its name stands for an address inside a network, so it is not called"
    )


def test_what_was_checked_is_what_is_called(monkeypatch):
    """A name that stands for another address when it is asked again (DNS rebinding)."""
    answers = iter([["8.8.8.8"], ["127.0.0.1"], ["127.0.0.1"]])
    called: list[str] = []

    def asked(host, port, *_args, **_more):
        if host == "8.8.8.8":  # an address is its own answer
            called.append(host)
            raise OSError("no test reaches the outside")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (a, port)) for a in next(answers)]

    monkeypatch.setattr(socket, "getaddrinfo", asked)
    told("https://hooks.school.example/", loopback=False)
    assert called == ["8.8.8.8"]
    assert next(answers) == ["127.0.0.1"]


@pytest.mark.parametrize("url", ["https://nobody.invalid/", "https://a..example/"])
def test_a_name_that_is_none_is_said_so(monkeypatch, url):
    def unknown(host, *_args, **_more):
        host.encode("idna")
        raise socket.gaierror("unknown")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    assert told(url).problem == "The name in its address is not known"


def test_an_address_that_may_not_be_called_any_more_is_not(receiver):
    """Made while this installation was for trying things out."""
    assert told(receiver.url, loopback=False).problem.startswith("Write an address that begins")
    assert receiver.heard == []
