"""Wire: Twilio's JSON, field by field. Numbers are strings, times RFC 2822.

Source: reference/protocol.md 1.1
"""

from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

from app.carrier.store import Account, Number, Registered, Text

API_VERSION = "2010-04-01"

_MEANINGS = {
    30001: "Queue overflow",
    30003: "Unreachable destination handset",
    30004: "Message blocked",
    30005: "Unknown destination handset",
    30006: "Landline or unreachable carrier",
    30007: "Message filtered",
    30008: "Unknown error",
}

# A number's settings as Twilio names them in forms; the JSON has them in snake_case.
NUMBER_SETTINGS = {
    "FriendlyName": "friendly_name",
    "SmsUrl": "sms_url",
    "SmsMethod": "sms_method",
    "SmsFallbackUrl": "sms_fallback_url",
    "SmsFallbackMethod": "sms_fallback_method",
    "SmsApplicationSid": "sms_application_sid",
    "VoiceUrl": "voice_url",
    "VoiceMethod": "voice_method",
    "VoiceFallbackUrl": "voice_fallback_url",
    "VoiceFallbackMethod": "voice_fallback_method",
    "StatusCallback": "status_callback",
    "StatusCallbackMethod": "status_callback_method",
}


class TwilioError(Exception):
    """A refusal with Twilio's code; `status` is the HTTP status."""

    def __init__(self, code: int, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code, self.message, self.status = code, message, status

    def as_json(self) -> dict[str, Any]:
        return {
            "code": self.code,
            "message": self.message,
            "more_info": f"https://www.twilio.com/docs/errors/{self.code}",
            "status": self.status,
        }


def account_path(sid: str) -> str:
    return f"/{API_VERSION}/Accounts/{sid}"


def media_path(text: Text, media_sid: str) -> str:
    return f"{account_path(text.account_sid)}/Messages/{text.sid}/Media/{media_sid}"


def message_json(text: Text) -> dict[str, Any]:
    path = f"{account_path(text.account_sid)}/Messages/{text.sid}"
    return {
        "sid": text.sid,
        "account_sid": text.account_sid,
        "messaging_service_sid": None,
        "from": text.sender,
        "to": text.recipient,
        "body": text.body,
        "status": text.status,
        "direction": text.direction,
        "num_segments": str(text.segments),
        "num_media": str(len(text.media)),
        "price": None,
        "price_unit": "USD",
        "error_code": text.error_code,
        "error_message": _MEANINGS.get(text.error_code or 0),
        "date_created": rfc2822(text.created),
        "date_updated": rfc2822(text.updated),
        "date_sent": rfc2822(text.sent),
        "api_version": API_VERSION,
        "uri": f"{path}.json",
        "subresource_uris": {
            "media": f"{path}/Media.json",
            "feedback": f"{path}/Feedback.json",
        },
    }


def media_json(text: Text, sid: str, content_type: str) -> dict[str, Any]:
    return {
        "sid": sid,
        "account_sid": text.account_sid,
        "parent_sid": text.sid,
        "content_type": content_type,
        "date_created": rfc2822(text.created),
        "date_updated": rfc2822(text.updated),
        "uri": f"{media_path(text, sid)}.json",
    }


def number_json(number: Number) -> dict[str, Any]:
    methods = {name: "POST" for name in NUMBER_SETTINGS.values() if name.endswith("_method")}
    urls = {name: "" for name in NUMBER_SETTINGS.values() if not name.endswith("_method")}
    return {
        "sid": number.sid,
        "account_sid": number.account_sid,
        "phone_number": number.e164,
        **(urls | methods | {"friendly_name": number.e164} | number.settings),
        "voice_application_sid": "",
        "voice_caller_id_lookup": False,
        "voice_receive_mode": "voice",
        "address_requirements": "none",
        "address_sid": None,
        "bundle_sid": None,
        "identity_sid": None,
        "trunk_sid": None,
        "emergency_status": "Inactive",
        "emergency_address_sid": None,
        "emergency_address_status": "unregistered",
        "beta": False,
        "capabilities": {"voice": True, "sms": True, "mms": True, "fax": False},
        "origin": "twilio",
        "status": "in-use",
        "type": "local",
        "date_created": rfc2822(number.created),
        "date_updated": rfc2822(number.updated),
        "api_version": API_VERSION,
        "uri": f"{account_path(number.account_sid)}/IncomingPhoneNumbers/{number.sid}.json",
    }


def account_json(account: Account, suspended: bool) -> dict[str, Any]:
    path = account_path(account.sid)
    return {
        "sid": account.sid,
        "owner_account_sid": account.sid,
        "friendly_name": "Practice account",
        "auth_token": account.token,
        "status": "suspended" if suspended else "active",
        "type": "Full",
        "date_created": rfc2822(account.created),
        "date_updated": rfc2822(account.created),
        "uri": f"{path}.json",
        "subresource_uris": {
            "messages": f"{path}/Messages.json",
            "incoming_phone_numbers": f"{path}/IncomingPhoneNumbers.json",
        },
    }


def registered_json(found: Registered, base_url: str) -> dict[str, Any]:
    """A resource of Twilio's newer API: times are ISO 8601 there."""
    times = {"date_created": iso8601(found.created), "date_updated": iso8601(found.updated)}
    known = {"sid": found.sid, "account_sid": found.account_sid}
    return {**known, **found.fields, **times, "url": f"{base_url}{found.path}"}


def iso8601(at: float) -> str:
    return f"{datetime.fromtimestamp(int(at), UTC):%Y-%m-%dT%H:%M:%SZ}"


def rfc2822(at: float | None) -> str | None:
    return None if at is None else format_datetime(datetime.fromtimestamp(int(at), UTC))
