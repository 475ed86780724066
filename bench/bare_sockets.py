"""Bare sockets: the floor of `bench.sockets`. Flask-sock and one Redis subscriber, and no rules."""

import os
import threading
from collections import defaultdict

from flask import Flask
from flask_sock import Sock
from redis import Redis

CHANNEL = "bare"  # a message is "ROOM TEXT"; room * is everybody


def create() -> Flask:
    app = Flask(__name__)
    sock = Sock(app)
    rooms: dict[str, set] = defaultdict(set)

    @sock.route("/live/<room>")
    def live(ws, room: str) -> None:
        rooms[room].add(ws)
        try:
            ws.receive()  # until it closes
        finally:
            rooms[room].discard(ws)

    def hub() -> None:
        subscription = Redis.from_url(os.environ["REDIS_URL"]).pubsub()
        subscription.subscribe(CHANNEL)
        for message in subscription.listen():
            if message["type"] == "message":
                room, _, text = message["data"].decode().partition(" ")
                for found in list(rooms.values()) if room == "*" else [rooms[room]]:
                    for ws in list(found):
                        ws.send(text)

    threading.Thread(target=hub, daemon=True).start()
    return app
