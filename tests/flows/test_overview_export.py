"""The export of the overview: all that is found, as it is seen and no more, each row once, with a
trace of it (S0-35..S0-38, S4-11)."""

from datetime import datetime, timedelta

from sqlalchemy import insert, select, update

from app import clock
from app.database import db, transaction
from app.models import Message
from app.rules.dispatch import Channel
from app.rules.lifecycle import Status
from app.services import overview
from app.services.exporting import BATCH
from app.services.overview import Sort, Wanted
from tests.counting import queries
from tests.listing import ALL, DANAS, KIMS, a_row, a_term
from tests.reading import table_of


def test_what_is_filtered_is_exported_and_written_down(school):
    """All of it, as it is seen and no more; nothing in it is a formula; a right of its own
    (S0-35..S0-38)."""
    term, admin = a_term(school), school.admin()
    dana = term["dana"]
    dana.settled(dana.send(term["maya"], "=1+1 is what you owe")["id"], "delivered")
    with school.browser(admin) as browser:
        everything = table_of(browser.get("/messages/export"))
        assert [row["Text"] for row in everything] == ["'=1+1 is what you owe", *KIMS, *DANAS]
        (failed,) = table_of(browser.get("/messages/export?status=undelivered"))
        found = (failed["Name"], failed["SMS status"], failed["Error code"], failed["Type"])
        assert found == ("Tomás Herrera", "Undelivered", "30005", "SMS out")
        assert (failed["Provider"], failed["Error"]) == ("Twilio", "Number not in use")
        sent = datetime.fromisoformat(failed["Sent on (UTC)"])
        assert timedelta(0) < clock.now() - sent < timedelta(hours=1)
        assert failed["Phone"] == f"'{term['tomas'].numbers[0]}"
        assert "/messages/export" in browser.get("/messages").text
        assert "exported messages" in browser.get("/audit?kind=exports").text
    with school.browser(dana) as browser:
        assert browser.get("/messages/export").status_code == 403
        assert "/messages/export" not in browser.get("/messages").text


def test_an_export_reads_its_rows_at_once(school):
    """However many rows: one statement for some hundred of them, none for each."""
    dana = a_term(school)["dana"]
    with school.app.app_context(), queries() as asked:
        rows = list(overview.export(school.viewer(dana, ALL), Wanted()))
        assert [row.message.body for row in rows] == KIMS + DANAS
        assert {row.person.name for row in rows if row.person} > {"Pat Reed", "Tomás Herrera"}
    assert len([each for each in asked if each.startswith("SELECT")]) == 2  # the last finds none


def test_an_export_has_each_row_once_while_statuses_change(college):
    """S4-11: also where the page is in the order of status."""
    row = a_row(college)
    with college.inside():
        with transaction():
            text = {**row, "channel": Channel.SMS, "status": Status.SENT}
            at = clock.now() - timedelta(hours=1)
            rows = [{**text, "created_at": at} for _ in range(2 * BATCH)]
            db.session.execute(insert(Message), rows)
        everything = set(db.session.execute(select(Message.id)).scalars())
        ids = []
        for listed in overview.export(college.dana, Wanted(sort=Sort.STATUS)):
            ids.append(listed.message.id)
            if len(ids) == BATCH:  # before the next ones are read
                with transaction():
                    early = Message.id.in_(ids[:300])
                    db.session.execute(update(Message).where(early).values(status=Status.ACCEPTED))
                    late = Message.id.in_(sorted(everything - set(ids))[:300])
                    db.session.execute(update(Message).where(late).values(status=Status.DELIVERED))
        assert len(ids) == len(everything)
        assert set(ids) == everything
