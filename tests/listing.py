"""Listing: messages for the overview to find, and what is in them."""

from typing import Any

from sqlalchemy import select

from app.database import db
from app.models import Direction, Message
from app.rules.access import Can
from tests.college import College
from tests.school import School

ALL = [Can.TEXT_REPLY, Can.INBOX_ALL]
KIMS = ["Kim here, about the letter", "Are you well?", "Bring the letter"]
DANAS = ["Your scholarship letter", "See you there", "The café opens at nine", "Hello"]


def a_term(school: School) -> dict[str, Any]:
    """Something of everything, said by Dana and Kim; the holder of a number has texted Noor."""
    dana, ours = school.holder()
    school.pool(1)
    kim = school.member(name="Kim Alvarez")
    maya, tomas = school.person("mobile"), school.person("mobile", name="Tomás Herrera")
    pat, nobody = school.person(name="Pat Reed"), school.person(name="Bo Lind", email=None)
    school.carrier.handset(tomas.numbers[0], behaviour="undelivered", code=30005)
    arrived = dana.send(maya, "The café opens at nine")
    dana.settled(arrived["id"], "delivered")
    school.texts(maya.numbers[0], ours, "See you there")
    failed = dana.send(tomas, "Your scholarship letter")
    dana.settled(failed["id"], "undelivered")
    mailed, unsent = kim.send(pat, "Bring the letter"), kim.send(nobody, "Are you well?")
    kim.settled(mailed["id"], "sent")
    kims = kim.send(maya, "Kim here, about the letter")
    kim.settled(kims["id"], "delivered")
    return {"dana": dana, "kim": kim, "ours": ours, "maya": maya, "tomas": tomas, "unsent": unsent}


def a_row(college: College) -> dict[str, Any]:
    """What messages of Dana's have in common, for the many that are put into the table as rows."""
    with college.inside():
        college.text()
        found = db.session.execute(select(Message.conversation_id)).scalar_one()
    made = {
        "institution_id": college.id,
        "conversation_id": found,
        "staff_id": college.dana.staff_id,
    }
    return {**made, "direction": Direction.OUTBOUND, "decision": [], "body": "Hello"}
