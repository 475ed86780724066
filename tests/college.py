"""College: an institution on a database that no process works on, for moments held in the hand."""

from contextlib import contextmanager

from sqlalchemy import update

from app.database import database_now, db, transaction
from app.models import ProviderAccount
from app.providers import InboundSms, Report
from app.rules.access import Can, Viewer
from app.services import (
    accounts,
    adding,
    claiming,
    gaps,
    people,
    receiving,
    sending,
    staff,
    tracking,
)
from app.services.dispatching import Draft

SID = "AC" + "1" * 32
OURS, THEIRS = "+15125550190", "+15125550147"


class College:
    """Dana, an advisor with a number to come, and Maya, a student with a phone."""

    def __init__(self, app):
        self.app = app
        with self.inside():
            gaps.beat()
            self.id = staff.create_institution("Northfield", "America/Chicago", "US")
            self.account = accounts.add(self.id, SID, "token", check=False)
            adding.add(self.id, [OURS], "http://127.0.0.1", check=False)
            self.dana, self.kim = self.viewer("Dana"), self.viewer("Kim")
            self.maya = self.person("Maya", THEIRS)

    @contextmanager
    def inside(self):
        """A context and a session of one's own, as every request and every job has."""
        with self.app.app_context():
            try:
                yield
            finally:
                db.session.remove()

    def viewer(self, name, role="Advisor", rights=tuple(Can)):
        email = f"{name.lower()}@northfield.example"
        staff_id = staff.create(self.id, email, name, [role], "a long password")
        return Viewer(staff_id, self.id, name, email, "UTC", "US", frozenset(rights))

    def person(self, name, *numbers, email=None):
        fields = {"kind": "student", "given_name": name, "family_name": "Torres", "email": email}
        return people.create(self.dana, fields, [(number, "mobile") for number in numbers])

    def text(self, body="Hello", by=None, to=None):
        return sending.to_person(by or self.dana, to or self.maya, Draft(body)).id

    def receive(self, body, sid="1"):
        return receiving.receive_many([InboundSms(SID, "SM" + sid * 32, THEIRS, OURS, body)])

    def many_numbers(self, count):
        """So many more in the pool."""
        more = [f"+1512557{n:04d}" for n in range(count)]
        adding.add(self.id, more, "http://127.0.0.1", check=False)

    def report(self, call, status, sid="f", error=""):
        """The provider's callback about a call, whatever came before it."""
        uuid = call.text.report_url.rpartition("/")[2]
        told = Report(SID, "SM" + sid * 32, status, status.word, error)
        tracking.report(self.account, uuid, told)

    def nothing_was_missed(self):
        """The provider was asked for texts that did not reach us, and had none."""
        with transaction():
            db.session.execute(update(ProviderAccount).values(imported_until=database_now(1)))

    def claimed(self, slots=10):
        """The messages that a worker may call now."""
        return [call.message_id for call in claiming.claim(self.account, slots)]
