"""Looks: when the provider is asked about a text, because it did not tell by itself.

Times are seconds since the call, one for each look.

Source: reference/reliability.md 3.2 and F45, D31
"""

from collections.abc import Sequence

from app.rules.lifecycle import Status

WAITS_FOR_REPORT = frozenset({Status.ACCEPTED, Status.SENT})


def next_look(
    status: Status, looks: int, settle: Sequence[float], report: Sequence[float]
) -> float | None:
    """When to look at an attempt that was looked at `looks` times without news; None: never again.

    `settle`: for one whose answer was lost. After the last of them it is proven that the provider
    never took it. `report`: for one that it took. After the last of them it has timed out.
    """
    times: Sequence[float] = ()
    if status is Status.UNCONFIRMED:
        times = settle
    elif status in WAITS_FOR_REPORT:
        times = report
    return times[looks] if looks < len(times) else None
