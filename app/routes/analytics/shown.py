"""Shown: the figures of a period as people read them: tiles, bars, sentences, rows of a file."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from app.routes import exports
from app.rules.codes import EXPIRED, look_up
from app.rules.facts import Measure, Type, Volume, share
from app.rules.figures import in_short, lasting, most_reasons, percent, short
from app.rules.lifecycle import ARRIVED, BY_WORD, FAILURES
from app.rules.periods import Bar, Days, Period, bars, before, days_of
from app.rules.words import TEXT_STATUS
from app.services.analytics import Found

TYPES: dict[str, tuple[str, str]] = {  # in words, and which colour: text | mail | warn | plain
    Type.TEXT_OUT: ("Texts from staff", "text"),
    Type.TEXT_IN: ("Texts that came in", "in"),
    Type.KEYWORD_ANSWER: ("Automatic answers", "text"),
    Type.EMAIL_INSTEAD: ("Emails because no text could go", "mail"),
    Type.EMAIL_CHOSEN: ("Emails that were chosen", "mail"),
    Type.UNSENT: ("Not sent", "warn"),
    Type.NOTICE: ("Notices to staff", "plain"),
    Type.LINK: ("Invitations and new passwords", "plain"),
    Type.TEST: ("Test emails", "plain"),
}
_NO_CODE = {"unknown", EXPIRED}  # of no provider
VOLUMES = {
    Volume.TEXT_OUT: "Texts out",
    Volume.TEXT_IN: "Texts in",
    Volume.EMAIL: "Emails",
    Volume.UNSENT: "Not sent",
}


@dataclass(frozen=True, slots=True)
class Tile:
    label: str
    value: str
    note: str


@dataclass(frozen=True, slots=True)
class Row:
    """A bar of the picture, and a line of its table. `short`: below the bar."""

    label: str
    short: str
    out: int
    in_: int
    emails: int
    days: Days


@dataclass(frozen=True, slots=True)
class Part:
    """A line with a bar of so many hundredths. `code`: beside the label, where there is one."""

    label: str
    count: int
    width: float
    tone: str
    code: str = ""


@dataclass(frozen=True, slots=True)
class Times:
    """Half of them within, nine of ten within; in words."""

    half: str
    most: str


def n(count: float) -> str:
    return f"{count:,}"


# Tiles


def tiles(found: Found, period: Period, days: Days) -> list[Tile]:
    volume, then = found.totals[Measure.VOLUME], before_words(period, days)
    out, came = volume[Volume.TEXT_OUT], volume[Volume.TEXT_IN]
    instead, opted = found.totals[Measure.INSTEAD], found.totals[Measure.OPT_OUT].total()
    arrived = _arrived(found)
    answered = share(found.totals[Measure.REPLY], 0.5)
    sooner = "half are answered sooner"
    per_text = f"{percent(opted, out)} of texts out" if out else "no texts out"
    return [
        Tile("Texts out", n(out), f"{then}: {n(found.before[Volume.TEXT_OUT])}"),
        Tile("Texts in", n(came), f"{then}: {n(found.before[Volume.TEXT_IN])}"),
        Tile("Delivered", percent(arrived, out), f"{n(arrived)} of {n(out)}"),
        Tile("First answer", lasting(answered), "nobody waited" if answered is None else sooner),
        Tile("By email instead", n(instead.total()), most_reasons(instead)),
        Tile("Opt-outs", n(opted), per_text),
    ]


def _arrived(found: Found) -> int:
    by_word = found.totals[Measure.STATUS]
    return sum(by_word[status.word] for status in ARRIVED)


def times(found: Mapping[str, int]) -> Times | None:
    half, most = share(found, 0.5), share(found, 0.9)
    return Times(lasting(half), lasting(most)) if half is not None else None


# The picture, bar by bar


def rows(found: Found, days: Days, today: date) -> tuple[Bar, list[Row]]:
    """The newest first."""
    kind, parts = bars(days)
    one_month = days.first.month == days.last.month and days.first.year == days.last.year
    made = [_row(found, kind, part, today, one_month=one_month) for part in parts]
    return kind, made[::-1]


def _row(found: Found, kind: Bar, part: Days, today: date, *, one_month: bool) -> Row:
    sums: Counter[str] = Counter()
    for day, counts in found.by_day.items():
        if day in part:
            sums.update(counts)
    first = part.first
    below = {Bar.DAY: f"{first.day}" if one_month else short(first), Bar.WEEK: short(first)}
    return Row(
        _bar_words(kind, part) + (", so far" if today in part else ""),
        below.get(kind, f"{first:%b}"),
        sums[Volume.TEXT_OUT],
        sums[Volume.TEXT_IN],
        sums[Volume.EMAIL],
        part,
    )


def _bar_words(kind: Bar, part: Days) -> str:
    if kind is Bar.MONTH:
        return f"{part.first:%B %Y}"
    if part.count == 1:
        return short(part.first)
    same = part.first.month == part.last.month
    return f"{short(part.first)} to {part.last.day if same else short(part.last)}"


def picture_words(bar: Bar, made: Sequence[Row]) -> str:
    """The picture in a sentence, for whoever does not see it."""
    out, came, mails = (sum(c) for c in zip(*((r.out, r.in_, r.emails) for r in made), strict=True))
    most = max(made, key=lambda row: row.out + row.in_ + row.emails)
    top = most.out + most.in_ + most.emails
    told = f"{n(out)} texts out, {n(came)} texts in and {n(mails)} emails"
    return f"{told}. The {bar.value} with the most is {most.label}: {n(top)}." if top else told


# Bars beside each other


def _parts(counts: Mapping[str, int], words: Mapping[str, tuple[str, str]]) -> list[Part]:
    """The longest first; the longest fills its line."""
    top = max(counts.values(), default=0)
    ordered = sorted(((c, key) for key, c in counts.items() if c), reverse=True)
    return [
        Part(words[key][0], count, round(100 * count / top, 1), words[key][1])
        for count, key in ordered
    ]


def types(found: Found) -> list[Part]:
    counts = found.totals[Measure.TYPE]
    return _parts(counts, {key: TYPES.get(key, (key.capitalize(), "plain")) for key in counts})


def reasons(found: Found) -> list[Part]:
    """Why no text went: by email instead, or not at all."""
    counts = found.totals[Measure.INSTEAD] + found.totals[Measure.UNSENT]
    return _parts(counts, {key: (in_short(key), "mail") for key in counts})


def statuses(found: Found) -> list[Part]:
    """What became of the texts; each bar is its part of all of them."""
    counts = found.totals[Measure.STATUS]
    ordered = sorted(((c, BY_WORD[word]) for word, c in counts.items() if c), reverse=True)
    return [
        Part(
            TEXT_STATUS[status].word,
            count,
            round(100 * count / counts.total(), 1),
            "text" if status in ARRIVED else "bad" if status in FAILURES else "plain",
            percent(count, counts.total()),
        )
        for count, status in ordered
    ]


def codes(found: Found) -> list[Part]:
    counts = found.totals[Measure.CODE]
    top = max(counts.values(), default=0)
    return [
        Part(
            look_up(code).meaning,
            count,
            round(100 * count / top, 1),
            "bad",
            "" if code in _NO_CODE else code,
        )
        for code, count in counts.most_common()
    ]


# Periods in words


def before_words(period: Period, days: Days) -> str:
    then = before(period, days)
    if period is Period.LAST_MONTH:
        return f"{then.first:%B}"
    if period is Period.MONTH:
        return f"{then.first:%B} to the {ordinal(then.last.day)}"
    if period is Period.YEAR:
        return "The year before"
    return "The day before" if days.count == 1 else f"The {days.count} days before"


def ordinal(number: int) -> str:
    ends = {1: "st", 2: "nd", 3: "rd"}
    return f"{number}{'th' if number in (11, 12, 13) else ends.get(number % 10, 'th')}"


def period_words(today: date) -> list[tuple[str, str]]:
    """To choose from."""
    named = {
        Period.MONTH: "This month",
        Period.LAST_MONTH: f"{days_of(Period.LAST_MONTH, today).first:%B %Y}",
        Period.WEEK: "Last 7 days",
        Period.THIRTY: "Last 30 days",
        Period.YEAR: "Last 12 months",
        Period.DAYS: "Other days",
    }
    return [(period.value, words) for period, words in named.items()]


def cost(segments: int, price: int | None) -> str | None:
    """In dollars; `price`: of a segment, in millionths. None where no price is set."""
    return None if price is None else f"${segments * price / 1_000_000:,.2f}"


# The file

CSV_HEAD = ("What", "Which", "From", "To", "Count")


def cells(found: Found, days: Days, made: Sequence[Row]) -> Iterator[tuple[exports.Cell, ...]]:
    """The numbers of the picture, bar by bar, then what the other parts of the page tell."""
    for row in reversed(made):
        span = (row.days.first.isoformat(), row.days.last.isoformat())
        yield "Messages", "Texts out", *span, row.out
        yield "Messages", "Texts in", *span, row.in_
        yield "Messages", "Emails", *span, row.emails
    span = (days.first.isoformat(), days.last.isoformat())
    for what, parts in (
        ("What became of the texts", statuses(found)),
        ("Kind of message", types(found)),
        ("Why no text went", reasons(found)),
    ):
        for part in parts:
            yield what, part.label, *span, part.count
    for part in codes(found):
        yield "Why texts failed", f"{part.code} {part.label}".strip(), *span, part.count
    yield "Segments", "", *span, found.totals[Measure.SEGMENTS].total()
    yield "Opt-outs", "", *span, found.totals[Measure.OPT_OUT].total()
    for what, measure in (("Delivered within", Measure.DELIVERY), ("Answered", Measure.REPLY)):
        for part_of, words in ((0.5, "half, in seconds"), (0.9, "nine of ten, in seconds")):
            if (seconds := share(found.totals[measure], part_of)) is not None:
                yield what, words, *span, seconds
