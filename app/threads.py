"""Threads: what is slow by itself, beside a web process that serves everybody's sockets."""

from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")


def in_thread(slow: Callable[..., T], *args: Any) -> T:
    """Do a tenth of a second of pure CPU, or more; under gevent it would stop every socket."""
    import gevent.monkey

    if gevent.monkey.is_module_patched("socket"):
        return gevent.get_hub().threadpool.apply(slow, args)  # type: ignore[no-any-return]
    return slow(*args)
