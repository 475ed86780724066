"""Provider: webhooks written by hand and signed as Twilio signs them, for what no phone can
type."""

import secrets
from dataclasses import dataclass
from typing import Any

import httpx
from sqlalchemy import func, select
from twilio.request_validator import RequestValidator

from app.database import Base, db
from tests.school import School

FORM = "application/x-www-form-urlencoded"


def new_sid(prefix: str = "SM") -> str:
    return prefix + secrets.token_hex(16)


@dataclass(frozen=True, slots=True)
class Provider:
    """The provider of one school, speaking to our webhooks."""

    school: School

    def text(self, from_: str, to: str, body: str, **fields: str) -> dict[str, str]:
        """The form of an inbound text; `fields` change or add some."""
        sid = new_sid()
        return {
            "MessageSid": sid,
            "SmsSid": sid,
            "AccountSid": self.school.account_sid,
            "From": from_,
            "To": to,
            "Body": body,
            "NumMedia": "0",
            "NumSegments": "1",
            **fields,
        }

    def report(self, sid: str, status: str, **fields: str) -> dict[str, str]:
        """The form of a status callback."""
        return {
            "MessageSid": sid,
            "AccountSid": self.school.account_sid,
            "MessageStatus": status,
            **fields,
        }

    def signature(self, url: str, form: dict[str, str], secret: str | None = None) -> str:
        validator = RequestValidator(secret or self.school.account_secret)
        return str(validator.compute_signature(url, form))

    def post(
        self,
        form: dict[str, str],
        path: str = "inbound",
        *,
        secret: str | None = None,
        signed_url: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> httpx.Response:
        """Call a webhook of ours. `signed_url`, `secret`: signed wrongly."""
        url = f"{self.school.url}/webhooks/twilio/{path}"
        signature = self.signature(signed_url or url, form, secret)
        sent = {"X-Twilio-Signature": signature, **(headers or {})}
        return httpx.post(url, data=form, headers=sent, timeout=30, trust_env=False)


def row_counts(school: School) -> dict[str, int]:
    """How many rows of this school each table holds: "no change" means the same before and
    after."""
    tables: dict[str, Any] = {
        name: table for name, table in Base.metadata.tables.items() if "institution_id" in table.c
    }
    with school.app.app_context():
        counts = {
            name: db.session.execute(
                select(func.count()).select_from(table).where(table.c.institution_id == school.id)
            ).scalar_one()
            for name, table in tables.items()
        }
        db.session.remove()
    return counts
