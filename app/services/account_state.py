"""Account state: how the provider account is doing, as people who look after it read it."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from app.database import database_now, db
from app.models import Direction, Message, OptOutReplies, ProviderAccount
from app.rules.access import Viewer
from app.rules.addresses import Webhooks
from app.services import adding, gaps


@dataclass(frozen=True, slots=True)
class State:
    """`tone`: text | warn | bad. `heard_at`: the latest inbound text; None: none yet. `ours`: we
    answer keywords, not the provider."""

    sid: str
    tone: str
    word: str
    meaning: str
    imported_at: datetime
    saved_at: datetime
    heard_at: datetime | None
    ours: bool
    api_url: str | None
    webhooks: Webhooks


def of(viewer: Viewer, public_url: str) -> State | None:
    """None while the institution has no account."""
    latest = (
        select(Message.created_at)
        .where(
            Message.institution_id == viewer.institution_id,
            Message.direction == Direction.INBOUND,
        )
        .order_by(Message.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    paused_now = ProviderAccount.paused_until > database_now()
    row = db.session.execute(
        select(ProviderAccount, paused_now, gaps.may_deliver(), latest)
        .where(ProviderAccount.institution_id == viewer.institution_id)
        .order_by(ProviderAccount.id)
        .limit(1)
    ).first()
    if row is None:
        return None
    account, paused, may_deliver, heard = row
    return State(
        account.account_sid,
        *_said(account, bool(paused), bool(may_deliver)),
        account.imported_until,
        account.saved_at,
        heard,
        account.opt_out_replies is OptOutReplies.OURS,
        account.api_url,
        adding.webhooks(public_url),
    )


def _said(account: ProviderAccount, paused: bool, may_deliver: bool) -> tuple[str, str, str]:
    if account.stopped_reason:
        why = f"{account.stopped_reason.rstrip('.')}. Texts wait until the account is saved again."
        return "bad", "Stopped", why
    if paused:
        return (
            "warn",
            "Paused",
            "Twilio asked for a rest. Texts wait, and go on by themselves.",
        )
    if not may_deliver:
        why = "Texts that came in meanwhile are fetched first, because a STOP may be among them."
        return "warn", "Catching up", why
    return "text", "Sending", "Texts go out and come in."
