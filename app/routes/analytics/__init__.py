"""Analytics: what went and came in a period, as a page with pictures and as a file (S0-42..S0-45).

`page` answers the browser; `shown` makes of the figures what is read."""

from app.routes.analytics.page import bp

__all__ = ["bp"]
