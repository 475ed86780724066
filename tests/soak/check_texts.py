"""Check texts: what must not happen to them, found in the evidence one by one.

The judges are the carrier's ledger and the mailbox, then our own tables. A finding is one line that
names what it is about.
"""

from collections import Counter, defaultdict
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from app.rules.keywords import Keyword, classify
from tests.soak.evidence import Evidence, Findings, Row, accepted, attempt_of, by_token

UNREACHABLE = 30003  # the phone is off: tried again
# After one of these the message goes out by email as well (D35).
THEN_BY_EMAIL = {UNREACHABLE, 30004, 30005, 30006, 30007, 30008, 30034}


def lost(evidence: Evidence) -> Findings:
    """What was promised and did not happen, and nobody was told why."""
    messages = {message["id"]: message for message in evidence["messages"]}
    entries = accepted(evidence)
    mailed = {mail["message_id"] for mail in evidence["mails"]}
    for send in evidence["sends"]:
        stored = messages.get(send["message"], {"body": ""})
        if send["status"] == 201 and send["token"] not in stored["body"]:
            yield f"{send['token']} was answered 201 and is not stored"
    for message in messages.values():
        if why := _unexplained(message, entries[message["id"]], mailed):
            yield f"message {message['id']} {why}"
    inbound = {m["provider_sid"] for m in messages.values() if m["direction"] == "inbound"}
    for text in evidence["texts"]:
        if text["sid"] not in inbound:
            yield f"inbound {text['sid']} ({text['body']}) is not stored"


def _unexplained(message: Row, entries: list[Row], mailed: set[str]) -> str:
    """Why this message must be called lost; "" where it must not."""
    status, email = message["status"], message["email"]
    if message["direction"] == "inbound":
        return ""
    if email in ("queued", "sending"):
        return "is still waiting to be emailed"
    if email == "sent" and message["email_header"] not in mailed:
        return "was not emailed, whatever we say"
    if message["channel"] == "email":
        return "" if email == "sent" or message["error_code"] else f"is {status}, without a reason"
    if status in ("held", "queued", "sending", "unconfirmed", "accepted", "sent"):
        return f"is still {status}"
    if status == "delivered" and not entries:
        return "is delivered, and the carrier never saw it"
    if status != "delivered" and "delivered" in {entry["status"] for entry in entries}:
        return f"is {status}, but was delivered"
    if status in ("rejected", "failed", "undelivered", "not_sent") and not message["error_code"]:
        return f"is {status}, without a reason"
    return ""


def doubled(evidence: Evidence) -> Findings:
    """What happened twice."""
    messages, mails = by_token(evidence["messages"], "body"), by_token(evidence["mails"], "text")
    known = {attempt["uuid"] for attempt in evidence["attempts"]}
    for uuid, count in Counter(attempt_of(entry) for entry in evidence["ledger"]).items():
        if uuid not in known:
            yield f"attempt {uuid} was accepted, and we do not know it"
        elif count > 1:
            yield f"attempt {uuid} was accepted {count} times"
    for message, entries in accepted(evidence).items():
        if any(entry["error_code"] != UNREACHABLE for entry in entries[:-1]):
            yield f"message {message} was accepted {len(entries)} times"
    for token, found in messages.items():
        if len([m for m in found if m["resend_of"] is None]) > 1:
            yield f"{token} is stored {len(found)} times"
    for token, found in mails.items():
        count = len({mail["message_id"] for mail in found})
        if count > len(messages[token]):
            yield f"{token} was emailed {count} times"
    for token, entries in by_token(evidence["ledger"], "body").items():
        if token in mails and any(e["error_code"] not in THEN_BY_EMAIL for e in entries):
            yield f"{token} went out as a text and as an email"
    inbound = [m["provider_sid"] for m in evidence["messages"] if m["direction"] == "inbound"]
    for sid, count in Counter(inbound).items():
        if count > 1:
            yield f"inbound {sid} is stored {count} times"


def after_stop(evidence: Evidence) -> Findings:
    """What the carrier accepted after it was told that we know of the STOP (D14), and before the
    next START of that number (D16)."""
    kinds = {m["id"]: m["kind"] for m in evidence["messages"]}
    message_of = {attempt["uuid"]: attempt["message"] for attempt in evidence["attempts"]}
    silences = _silences(evidence)
    for entry in evidence["ledger"]:
        at = datetime.fromisoformat(entry["at"])
        silent = any(since < at < until for since, until in silences[entry["to"]])
        if silent and kinds.get(message_of.get(attempt_of(entry), 0)) == "conversation":
            yield f"{entry['sid']} to {entry['to']} at {entry['at']}: {entry['body']}"


def _silences(evidence: Evidence) -> dict[str, list[tuple[datetime, datetime]]]:
    """From when until when no text may go to a number."""
    never = datetime.max.replace(tzinfo=UTC)
    theirs = {n: person["numbers"] for person in evidence["people"] for n in person["numbers"]}
    found: dict[str, list[tuple[datetime, datetime]]] = defaultdict(list)
    for text in sorted(evidence["texts"], key=lambda text: str(text["typed_at"])):
        number, word = text["from"], classify(text["body"], stopped_here=False)
        if word is Keyword.START:
            typed_at = datetime.fromisoformat(text["typed_at"])
            found[number] = [(since, min(until, typed_at)) for since, until in found[number]]
        answered = [w["at"] for w in text["webhooks"] if w["status"] and w["status"] < 300]
        if word is Keyword.STOP and answered:
            since = datetime.fromisoformat(min(answered))
            for other in theirs[number]:
                found[other].append((since, never))
    return found


def over_limit(evidence: Evidence) -> Findings:
    """Texts past the monthly limit (D28), and places that were counted wrongly."""
    messages = {m["id"]: m for m in evidence["messages"] if m["kind"] == "conversation"}
    taken: dict[int, Counter[str]] = defaultdict(Counter)
    zones = {school["id"]: ZoneInfo(school["timezone"]) for school in evidence["schools"]}
    for message_id in accepted(evidence):
        if message := messages.get(message_id):
            school = message["institution_id"]
            local = message["created_at"].astimezone(zones[school])
            taken[school][f"{local:%Y-%m}"] += 1
    for school in evidence["schools"]:
        for month, count in taken[school["id"]].items():
            if school["limit"] is not None and count > school["limit"]:
                yield f"school {school['id']}: {count} texts in {month}, limit {school['limit']}"
        if school["used"] != taken[school["id"]].total():
            count = taken[school["id"]].total()
            yield f"school {school['id']}: {school['used']} places used by {count} texts"
