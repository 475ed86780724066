"""Configuration: the pages "SMS Configuration", a tab each (S3-2, S3-3)."""

from app.routes.configuration import connection, emails, general, numbers, twilio
from app.routes.configuration.frame import bp

__all__ = ["bp", "connection", "emails", "general", "numbers", "twilio"]
