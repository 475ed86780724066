"""Report: the six counts, and what the run went through."""

from collections import Counter
from collections.abc import Callable, Iterator
from textwrap import fill
from typing import Any

import click

from tests.soak import check_feed, check_texts
from tests.soak.actor import Run
from tests.soak.evidence import Evidence, Findings

MUST_BE_ZERO: dict[str, Callable[[Evidence], Findings]] = {
    "lost": check_texts.lost,
    "doubled": check_texts.doubled,
    "after STOP": check_texts.after_stop,
    "over limit": check_texts.over_limit,
    "back-steps": check_feed.back_steps,
    "missed events": check_feed.missed_events,
}
_SHOWN = 20  # findings of each kind


def told(run: Run, seconds: float) -> int:
    """Print it; the exit code: 0 all zero, 1 something is not, 2 the soak itself failed."""
    for name, said in went_through(run):
        click.echo(fill(f"  {name:<22}{said}", 100, subsequent_indent=" " * 24))
    click.echo(f"  {'time':<22}{seconds:.0f} s, of them {run.rested:.0f} s to come to rest\n")
    found = {name: list(look(run.evidence)) for name, look in MUST_BE_ZERO.items()}
    for name, findings in found.items():
        click.echo(f"  {name:<22}{len(findings)}")
        for finding in findings[:_SHOWN]:
            click.echo(f"      {finding}")
    for problem in run.broken:
        click.echo(f"\nThe soak itself failed. {problem}", err=True)
    return 2 if run.broken else int(any(found.values()))


def went_through(run: Run) -> Iterator[tuple[str, str]]:
    evidence = run.evidence
    answers = Counter(send["status"] for send in evidence["sends"])
    yield "asked to be sent", f"{len(evidence['sends']):,} ({_most(answers)})"
    others = Counter(send["reason"] for send in evidence["sends"] if send["channel"] != "sms")
    yield "of them not as texts", f"{others.total():,} ({_most(others)})"
    yield "accepted by carrier", f"{len(evidence['ledger']):,}"
    words = Counter(_word(text["body"]) for text in evidence["texts"])
    yield "typed on phones", f"{len(evidence['texts']):,} ({_most(words)})"
    ids = Counter(mail["message_id"] for mail in evidence["mails"])
    again = ids.total() - len(ids)
    yield "emails", f"{len(ids):,} (handed over again under the same Message-ID: {again})"
    troubles = evidence["troubles"]
    killed = Counter(trouble["detail"] for trouble in troubles if trouble["what"] == "killed")
    yield "killed", f"{killed.total():,} ({_most(killed)})"
    met: Counter[str] = Counter()
    for trouble in troubles:
        met.update({trouble["detail"]: trouble["hits"]} if trouble["what"] == "fault" else {})
    yield "faults of the carrier", f"{met.total():,} ({_most(met)})"
    others = Counter(t["what"] for t in troubles if t["what"] not in ("killed", "fault"))
    yield "other troubles", f"{others.total():,} ({_most(others)})"
    connections = sum(browser["connections"] for browser in evidence["browsers"])
    yield "heard by browsers", f"{len(evidence['frames']):,} frames, {connections} connections"


def _most(counted: Counter[Any]) -> str:
    return ", ".join(f"{name} {count}" for name, count in (+counted).most_common())


def _word(body: str) -> str:
    return "words" if "#" in body else body.split()[0].strip(".").upper()
