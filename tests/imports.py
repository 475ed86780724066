"""Imports: what the tests of imported people say and ask."""

import io
import zipfile

from sqlalchemy import select

from app.database import db
from app.models import ImportRun, Person
from app.services import import_claims, import_reports, import_runs, importing
from app.services.import_runs import Choice
from tests.helpers import until

HEAD = "ID,First name,Last name,Email,Mobile phone,Home phone\n"
OVER = ("done", "asking", "failed", "stopped")

ORGS = "sourcedId,status,name,type\no1,,Northfield High,school\n"
USERS_11 = (
    "sourcedId,status,enabledUser,orgSourcedIds,role,username,givenName,familyName,email,sms,phone,"
    "agentSourcedIds\n"
    's1,active,true,o1,student,s,Maya,Torres,maya@x.edu,{sms},{phone},"g1,t1"\n'
    "g1,active,true,o1,guardian,g,Ana,Torres,,{guardian},,\n"
    "t1,active,true,o1,teacher,t,Dana,Whitfield,{dana},,,\n"
    "s2,active,false,o1,student,x,Gone,Student,,,,\n"
)
USERS_12 = (
    "sourcedId,enabledUser,username,givenName,familyName,email,sms,phone,agentSourcedIds,"
    "preferredGivenName\n"
    's1,true,s,Maya,Torres,maya@x.edu,{sms},{phone},"g1,t1",\n'
    "g1,true,g,Ana,Torres,,{guardian},,,\n"
    "t1,true,t,Dana,Whitfield,{dana},,,,\n"
    "s2,false,x,Gone,Student,,,,,\n"
)
ROLES_12 = (
    "sourcedId,userSourcedId,roleType,role,beginDate,orgSourcedId\n"
    "r1,s1,primary,student,,o1\nr2,g1,primary,guardian,,o1\n"
    "r3,t1,secondary,student,,o1\nr4,t1,primary,teacher,,o1\n"
)


def imported(school, text, member=None, files=None, **choice):
    """What became of this file, once something has."""
    api = (member or school.admin()).api
    given = files or {"people.csv": text}
    body = {"files": [{"name": name, "text": said} for name, said in given.items()], **choice}
    answer = api.post("/imports", json=body)
    assert answer.status_code == 201, answer.text
    return settled(school, answer.json()["id"])


def settled(school, import_id):
    return until(lambda: (found := one(school, import_id))["state"] in OVER and found)


def one(school, import_id):
    return school.admin().api.get(f"/imports/{import_id}").json()


def rows(school, run, **query):
    answer = school.admin().api.get(f"/imports/{run['id']}/rows", params={"limit": 200, **query})
    return [(row["line"], row["outcome"], row["reason"]) for row in answer.json()["items"]]


def person(school, source_id):
    found = school.admin().api.get("/people", params={"source_id": source_id}).json()["items"]
    return found[0] if found else None


def numbers(found):
    return {(phone["number"], phone["type"]) for phone in found["phones"]}


def line(source_id, first="Maya", last="Torres", email="", mobile="", home=""):
    return f"{source_id},{first},{last},{email},{mobile},{home}\n"


def answered(school, run, **answer):
    done = school.admin().api.post(f"/imports/{run['id']}/removal", json=answer)
    assert done.status_code == 200, done.text
    return settled(school, run["id"])


def uploaded(browser, *files):
    """The answer to these files, as (name, content)."""
    return browser.post("/people/import", files=[("file", file) for file in files])


def zipped(**files):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name.replace("_", "."), text)
    return content.getvalue()


# Without a worker


def submitted(by, text, *, dry_run=False, **choice):
    """The id of an import that waits."""
    content = io.BytesIO(text.encode())
    return import_runs.submit(by, [("p.csv", content)], "p.csv", Choice(**choice), dry_run=dry_run)


def worked(run_id):
    """The import when a worker has left it."""
    assert import_claims.claim(run_id) == run_id
    importing.work(run_id, lambda: True)
    db.session.rollback()
    return db.session.get_one(ImportRun, run_id, populate_existing=True)


def ran(by, text, **choice):
    return worked(submitted(by, text, **choice))


def outcomes(run):
    """What became of each row, as (line, key, outcome, reason)."""
    found = import_reports.rows(run, None, limit=1000)
    return [(row.line, row.key, row.outcome.value, row.reason) for row in found]


def many(count, first="P", start=0):
    people = (f"N{n},{first}{n},Torres,,+1512{2_000_000 + n},\n" for n in range(start, count))
    return HEAD + "".join(people)


def known(source_id):
    """The person as the database has them."""
    found = select(Person).where(Person.source_id == source_id)
    return db.session.execute(found).scalar_one_or_none()


def phones_of(source_id):
    return [phone.contact_number.e164 for phone in known(source_id).phones]
