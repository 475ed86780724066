"""Adding: numbers that the provider account owns come into the pool, and their webhooks to us."""

from collections.abc import Callable

from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError

from app import clock
from app.database import db, retrying, transaction
from app.errors import Conflict, Invalid, NotFound, ProviderError, ProviderRefused
from app.events import Event, publish
from app.models import (
    Institution,
    SenderNumber,
)
from app.providers import Provider
from app.rules import phones
from app.rules.access import Can, Viewer
from app.rules.addresses import Webhooks
from app.services import accounts
from app.services.audit import audit


@retrying
def add(
    institution_id: int,
    typed: list[str],
    public_url: str,
    *,
    check: bool = True,
    by: Viewer | None = None,
) -> list[int]:
    """Put owned numbers into the pool and point them at our webhooks; their ids.

    Raises Invalid for numbers that are not ours at the provider, Conflict for those that are in a
    pool already; the message names each one. All or none.
    """
    institution = db.session.get(Institution, institution_id)
    if institution is None:
        raise NotFound(f"There is no institution {institution_id}.")
    account = accounts.of_institution(institution_id)
    found = _each(typed, lambda text: _parsed(text, institution.region))
    _refuse_known(found, institution.region)
    account_id, provider = account.id, accounts.provider_of(account)
    db.session.rollback()  # nothing is held while the provider is asked
    sids: list[str] | list[None] = [None] * len(found)
    if check:
        sids = _each(found, lambda e164: connect(provider, e164, public_url))
    now = clock.now()
    try:
        with transaction():
            rows = [
                {
                    "institution_id": institution_id,
                    "provider_account_id": account_id,
                    "e164": e164,
                    "provider_sid": sid,
                    "created_at": now,
                }
                for e164, sid in zip(found, sids, strict=True)
            ]
            added = db.session.execute(insert(SenderNumber).returning(SenderNumber.id), rows)
            ids = list(added.scalars())
            for number_id in ids:
                staff_id = by.staff_id if by else None
                audit(institution_id, "number.added", f"number:{number_id}", staff_id)
            publish(institution_id, Event("number.added", {}, (Can.NUMBERS_MANAGE.value,)))
            publish(institution_id, Event("usage.changed", {}, ("everybody",)))
            return ids
    except IntegrityError:
        raise Conflict("One of these numbers is in a pool already.", code="number_exists") from None


def _each(given: list[str], act: Callable[[str], str]) -> list[str]:
    """What `act` makes of each one. Raises Invalid that names all that are wrong, in their
    order."""
    done, wrong = [], []
    for one_ in given:
        try:
            done.append(act(one_))
        except Invalid as error:
            wrong.append(error)
    if wrong:
        told = "\n".join(str(error) for error in wrong)
        raise Invalid("number", told, code=wrong[0].code)
    return done


def _refuse_known(found: list[str], region: str) -> None:
    known = db.session.execute(select(SenderNumber.e164).where(SenderNumber.e164.in_(found)))
    twice = {e164 for e164 in found if found.count(e164) > 1}
    if names := [phones.pretty(e164, region) for e164 in sorted({*known.scalars(), *twice})]:
        told = "\n".join(f"{name} is in a pool already, or stands here twice." for name in names)
        raise Conflict(told, code="number_exists")


def _parsed(typed: str, region: str) -> str:
    e164 = phones.parse(typed, region)
    if isinstance(e164, phones.BadNumber):
        raise Invalid("number", e164.message, code="invalid_number")
    return e164


def webhooks(public_url: str) -> Webhooks:
    """Where the provider is to send what comes to a number of ours (contract 3)."""
    inbound = f"{public_url}/webhooks/twilio/inbound"
    return Webhooks(inbound, inbound, f"{public_url}/webhooks/twilio/voice")


def connect(provider: Provider, e164: str, public_url: str) -> str:
    """Point a number at our webhooks; its id at the provider. Raises Invalid where that is not
    done."""
    hooks = webhooks(public_url)
    try:
        return provider.connect_number(e164, hooks.inbound, hooks.voice)
    except ProviderRefused:
        raise Invalid("number", f"{e164} does not belong to the provider account.") from None
    except ProviderError as error:
        raise Invalid("number", f"The provider could not be asked about {e164}: {error}.") from None
