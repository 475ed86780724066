"""Account state: how the provider account is doing, as people who look after it read it."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from app.database import database_now, db
from app.errors import NotFound, ProviderError
from app.models import Direction, Message, OptOutReplies, ProviderAccount, SenderNumber
from app.providers import Webhooks
from app.rules.access import Viewer
from app.rules.phones import pretty
from app.services import accounts, adding, gaps

_ASKED = 50  # numbers in one check


@dataclass(frozen=True, slots=True)
class State:
    """`tone`: text | warn | bad. `heard_at`: the latest inbound text; None: none yet."""

    sid: str
    tone: str
    word: str
    meaning: str
    imported_at: datetime
    heard_at: datetime | None
    answers: str
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
    ours = account.opt_out_replies is OptOutReplies.OURS
    return State(
        account.account_sid,
        *_said(account, bool(paused), bool(may_deliver)),
        account.imported_until,
        heard,
        "Replyline answers STOP, START and HELP." if ours else "Twilio answers STOP, START, HELP.",
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


@dataclass(frozen=True, slots=True)
class Checked:
    """One number and what the provider does with its texts. `tone`: text | warn | bad."""

    number: str
    tone: str
    told: str


def ask(viewer: Viewer, public_url: str) -> list[Checked]:
    """Ask the provider about the webhooks of each number in the pool; at most 50 of them.

    Holds no transaction while it asks. What cannot be asked is told, never raised.
    """
    try:
        provider = accounts.provider_of(accounts.of_institution(viewer.institution_id))
    except NotFound as error:
        return [Checked("", "bad", str(error))]
    rows = db.session.execute(
        select(SenderNumber.e164)
        .where(
            SenderNumber.institution_id == viewer.institution_id,
            SenderNumber.retired_at.is_(None),
        )
        .order_by(SenderNumber.id)
        .limit(_ASKED)
    )
    ours, wanted = list(rows.scalars()), adding.webhooks(public_url)
    db.session.rollback()
    found = []
    for e164 in ours:
        try:
            told = _compared(provider.webhooks(e164), wanted)
        except ProviderError as error:
            told = ("bad", f"The provider could not be asked: {error}.")
        found.append(Checked(pretty(e164, viewer.region), *told))
    return found


def _compared(found: Webhooks | None, wanted: Webhooks) -> tuple[str, str]:
    if found is None:
        return "bad", "The account does not own this number any more."
    inbound, fallback = (url.partition("#")[0] for url in (found.inbound, found.fallback))
    if inbound != wanted.inbound:
        return "bad", f"Texts go to {inbound or 'nowhere'}, not to Replyline."
    if fallback != wanted.fallback:
        return "warn", "Texts come in; the second address, for when the first is away, is missing."
    return "text", "Texts come in here."
