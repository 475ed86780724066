"""Reading: what people find in an answer of the web, without what only marks it up."""

import csv
import html
import io
import re

import httpx


def plain(markup: str) -> str:
    """The words of a page or of a part of one."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", markup)).split())


def text_of(answer: httpx.Response) -> str:
    """The words of a page."""
    return plain(answer.text)


def section(answer: httpx.Response, name: str) -> str:
    """The words of one section of a page."""
    found = re.search(rf'<section[^>]* id="{name}".*?</section>', answer.text, re.DOTALL)
    return plain(found[0]) if found else ""


def table_of(answer: httpx.Response) -> list[dict[str, str]]:
    """The rows of an exported file, by the names in its head."""
    assert answer.status_code == 200, answer.text
    text = answer.content.decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))


def pretty(e164: str) -> str:
    """A number as pages write it: (512) 555-0147."""
    return f"({e164[2:5]}) {e164[5:8]}-{e164[8:]}"
