"""Breaker: how long an account rests when its provider gives no clear answers (F34).

After PATIENCE calls in a row without one it rests. Then one call at a time is tried: the first
clear answer closes the breaker, another unclear one doubles the rest.
"""

PATIENCE = 5  # calls in a row without a clear answer


def is_open(unclear: int) -> bool:
    """Whether one call at a time is all that may be tried."""
    return unclear >= PATIENCE


def rest(unclear: int, first: float, longest: float) -> float:
    """Seconds to wait after `unclear` calls in a row without a clear answer."""
    if not is_open(unclear):
        return 0.0
    return min(first * 2.0 ** min(unclear - PATIENCE, 30), longest)
