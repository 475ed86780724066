"""Main: the carrier, its practice phones and the mailbox in one process."""

import signal
import socket
from pathlib import Path
from typing import Any

import gevent
from flask import Flask, Response, jsonify, request
from gevent.event import Event
from gevent.pywsgi import WSGIHandler, WSGIServer
from werkzeug.exceptions import NotFound

# `messages` adds its routes to the blueprint `rest`, `ledger` and `registering` to `control`.
from app.carrier import ledger, messages, registering, web  # noqa: F401
from app.carrier.control import control
from app.carrier.faults import Faults
from app.carrier.journal import Journal
from app.carrier.mailbox import mailbox, smtp_server
from app.carrier.messaging import messaging
from app.carrier.network import Network
from app.carrier.page import page
from app.carrier.panel import panel
from app.carrier.rest import SOCKET, rest
from app.carrier.store import Store
from app.carrier.webhooks import Webhooks
from app.carrier.wire import API_VERSION, TwilioError

_HOST = "127.0.0.1"
_PATIENCE = 0.2  # seconds for requests in work when the process is told to stop


def run(
    port: int,
    var_dir: Path,
    *,
    mailbox_port: int | None = None,
    smtp_port: int | None = None,
    app_url: str,
) -> None:
    """Serve until SIGTERM or SIGINT, then return. `app_url` is where Replyline is."""
    store = Store(var_dir / "carrier.sqlite3")
    network = carrier(store, f"http://{_HOST}:{port}")
    sites = [_server(port, phones_site(network, app_url))]
    if mailbox_port:
        sites.append(_server(mailbox_port, mailbox_site(store, app_url)))
    smtp = smtp_server(store, smtp_port) if smtp_port else None

    stopping = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        gevent.signal_handler(number, stopping.set)
    if smtp:
        smtp.start()
    for server in sites:
        server.start()
    network.resume()
    stopping.wait()
    for server in sites:
        server.close()
    gevent.joinall([gevent.spawn(server.stop, _PATIENCE) for server in sites])
    if smtp:
        smtp.stop()
    store.close()


def carrier(store: Store, base_url: str) -> Network:
    journal = Journal()
    return Network(store, journal, Webhooks(journal), Faults(journal), base_url)


def phones_site(network: Network, app_url: str) -> Flask:
    """Twilio's REST API, the control API and the page with the phones."""
    app = web.site("carrier")
    app.config["APP_URL"] = app_url
    app.extensions["network"] = network
    for blueprint in (rest, messaging, control, page, panel):
        app.register_blueprint(blueprint)
    app.register_error_handler(NotFound, _unknown)
    return app


def mailbox_site(store: Store, app_url: str) -> Flask:
    app = web.site("mailbox")
    app.config["APP_URL"] = app_url
    app.extensions["store"] = store
    app.register_blueprint(mailbox)
    return app


def _unknown(error: NotFound) -> tuple[Response, int] | NotFound:
    if not request.path.startswith((f"/{API_VERSION}", "/v1/")):
        return error
    message = f"The requested resource {request.path} was not found"
    return jsonify(TwilioError(20404, message, 404).as_json()), 404


class _Server(WSGIServer):  # type: ignore[misc]
    """Writes head and body apart, so without TCP_NODELAY every answer would take 40 ms."""

    def handle(self, sock: Any, address: Any) -> None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        super().handle(sock, address)


class _Handler(WSGIHandler):  # type: ignore[misc]
    """Hands the connection to the app: a fault may close it."""

    def get_environ(self) -> dict[str, Any]:
        return {**super().get_environ(), SOCKET: self.socket}


def _server(port: int, app: Flask) -> WSGIServer:
    return _Server((_HOST, port), app, log=None, handler_class=_Handler)
