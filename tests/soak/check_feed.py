"""Check feed: what must not happen before the eyes of a browser, found one by one."""

from bisect import bisect_right
from collections import defaultdict

from app.rules.lifecycle import BY_WORD, Status
from tests.soak.check_texts import UNREACHABLE
from tests.soak.evidence import Evidence, Findings, Row, accepted


def back_steps(evidence: Evidence) -> Findings:
    """A message whose status went down before a browser's eyes. Only to *queued*, and only where a
    new attempt, or an email, may follow (D31)."""
    unreachable = {
        message
        for message, entries in accepted(evidence).items()
        if any(entry["error_code"] == UNREACHABLE for entry in entries)
    }
    shown: dict[tuple[str, int], Status] = {}
    seen: set[tuple[int, Status, Status]] = set()
    for row in evidence["frames"]:
        frame = row["frame"]
        if "status" not in frame:
            continue
        message, now = frame["ids"]["message"], BY_WORD[frame["status"]]
        before = shown.get((row["browser"], message), now)
        shown[row["browser"], message] = now
        again = before < Status.ACCEPTED or message in unreachable
        if now is Status.NOT_SENT:  # no step of the ladder: caught before it went (D34)
            fine = before in (Status.QUEUED, Status.NOT_SENT)
        else:
            fine = now >= before or (now is Status.QUEUED and before < Status.DELIVERED and again)
        if not fine and (message, before, now) not in seen:
            seen.add((message, before, now))
            yield f"message {message} went from {before.word} to {now.word}"


def missed_events(evidence: Evidence) -> Findings:
    """What a browser should have heard, in order and once, and did not (I19); and messages that
    ended in another state than the feed told (I21)."""
    feeds: dict[int, list[Row]] = defaultdict(list)
    for event in evidence["feeds"]:
        feeds[event["member"]].append({k: v for k, v in event.items() if k != "member"})
    heard: dict[str, list[Row]] = defaultdict(list)
    for row in evidence["frames"]:
        heard[row["browser"]].append(row["frame"])
    for browser in evidence["browsers"]:
        feed = {event["seq"]: event for event in feeds[browser["member"]]}
        for finding in _missed(browser, feed, heard[browser["name"]]):
            yield f"{browser['name']} {finding}"
    events = sorted(evidence["feeds"], key=lambda event: int(event["seq"]))
    told = {event["ids"]["message"]: event["status"] for event in events if event.get("status")}
    for message in evidence["messages"]:
        if (last := told.get(message["id"])) != message["status"]:
            yield f"message {message['id']} is {message['status']}, and the feed says {last}"


def _missed(browser: Row, feed: dict[int, Row], frames: list[Row]) -> Findings:
    place, numbers = browser["since"], sorted(feed)
    for frame in frames:
        seq = frame.get("seq")
        if seq is None:  # presence is not kept
            continue
        if frame["name"] == "resync":  # it was told to load everything anew
            place = seq
            continue
        is_event = frame["name"] not in ("ready", "seq")
        for number in numbers[bisect_right(numbers, place) :]:
            if number > seq or (number == seq and is_event):
                break
            yield f"was not told {number}, but went on to {seq}"
        if is_event and seq <= place:
            yield f"was told {seq} after {place}"
        if is_event and feed.get(seq) != frame:
            yield f"was told another {seq}: {frame}"
        place = max(place, seq)
    if place < browser["until"]:
        yield f"ended at {place} of {browser['until']}"
