"""Own numbers: those of the pool beside those that the provider account owns, and what is done
where the two differ."""

from dataclasses import dataclass

from sqlalchemy import select

from app.database import db, retrying, transaction
from app.errors import Invalid, NotFound, ProviderError
from app.models import ProviderAccount, SenderNumber
from app.providers import Owned
from app.rules import addresses
from app.rules.access import Viewer
from app.rules.addresses import State
from app.services import accounts, adding
from app.services.audit import audit

_ORDER = (State.ABSENT, State.ASTRAY, State.HALF, State.UNKNOWN, State.RIGHT)


@dataclass(frozen=True, slots=True)
class Compared:
    """One number on both sides. `id`: None where it is not in the pool. `astray`: which of its
    addresses are not ours. `texts`: whether it can send any."""

    e164: str
    id: int | None
    state: State
    told: str
    astray: list[str]
    texts: bool = True


def of(viewer: Viewer, public_url: str) -> list[Compared]:
    """As `compared`; NotFound where there is no account yet."""
    account = accounts.of_institution(viewer.institution_id)
    return compared(account.id, public_url)


def compared(account_id: int, public_url: str) -> list[Compared]:
    """Every number of an account and of the pool, except for retired ones; what is to be done
    comes first. Holds no transaction while the provider is asked. Raises ProviderError."""
    rows = db.session.execute(
        select(SenderNumber.e164, SenderNumber.id, SenderNumber.retired_at).where(
            SenderNumber.provider_account_id == account_id
        )
    ).all()
    provider = accounts.provider(account_id)
    db.session.rollback()
    there = {owned.e164: owned for owned in provider.owned()}
    retired = {e164 for e164, _, at in rows if at}
    ours = {e164: id_ for e164, id_, at in rows if not at}
    found = [_compared(e164, id_, there.get(e164), public_url) for e164, id_ in ours.items()]
    found += [_unknown(there[e164]) for e164 in there.keys() - ours.keys() - retired]
    return sorted(found, key=lambda each: (_ORDER.index(each.state), each.e164))


def _compared(e164: str, id_: int, there: Owned | None, public_url: str) -> Compared:
    if there is None:
        told = "The account does not own this number, so no text leaves from it."
        return Compared(e164, id_, State.ABSENT, told, [])
    wanted, found = adding.webhooks(public_url), there.webhooks
    service = there.service.name if there.service else ""
    state, told = addresses.state_of(found, wanted), addresses.told(found, wanted, service)
    return Compared(e164, id_, state, told, addresses.strays(found, wanted), there.texts)


def _unknown(there: Owned) -> Compared:
    told = (
        "The account owns it, and it is not in the pool."
        if there.texts
        else "The account owns it, but it cannot send texts."
    )
    return Compared(there.e164, None, State.UNKNOWN, told, [], there.texts)


def set_right(viewer: Viewer, number_id: int, public_url: str) -> str:
    """Point a number of the pool at our webhooks, whatever took its texts before; the number.

    Raises NotFound for another institution's or a retired one, Invalid where the provider does not
    do it.
    """
    number = db.session.get(SenderNumber, number_id)
    if number is None or number.institution_id != viewer.institution_id or number.retired_at:
        raise NotFound("There is no such number.")
    e164, provider = number.e164, accounts.provider(number.provider_account_id)
    db.session.rollback()  # nothing is held while the provider is asked
    try:
        owned = next((each for each in provider.owned() if each.e164 == e164), None)
        if owned and owned.service:
            provider.free_from_service(owned.service.sid)
    except ProviderError as error:
        raise Invalid("number", f"The provider could not be asked: {error}.") from None
    sid = adding.connect(provider, e164, public_url)
    _note_connected(viewer, number_id, sid, owned.service.name if owned and owned.service else None)
    return e164


@retrying
def _note_connected(viewer: Viewer, number_id: int, sid: str, service: str | None) -> None:
    with transaction():
        number = db.session.get_one(SenderNumber, number_id)
        number.provider_sid = sid
        detail = {"service": service} if service else {}
        about = f"number:{number_id}"
        audit(viewer.institution_id, "number.connected", about, viewer.staff_id, **detail)


def account_of(viewer: Viewer) -> ProviderAccount | None:
    """The institution's account; None while it has none."""
    try:
        return accounts.of_institution(viewer.institution_id)
    except NotFound:
        return None
