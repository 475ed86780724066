"""Sitecustomize: in every process of the tests' stack, a hook that dies where a test asks for it.

A test puts a file of the name of a point into KILL_AT; the first process that reaches the point
takes the file and is gone, as by kill -9.
"""

import os
import signal
import sys
from contextlib import suppress
from pathlib import Path


def _die_if_asked(event: str, args: tuple[str, ...]) -> None:
    if event != "replyline.reached":
        return
    asked = Path(os.environ["KILL_AT"], args[0])
    with suppress(FileNotFoundError):
        asked.rename(asked.with_suffix(".done"))
        os.kill(os.getpid(), signal.SIGKILL)


if "KILL_AT" in os.environ:
    sys.addaudithook(_die_if_asked)
