"""Configuration: the pages "SMS Configuration", a tab each (S3-2, S3-3)."""

from app.routes.configuration import emails, general, numbers, twilio
from app.routes.configuration.frame import bp

__all__ = ["bp", "emails", "general", "numbers", "twilio"]
