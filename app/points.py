"""Points: named moments between two effects, told to whoever watches the process.

`sys.audit` with nobody listening does nothing, and nothing of ours listens: what the fault tests do
at these moments cannot exist in production.
"""

import sys


def reached(point: str) -> None:
    """`point`: "delivery.claimed" and the like, the module and what has just been done."""
    sys.audit("replyline.reached", point)
