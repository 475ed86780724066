"""Reasons: why a message goes the way it goes, by name (D30). The words for them are in `words`."""

from enum import StrEnum


class Reason(StrEnum):
    # Why not as a text, in the order in which they are tried.
    SMS_DISABLED = "sms_disabled"
    NO_PHONE = "no_phone"
    OPTED_OUT = "opted_out"
    DISABLED_BY_STAFF = "disabled_by_staff"
    NUMBER_INVALID = "number_invalid"
    OPTED_OUT_BY_DEFAULT = "opted_out_by_default"
    NO_TEXTABLE_PHONE = "no_textable_phone"
    CARRIER_BLOCKED = "carrier_blocked"
    NUMBER_LIMIT_REACHED = "number_limit_reached"
    POOL_EMPTY = "pool_empty"
    MESSAGE_LIMIT_REACHED = "message_limit_reached"
    # After a text that failed.
    DELIVERY_FAILED = "delivery_failed"
    # Of an answer that nobody writes: its org unit has nobody who stands for it (S4-21).
    INVALID_REPRESENTATIVE = "invalid_representative"
    # Why this phone.
    ENABLED_PHONE = "enabled_phone"
    DEFAULT_PHONE = "default_phone"
    CHOSEN_PHONE = "chosen_phone"
    REPLY = "reply"
