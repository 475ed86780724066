"""Messages: the overview of every message, and what is done from there (S4-1..S4-52)."""

from app.routes.messages import export, listing, one, queue, send
from app.routes.messages.frame import bp

__all__ = ["bp", "export", "listing", "one", "queue", "send"]
