"""Analytics: what went and came in a period, as a page with pictures and as a file (S0-42..S0-45).

`page` answers the browser; `shown` makes of the figures what is read; `numbers` is about the
pool."""

from app.routes.analytics import numbers
from app.routes.analytics.page import bp

__all__ = ["bp", "numbers"]
