"""Scene: a school with something of everything, and the addresses at which it is looked at."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from app import clock
from tests.helpers import until
from tests.school import Member, School, Someone, new_number
from tests.units import put, share, unit

Paths = dict[str, list[str]]  # endpoint → what is looked at there


@dataclass
class Scene:
    school: School
    dana: Member
    paths: Paths

    @classmethod
    def of(cls, school: School) -> "Scene":
        talks = Talks.of(school)
        return cls(
            school,
            talks.dana,
            {
                **_inbox(talks),
                **_messages(talks),
                **_people(school, talks),
                **_staff(school, talks),
                **_own(school, talks),
                **_figures(school, talks),
                **_settings(school, talks),
            },
        )


@dataclass
class Talks:
    """Dana, with every right and of a unit below another, and whom she writes with: by text, by
    email, not at all."""

    dana: Member
    ours: str  # her number
    health: int
    nursing: int
    maya: Someone
    tomas: Someone  # opted out
    devon: Someone  # without a phone
    failing: Someone
    nobodys: str  # a number that texted her
    shared: str  # a number of ours, of the unit above
    sent: list[dict[str, Any]]
    held: int  # a message for later
    threads: dict[int | None, int]  # person → conversation

    @classmethod
    def of(cls, school: School) -> "Talks":
        dana, ours = school.holder()
        everything = {"roles": ["Advisor", "Administrator"]}
        assert school.admin().api.patch(f"/staff/{dana.id}", json=everything).is_success
        health = unit(school, "College of Health and Human Services")
        nursing = unit(school, "Department of Nursing", health)
        put(school, dana, nursing)
        maya = school.person("mobile", "home", name="Maya Wolfeschlegelsteinhausenbergerdorff")
        tomas, devon = school.person("mobile", name="Tomás Herrera"), school.person(email=None)
        nobodys = new_number()
        sent = [dana.send(person, "x" * 300) for person in (maya, tomas, devon)]
        dana.settled(sent[0]["id"], "delivered")
        dana.settled(sent[1]["id"], "delivered")
        school.texts(maya.numbers[0], ours, "please stop texting me")
        school.texts(tomas.numbers[0], ours, "STOP")
        school.texts(nobodys, ours, "its marcus")
        failing = school.person("mobile", name="Priya Natarajan")
        school.carrier.handset(failing.numbers[0], behaviour="undelivered", code=30005)
        sent += [dana.send(tomas, "By email then"), dana.send(failing, "Tuesday?")]
        dana.settled(sent[-1]["id"], "undelivered")
        soon = (datetime.now(UTC) + timedelta(days=3)).isoformat()
        held = dana.send(maya, "Reminder: Tuesday, 8:30", send_at=soon)["id"]
        for person in (maya, tomas, devon):
            dana.api.put(f"/people/{person.id}/advisors/{dana.id}")
        shared = _claimed_at_shared(school, dana, health)
        threads = {c["person_id"]: c["id"] for c in dana.conversations()}
        return cls(
            *(dana, ours, health, nursing, maya, tomas, devon, failing),
            *(nobodys, shared, sent, held, threads),
        )


def _claimed_at_shared(school: School, dana: Member, unit_id: int) -> str:
    """A number that the unit shares; Dana has claimed what came to it."""
    (given,) = school.pool(1)
    assert share(school, given, unit_id).is_success
    noor = school.person("mobile", name="Noor Haddad")
    school.texts(noor.numbers[0], given, "Is anybody there?")
    with school.browser(dana) as browser:
        asked = next(c["id"] for c in dana.conversations() if c["person_id"] == noor.id)
        assert browser.post(f"/inbox/{asked}/claim").status_code == 303
    return given


def _inbox(talks: Talks) -> Paths:
    threads = sorted(talks.threads.values())
    return {
        "inbox.index": [
            "/inbox",
            "/inbox?view=archived",
            "/inbox?q=nobody",
            "/inbox?view=snoozed",
            f"/inbox?view=unclaimed&unit={talks.nursing}",
        ],
        "inbox.conversation": [f"/inbox/{thread}" for thread in threads],
        "inbox.later_": ["/inbox/later"],
        "inbox.change_later": [f"/inbox/messages/{talks.held}/later"],
        "inbox.hand_over_form": [f"/inbox/{threads[0]}/hand-over"],
        "inbox.new": ["/inbox/new", "/inbox/new?q=maya", f"/inbox/new?person={talks.failing.id}"],
        "inbox.why": [f"/inbox/messages/{talks.sent[n]['id']}/why" for n in (0, 2, 3)],
    }


def _messages(talks: Talks) -> Paths:
    sent = [message["id"] for message in talks.sent]
    return {
        "messages.index": [
            "/messages",
            f"/messages?status=undelivered&since=2026-01-01&picked={sent[-1]}",
            "/messages?sort=status&phone=nobody",
            f"/messages?unit={talks.health}&text=nobody",
        ],
        "messages.one": [f"/messages/{sent[n]}" for n in (0, 2, 4)],
        "messages.new": [
            "/messages/new",
            f"/messages/new?person={talks.maya.id}&keep=yes&sent={sent[0]}",
            f"/messages/new?person={talks.devon.id}",
            f"/messages/new?number={talks.tomas.numbers[0][1:]}",
            f"/messages/new?number={talks.nobodys[1:]}",
            "/messages/new?pick=person&q=maya",
        ],
        "messages.emails": ["/messages/emails", "/messages/emails?state=failed"],
    }


def _people(school: School, talks: Talks) -> Paths:
    maya, tomas, threads = talks.maya, talks.tomas, talks.threads
    school.verify(maya, 0)
    imports = _imports(school)
    double = school.person("mobile", ("home", maya.numbers[1]), name="Mary Torres")
    into = {"other": school.person(name="Maya T.", email=None).id}
    one = f"/people/{maya.id}"
    assert school.admin().api.post(f"{one}/merge", json=into).is_success
    assert school.admin().api.delete(f"/phones/{maya.phone_ids[1]}").status_code == 204
    return {
        "people.index": ["/people", "/people?view=all", "/people?q=nobody"],
        "person_phones.index": [
            "/people/phones",
            "/people/phones?show=all",
            "/people/phones?q=nobody",
        ],
        "people.person": [
            f"{one}?edit={maya.phone_ids[0]}",
            f"{one}?add=phone",
            f"/people/{tomas.id}",
        ],
        "imports.index": ["/people/import"],
        "imports.one": [f"/people/import/{each}" for each in imports],
        "people.route": [f"{one}/route", f"/people/{talks.devon.id}/route"],
        "people.new": ["/people/new"],
        "people.edit": [f"{one}/edit"],
        "joining.question": [
            f"{one}/merge",
            f"{one}/merge?q=torres",
            f"{one}/merge?other={double.id}",
            f"/people/{tomas.id}/merge?other={maya.id}",
            f"{one}/merge?other={maya.id}",
        ],
        "identify.question": [
            f"/people/identify/{threads[None]}?q=maya",
            f"/people/identify/{threads[maya.id]}",
        ],
    }


def _imports(school: School) -> list[int]:
    """One that was tried, one that asks, and one whose file cannot be read."""
    api, head = school.admin().api, "ID,First name,Mobile phone,Mobile phone,Funk\n"
    people = "".join(f"N{n},P{n},,,x\n" for n in range(3))
    asked = [
        (head + people + "N4,,911,,x\n", {}),
        (head + people + "N4,,911,,x\n", {"dry_run": True}),
        (head + people[:10], {"remove_missing": True}),
        (head + people + 'N5,"Maya,,,\n', {}),
    ]
    made = []
    for text, choice in asked:
        answer = api.post("/imports", json={"files": [{"text": text}], **choice})
        made.append(answer.json()["id"])
        until(lambda: api.get(f"/imports/{made[-1]}").json()["state"] != "waiting")
    return made[1:]


def _staff(school: School, talks: Talks) -> Paths:
    """Who stands for the unit is gone, and somebody is invited."""
    dana, nursing, health = talks.dana, talks.nursing, talks.health
    gone = school.member("Manager", name="Joan Tran")
    put(school, gone, health)
    roles = school.admin().api.get("/roles").json()
    with school.browser(dana) as browser:
        address = f"/staff/units/{nursing}/representative"
        assert browser.post(address, data={"staff": gone.id}).status_code == 303
        assert school.admin().api.patch(f"/staff/{gone.id}", json={"active": False}).is_success
        invited = {"name": "Nia Fox", "email": f"nia.{dana.email}", "role": "Advisor"}
        assert browser.post("/staff", data=invited).status_code == 303
    return {
        "session.login": ["/login"],
        "password.ask": ["/password"],
        "password.choose": [school.password_link(f"nia.{dana.email}")],
        "staff.index": ["/staff", "/staff?q=nobody", "/staff?sort=-seen"],
        "staff.new": ["/staff/new"],
        "staff.one": [f"/staff/{dana.id}", f"/staff/{gone.id}"],
        "staff.leave": [f"/staff/{dana.id}/deactivate"],
        "org_units.index": ["/staff/units"],
        "org_units.new": ["/staff/units/new", f"/staff/units/new?under={nursing}"],
        "org_units.one": [f"/staff/units/{health}", f"/staff/units/{nursing}"],
        "roles.index": ["/staff/roles"],
        "roles.new": ["/staff/roles/new"],
        "roles.one": [f"/staff/roles/{role['id']}" for role in roles["items"][:2]],
    }


def _own(school: School, talks: Talks) -> Paths:
    """What Dana has for herself."""
    kept = {"title": "Drop deadline", "body": "Hi {first_name}, until Dec 4. " * 8}
    api = talks.dana.api
    shared = api.post("/standard-texts", json={**kept, "shared": True}).json()["id"]
    assert api.post("/standard-texts", json=kept).status_code == 201
    days = {day: f"{clock.now():%Y-%m-%d}" for day in ("first", "last")}
    with school.browser(talks.dana) as browser:
        covered = {"by": school.admin().id, **days}
        assert browser.post("/profile/cover", data=covered).status_code == 303
    return {
        "profile.index": ["/profile"],
        "tokens.index": ["/tokens"],
        "standard_texts.index": ["/texts"],
        "standard_texts.new": ["/texts/new"],
        "standard_texts.one": [f"/texts/{shared}"],
    }


def _figures(school: School, talks: Talks) -> Paths:
    return {
        "analytics.index": [
            "/analytics",
            f"/analytics?period=year&who=staff-{talks.dana.id}",
            f"/analytics?who=unit-{talks.health}",
            "/analytics?period=days&from=2024-01-01&to=2024-01-31",
        ],
        "analytics.numbers": ["/analytics/numbers"],
        "analytics.staff": [
            "/analytics/staff",
            f"/analytics/staff?period=30&who=unit-{talks.health}&sort=name",
            "/analytics/staff?period=days&from=2024-01-01&to=2024-01-31",
        ],
        "audit_log.index": [
            "/audit",
            f"/audit?q=maya&by={school.admin().id}&kind=consent&from=2026-01-01",
            "/audit?kind=settings",
        ],
    }


def _settings(school: School, talks: Talks) -> Paths:
    (free,) = school.pool(1)
    school.carrier.number(school.account_sid, new_number())
    school.carrier.registrations(
        school.account_sid,
        brands=[{"status": "FAILED", "errors": ["The name and the tax number differ"]}],
        services=[{"numbers": [talks.ours], "campaign": {"status": "IN_PROGRESS"}}],
    )
    school.settings(cool_off_days=7, fallback_email={"subject": "From {sender}"})
    with school.browser(talks.dana) as browser:
        told = _hook(school, browser)
    number, spare, office = (
        f"/settings/numbers/{school.number(e164)['id']}"
        for e164 in (talks.ours, free, talks.shared)
    )
    return {
        "configuration.index": ["/settings"],
        "configuration.email": ["/settings/email"],
        "configuration.twilio": [
            "/settings/twilio",
            "/settings/twilio?show=retired",
            "/settings/twilio?show=free",
            "/settings/twilio?q=nobody",
        ],
        "configuration.connection": ["/settings/twilio/connection"],
        "configuration.compared": ["/settings/twilio/connection/numbers"],
        "configuration.registered": ["/settings/twilio/connection/registration"],
        "configuration.reassigning": [f"{number}/reassign"],
        "configuration.releasing": [f"{number}/release"],
        "configuration.retiring": [f"{number}/retire"],
        "configuration.sharing": [f"{spare}/share"],
        "configuration.unsharing": [f"{office}/unshare"],
        "configuration.adding": ["/settings/numbers/add"],
        "hooks.index": ["/settings/webhooks"],
        "hooks.one": [told, f"{told}?state=given_up"],
    }


def _hook(school: School, browser: httpx.Client) -> str:
    """A webhook whose system does not take what it is told; the path of its page."""
    form = {"url": f"{school.url}/nowhere/{'x' * 80}", "event": ["number.assigned"]}
    assert browser.post("/settings/webhooks", data=form).status_code == 200
    page = browser.get("/settings/webhooks").text
    path = page.partition('class="who"><a href="')[2].partition('"')[0]
    assert browser.post(f"{path}/test").status_code == 303
    until(lambda: "Trying again" in browser.get(path).text)
    return path
