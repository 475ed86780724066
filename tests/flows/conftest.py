"""Flows are told on the running stack."""

from tests.stack import school, stack

__all__ = ["school", "stack"]
