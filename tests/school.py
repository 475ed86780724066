"""School: an institution for one test, with the words that stories are told in."""

import itertools
import re
import secrets
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

import httpx
from flask import Flask
from sqlalchemy import func, select, update

from app import clock
from app.carrier.client import CarrierClient, MailboxClient
from app.database import db, transaction
from app.models import Direction, Hook, Message
from app.rules.access import Viewer
from app.rules.lifecycle import Status
from app.services import accounts, adding, staff, tokens
from tests.helpers import until

T = TypeVar("T")
PASSWORD = "a long enough password"
_numbers = itertools.count(secrets.randbelow(7_000_000) + 2_000_000)


def new_number() -> str:
    """A valid American number that no other test uses."""
    return f"+1512{next(_numbers):07d}"


def at_once(*actions: Callable[[], T]) -> list[T]:
    """Do these at the same moment, each in a thread of its own; what they answered, in order."""
    gate = threading.Barrier(len(actions))

    def act(action: Callable[[], T]) -> T:
        gate.wait()
        return action()

    with ThreadPoolExecutor(len(actions)) as threads:
        return list(threads.map(act, actions))


@dataclass(frozen=True, slots=True)
class Member:
    """A member of staff; `api` speaks with their token and all of their rights."""

    id: int
    email: str
    name: str
    api: httpx.Client

    def tries(self, person: "Someone", body: str = "Hello", **more: Any) -> httpx.Response:
        """Text a person; the answer, whatever it is."""
        return self.api.post("/messages", json={"person_id": person.id, "body": body, **more})

    def send(self, person: "Someone", body: str = "Hello", **more: Any) -> dict[str, Any]:
        """Text a person; the message as the API answers it."""
        answer = self.tries(person, body, **more)
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def insists(self, person: "Someone", body: str = "Hello", *, key: str = "", **more: Any) -> int:
        """Text a person as a browser does: again under the same key until there is an answer. The
        message's id."""
        asked = {"person_id": person.id, "body": body, **more}
        headers = {"Idempotency-Key": key or secrets.token_hex(8)}

        def answered() -> int:
            try:
                answer = self.api.post("/messages", json=asked, headers=headers)
            except httpx.TransportError:
                return 0
            assert answer.status_code in (201, 503), answer.text
            return int(answer.json()["id"]) if answer.status_code == 201 else 0

        return until(answered)

    def reply(self, conversation_id: int, body: str = "Hello again") -> dict[str, Any]:
        """Answer in a conversation; the message as the API answers it."""
        answer = self.api.post(f"/conversations/{conversation_id}/messages", json={"body": body})
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def route(self, person: "Someone", **query: Any) -> dict[str, Any]:
        """What would happen to a text sent now."""
        found: dict[str, Any] = self.api.get(f"/people/{person.id}/route", params=query).json()
        return found

    def message(self, message_id: int) -> dict[str, Any]:
        found: dict[str, Any] = self.api.get(f"/messages/{message_id}").json()
        return found

    def settled(self, message_id: int, *statuses: str) -> dict[str, Any]:
        """The message once it has one of these statuses."""
        return until(lambda: (m := self.message(message_id))["status"] in statuses and m)

    def conversations(self, **query: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.api.get("/conversations", params=query).json()["items"]
        return found

    def thread(self, conversation_id: int) -> list[dict[str, Any]]:
        """What was said in it, oldest first."""
        items = self.api.get(f"/conversations/{conversation_id}/messages").json()["items"]
        return list(reversed(items))

    def said_to(self, person: "Someone") -> list[dict[str, Any]]:
        """All messages with a person that this member may see, oldest first."""
        items = self.api.get("/messages", params={"person_id": person.id}).json()["items"]
        return list(reversed(items))

    def events(self, after: int = 0) -> list[dict[str, Any]]:
        """All events since a bookmark that this member may see."""
        found: list[dict[str, Any]] = []
        while page := self.api.get("/events", params={"after": after}).json():
            found += page["items"]
            if page["seq"] == after:
                return found
            after = page["seq"]
        return found


@dataclass(frozen=True, slots=True)
class Someone:
    """A person who may be written to. `numbers`: of their phones, in the order they were given."""

    id: int
    email: str | None
    numbers: list[str]
    phone_ids: list[int]


@dataclass
class School:
    app: Flask
    url: str
    carrier: CarrierClient
    mailbox: MailboxClient
    id: int
    account_sid: str
    account_secret: str
    account_id: int
    _members: list[Member] = field(default_factory=list)

    @classmethod
    @contextmanager
    def founded(
        cls, app: Flask, url: str, carrier: CarrierClient, mailbox: MailboxClient
    ) -> Iterator["School"]:
        sid, token = "AC" + secrets.token_hex(16), secrets.token_hex(16)
        carrier.account(sid, token)
        with app.app_context():
            school_id = staff.create_institution("Northfield College", "America/Chicago", "US")
            account_id = accounts.add(school_id, sid, token, api_url=carrier.base_url)
            db.session.remove()
        school = cls(app, url, carrier, mailbox, school_id, sid, token, account_id)
        try:
            yield school
        finally:
            for member in school._members:
                member.api.close()
            school._tell_nobody_any_more()

    def _tell_nobody_any_more(self) -> None:
        """Or its webhooks would be tried again as long as the processes run."""
        mine = Hook.institution_id == self.id
        with self.app.app_context():
            if db.session.execute(select(Hook.id).where(mine)).first():
                with transaction():
                    db.session.execute(update(Hook).where(mine).values(paused_at=clock.now()))
            db.session.remove()

    def another(self) -> AbstractContextManager["School"]:
        """A second institution on the same deployment."""
        return School.founded(self.app, self.url, self.carrier, self.mailbox)

    def member(self, *roles: str, name: str = "Dana Whitfield") -> Member:
        """A new member of staff; an Advisor unless told otherwise."""
        email = f"{name.split()[0].lower()}.{secrets.token_hex(4)}@northfield.example"
        with self.app.app_context():
            staff_id = staff.create(self.id, email, name, list(roles) or ["Advisor"], PASSWORD)
            token = tokens.issue(email, "test", None)
            db.session.remove()
        api = httpx.Client(
            base_url=f"{self.url}/api/v1",
            headers={"Authorization": f"Bearer {token}"},
            timeout=30,
            trust_env=False,
            verify=False,  # plain HTTP here, and reading the authorities takes its time
        )
        made = Member(staff_id, email, name, api)
        self._members.append(made)
        return made

    def admin(self) -> Member:
        """The one administrator of this school."""
        found = next((m for m in self._members if m.name == "Priya Shah"), None)
        return found or self.member("Administrator", name="Priya Shah")

    def pool(self, count: int) -> list[str]:
        """Numbers of ours, owned at the carrier and free to be assigned."""
        found = [new_number() for _ in range(count)]
        for number in found:
            self.carrier.number(self.account_sid, number)
        self.add_numbers(*found)
        return found

    def add_numbers(self, *owned: str) -> None:
        """Into the pool with them, and their webhooks to us."""
        with self.app.app_context():
            adding.add(self.id, list(owned), self.url)
            db.session.remove()

    def holder(self, name: str = "Dana Whitfield") -> tuple[Member, str]:
        """A member of staff who holds a number of ours since a text to somebody else, and the
        number."""
        self.pool(1)
        made = self.member(name=name)
        sent = made.send(self.person("mobile", name="Noor Haddad"))
        made.settled(sent["id"], "delivered")
        return made, sent["from"]

    @contextmanager
    def browser(self, member: Member) -> Iterator[httpx.Client]:
        """A browser in which this member has signed in."""
        with httpx.Client(base_url=self.url, timeout=30, trust_env=False, verify=False) as browser:
            form = {"email": member.email, "password": PASSWORD, **_csrf(browser.get("/login"))}
            assert browser.post("/login", data=form).status_code == 303
            browser.headers["X-CSRFToken"] = _csrf(browser.get("/inbox"))["csrf_token"]
            yield browser

    def person(
        self,
        *phones: str | tuple[str, str],
        name: str = "Maya Torres",
        kind: str = "student",
        email: str | None = "",
        **fields: Any,
    ) -> Someone:
        """A person with phones: a type for a new number, or (type, number). `email` None = without
        one."""
        given, _, family = name.partition(" ")
        address = (
            f"{given.lower()}.{secrets.token_hex(4)}@students.example" if email == "" else email
        )
        listed = [(p, new_number()) if isinstance(p, str) else p for p in phones]
        body = {
            "kind": kind,
            "given_name": given,
            "family_name": family,
            "email": address,
            "phones": [{"number": number, "type": kind_} for kind_, number in listed],
            **fields,
        }
        answer = self.admin().api.post("/people", json=body)
        assert answer.status_code == 201, answer.text
        made = answer.json()
        ids = {p["number"]: p["id"] for p in made["phones"]}
        found = [number for _, number in listed]
        return Someone(made["id"], address, found, [ids[n] for n in found])

    def settings(self, **changes: Any) -> dict[str, Any]:
        api = self.admin().api
        version = api.get("/settings").json()["version"]
        answer = api.patch("/settings", json={"version": version, **changes})
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def crowd(self, writers: int, people: int) -> tuple[list[Member], list[Someone]]:
        """So many who write, each with a number to come, and so many to be written to."""
        self.pool(writers)
        staff = [self.member() for _ in range(writers)]
        return staff, [self.person("mobile") for _ in range(people)]

    def all_write_to_all(self, staff: Sequence[Member], people: Sequence[Someone]) -> None:
        """Each member one text to each person; the members at the same time."""

        def write(member: Member) -> None:
            for person in people:
                member.insists(person)

        at_once(*(partial(write, member) for member in staff))

    def accepted(self) -> Counter[int]:
        """Of how many pairs of numbers the carrier accepted how many texts: {1: 50} = fifty, each
        once."""
        return Counter(Counter((text["from"], text["to"]) for text in self.ledger()).values())

    def under_way(self) -> Counter[str]:
        """How many messages of ours have which status, of those that have not left for certain.
        Asks the database itself."""
        with self.app.app_context():
            rows = db.session.execute(
                select(Message.status, func.count())
                .where(Message.institution_id == self.id, Message.direction == Direction.OUTBOUND)
                .where(Message.status < Status.ACCEPTED)
                .group_by(Message.status)
            )
            found = Counter({status.word: count for status, count in rows})
            db.session.remove()
        return found

    def usage(self) -> dict[str, Any]:
        found: dict[str, Any] = self.admin().api.get("/usage").json()
        return found

    def phone_status(self, person: Someone) -> list[str]:
        """The SMS status of each phone of a person, in the order of `person.numbers`."""
        phones = self.admin().api.get(f"/people/{person.id}").json()["phones"]
        status = {p["number"]: p["sms_status"] for p in phones}
        return [status[n] for n in person.numbers]

    def set_status(self, person: Someone, phone: int, status: str) -> None:
        """By hand, with a reason; `phone` is its place in `person.numbers`."""
        answer = self.admin().api.post(
            f"/phones/{person.phone_ids[phone]}/consent",
            json={"status": status, "reason": "asked for it by phone"},
        )
        assert answer.status_code == 200, answer.text

    def verify(self, person: Someone, phone: int) -> None:
        """Somebody made sure that this number is theirs, just now."""
        answer = self.admin().api.patch(
            f"/phones/{person.phone_ids[phone]}", json={"verified": True}
        )
        assert answer.status_code == 200, answer.text

    def number(self, e164: str) -> dict[str, Any]:
        """One number of the pool as the admin sees it."""
        items = self.admin().api.get("/numbers", params={"limit": 200}).json()["items"]
        found: dict[str, Any] = next(item for item in items if item["number"] == e164)
        return found

    @contextmanager
    def account_stopped(self, reason: str = "Suspended") -> Iterator[None]:
        """Nothing leaves meanwhile, and what is queued stays queued (D35)."""
        with self.app.app_context(), transaction():
            accounts.stop(self.account_id, reason, clock.now())
        yield
        self.resume()

    def resume(self) -> None:
        """An admin saves the account again, and it sends again."""
        with self.app.app_context():
            accounts.add(
                self.id, self.account_sid, self.account_secret, api_url=self.carrier.base_url
            )
            db.session.remove()

    def ledger(self, to: str | None = None) -> list[dict[str, Any]]:
        """What the carrier accepted from this school: the truth, whatever our tables say."""
        found: list[dict[str, Any]] = self.carrier.ledger(account_sid=self.account_sid, to=to)
        return found

    def mails(self, to: str | None) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.mailbox.mails(to=to)
        return found

    def password_link(self, email: str, nth: int = 0) -> str:
        """The path of the link to choose a password that was mailed there; `nth`: how many before
        it."""

        def links() -> list[str]:
            texts = (mail["text"] for mail in self.mails(email))
            return [link for text in texts for link in re.findall(r"/password/\S+", text)]

        return until(lambda: len(found := links()) > nth and found)[nth]

    def texts(self, from_: str, to: str, body: str, repeat: int = 1) -> dict[str, Any]:
        """Somebody types on a phone; the answer of our webhook."""
        found: dict[str, Any] = self.carrier.text(from_, to, body, repeat=repeat)
        return found

    def viewer(self, member: Member, capabilities: Sequence[Any]) -> Viewer:
        return Viewer(
            member.id,
            self.id,
            member.name,
            member.email,
            "America/Chicago",
            "US",
            frozenset(capabilities),
        )


def _csrf(page: httpx.Response) -> dict[str, str]:
    """The token that the forms of this page carry."""
    found = re.search(r'name="csrf_token" value="([^"]+)"', page.text)
    assert found, page.text
    return {"csrf_token": found[1]}
