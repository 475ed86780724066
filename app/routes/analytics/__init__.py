"""Analytics: what went and came in a period, as a page with pictures and as a file (S0-42..S0-45).

`page` answers the browser; `shown` makes of the figures what is read; `staff`
compares who works here; `numbers` is about the pool."""

from app.routes.analytics import numbers, staff
from app.routes.analytics.page import bp

__all__ = ["bp", "numbers", "staff"]
