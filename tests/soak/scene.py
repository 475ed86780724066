"""Scene: the two schools of a soak, who works there, and who has which phones."""

import random
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field

from app.database import db
from app.errors import Invalid, Unavailable
from app.models import OptOutReplies, ProviderAccount
from app.services import accounts
from tests.school import Member, School, Someone
from tests.soak.evidence import Evidence
from tests.stack import Stack

WRITERS, PEOPLE, SPARE_NUMBERS = 4, 30, 2  # of each school
# Phones that are no good: what the carrier does with their texts, and the code it gives.
BEHAVIOURS = ["undelivered", "failed", "slow", "landline"]


@dataclass
class Campus:
    """One school. `replies`: who answers STOP and START; where we do, the carrier obeys nothing."""

    school: School
    replies: OptOutReplies
    admin: Member
    writers: list[Member]
    numbers: list[str]  # ours
    people: list[Someone] = field(default_factory=list)
    behaviours: dict[str, str] = field(default_factory=dict)  # of their phones

    def save_account(self) -> None:
        """An admin saves the provider account: it sends again where it was stopped (D35)."""
        school = self.school
        with school.app.app_context():
            try:
                accounts.add(
                    school.id,
                    school.account_sid,
                    school.account_secret,
                    api_url=school.carrier.base_url,
                    opt_out_replies=self.replies,
                )
            finally:
                db.session.remove()

    def save_if_stopped(self) -> bool:
        """Whether it was, and could be saved: the provider is asked first."""
        with self.school.app.app_context():
            account = db.session.get_one(ProviderAccount, self.school.account_id)
            stopped = account.stopped_reason is not None
            db.session.remove()
        if stopped:
            with suppress(Invalid, Unavailable):
                self.save_account()
                return True
        return False


@contextmanager
def built(
    stack: Stack, evidence: Evidence, dice: random.Random, limit: int
) -> Iterator[list[Campus]]:
    """The two: one with a monthly limit whose carrier obeys STOP, one where only we do."""
    with ExitStack() as until_the_end:
        campuses = [
            _campus(until_the_end.enter_context(stack.school()), replies, most, dice)
            for replies, most in ((OptOutReplies.PROVIDER, limit), (OptOutReplies.OURS, None))
        ]
        for campus in campuses:
            for person in campus.people:
                evidence.note("people", school=campus.school.id, numbers=person.numbers)
        yield campuses


def _campus(
    school: School, replies: OptOutReplies, limit: int | None, dice: random.Random
) -> Campus:
    numbers = school.pool(WRITERS + SPARE_NUMBERS)
    school.carrier.change_account(
        school.account_sid, opt_out_handling=replies is OptOutReplies.PROVIDER, latency_ms=20
    )
    admin = school.admin()
    writers = [school.member(name=f"Writer{n} Lee") for n in range(WRITERS)]
    campus = Campus(school, replies, admin, writers, numbers)
    if limit is not None:
        school.settings(message_limit=limit)
    campus.save_account()
    for n in range(PEOPLE):
        phones = dice.choice([["mobile"], ["mobile"], ["mobile", "mobile"], ["mobile", "home"]])
        email = None if n % 10 == 9 else ""
        person = school.person(*phones, name=f"Person{n} Reyes", email=email)
        campus.people.append(person)
        behaviour = BEHAVIOURS[n] if n < len(BEHAVIOURS) else "delivered"
        campus.behaviours |= dict.fromkeys(person.numbers, behaviour)
    for number, behaviour in campus.behaviours.items():
        school.carrier.handset(number, behaviour=behaviour, seconds=1.5)
    return campus
