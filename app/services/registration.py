"""Registration: what carriers were told about the institution and its numbers, as far as the
provider tells it."""

from dataclasses import dataclass

from sqlalchemy import select

from app.database import db
from app.errors import ProviderRefused
from app.models import SenderNumber
from app.providers import Registrations
from app.rules.access import Viewer
from app.rules.registration import STAGE, Group, Stage, groups
from app.services import accounts


@dataclass(frozen=True, slots=True)
class Registered:
    """`found` None: this provider does not tell. `numbers`: those of the pool, by what is said
    about them."""

    found: Registrations | None
    numbers: list[Group]


def of(viewer: Viewer) -> Registered:
    """Asks the provider, and holds no transaction meanwhile. Raises NotFound without an account,
    ProviderError where there was no answer."""
    account = accounts.of_institution(viewer.institution_id)
    provider = accounts.provider_of(account)
    rows = db.session.execute(
        select(SenderNumber.e164)
        .where(SenderNumber.provider_account_id == account.id, SenderNumber.retired_at.is_(None))
        .order_by(SenderNumber.e164)
    )
    ours = list(rows.scalars())
    db.session.rollback()
    try:
        found = provider.registrations()
    except ProviderRefused:
        return Registered(None, [])
    return Registered(found, groups(ours, _stages(found)))


def _stages(found: Registrations) -> dict[str, Stage]:
    """Of each number that is named, the furthest."""
    named = [(e164, c.status) for c in found.campaigns for e164 in c.numbers]
    named += [(v.e164, v.status) for v in found.verifications]
    stages: dict[str, Stage] = {}
    for e164, status in named:
        stages[e164] = max(stages.get(e164, Stage.NONE), STAGE.get(status, Stage.NONE))
    return stages
