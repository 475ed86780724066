"""Email faults: a mail server that is away, and a worker that dies with a mail in its hands."""

import socket

import pytest
from sqlalchemy import select, update

from app.database import database_now, db, transaction
from app.models import Email, ProviderAccount
from tests.helpers import until
from tests.school import School
from tests.stack import Stack

MAILS = 5


def emails(school: School) -> list[Email]:
    """As they stand in the database, in the order they were written."""
    with school.app.app_context():
        mine = select(Email).where(Email.institution_id == school.id).order_by(Email.id)
        found = list(db.session.execute(mine).scalars())
        db.session.remove()
    return found


@pytest.mark.parametrize("server", ["gone", "says 421"])
def test_emails_wait_for_the_mail_server_and_go_once(stack: Stack, school: School, server):
    """F58, S3-86: shown as queued meanwhile. It hangs up on everybody, or nobody listens."""
    dana = school.member()
    people = [school.person() for _ in range(MAILS)]

    def write_and_wait() -> list[int]:
        sent = [dana.send(person)["id"] for person in people]
        until(lambda: all(email.tries >= 2 and email.error for email in emails(school)))
        assert school.under_way() == {"queued": MAILS}
        return sent

    if server == "gone":
        with stack.without(stack.pid("carrier")):
            sent = write_and_wait()
    else:
        school.mailbox.refuse("*", 421)
        sent = write_and_wait()
        school.mailbox.accept_all()
    for message in sent:
        dana.settled(message, "sent")
    assert [len(school.mails(person.email)) for person in people] == [1] * MAILS


def test_a_provider_that_is_silent_holds_up_no_mail(school: School):
    """F34: it is asked again and again for texts that got lost; meanwhile mail goes as ever."""
    dana, devon = school.member(), school.person()
    with school.another() as other, socket.create_server(("127.0.0.1", 0), backlog=100) as silent:
        port = silent.getsockname()[1]
        with school.app.app_context():
            with transaction():
                hers = update(ProviderAccount).where(ProviderAccount.id == other.account_id)
                api = f"http://127.0.0.1:{port}"
                db.session.execute(hers.values(api_url=api, imported_until=database_now(-9999)))
            db.session.remove()
        callers = [silent.accept()[0]]
        silent.setblocking(False)
        for _ in range(20):
            dana.settled(dana.send(devon)["id"], "sent")
        callers += iter(lambda: _caller(silent), None)
        assert len(callers) < 10
        other.resume()


def _caller(server: socket.socket) -> socket.socket | None:
    try:
        return server.accept()[0]
    except BlockingIOError:
        return None


@pytest.mark.parametrize(("point", "copies"), [("email.claimed", 1), ("email.handed_over", 2)])
def test_an_email_is_not_lost_with_its_worker(stack: Stack, school: School, point, copies):
    """F58: it is sent again when the lease has run out. Where the mail server had it already nobody
    can know that: it comes twice, under one Message-ID, which is all that mail offers."""
    dana, devon = school.member(), school.person()
    stack.kill_at(point)
    message = dana.send(devon)["id"]
    until(lambda: stack.was_killed_at(point))
    with school.app.app_context():
        with transaction():  # two minutes later
            mine = update(Email).where(Email.institution_id == school.id)
            db.session.execute(mine.values(lease_until=database_now(-1)))
        db.session.remove()
    dana.settled(message, "sent")
    mails = school.mails(devon.email)
    assert len(mails) == copies
    assert {mail["message_id"] for mail in mails} == {emails(school)[0].message_header}
