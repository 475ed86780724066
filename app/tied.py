"""Tied: starts a program that cannot outlive the process which started it.

    python -I -S app/tied.py PARENT PROGRAM ARGUMENT...

Run as a file of its own before the program, because that keeps Python's own code out of the moment
between fork and exec, and costs no import of ours. The kernel keeps the promise across the exec.
It follows the *thread* that forked, so only a main thread may start something tied.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main(parent: int, argv: list[str]) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before we were tied to it
        sys.exit(1)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])  # the supervisor's is not for its children
    os.execvp(argv[0], argv)  # noqa: S606 (there is no shell, on purpose)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
