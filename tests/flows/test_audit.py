"""What leaves a trace: reading a colleague's conversation (D3)."""

import pytest
from sqlalchemy import select

from app.database import db
from app.models import AuditEntry


@pytest.fixture
def traces(school):
    def read() -> list[tuple[str, str, int | None]]:
        with school.app.app_context():
            rows = db.session.execute(
                select(AuditEntry.action, AuditEntry.subject, AuditEntry.staff_id).where(
                    AuditEntry.institution_id == school.id,
                    AuditEntry.action == "conversation.read",
                )
            )
            found = [tuple(row) for row in rows]
            db.session.remove()
            return found

    return read


def test_d3_an_administrator_who_reads_an_advisors_conversation_leaves_a_trace(school, traces):
    school.pool(1)
    dana, priya = school.member(), school.admin()
    thread = dana.send(school.person("mobile"))["conversation_id"]
    dana.thread(thread)
    assert traces() == []
    priya.thread(thread)
    assert traces() == [("conversation.read", f"conversation:{thread}", priya.id)]
