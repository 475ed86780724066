"""The page that describes the API: whole, without anything from elsewhere, and its examples run."""

import re
import shlex
from html import unescape

import httpx

from app.api.endpoints import OPERATIONS
from app.rules.access import MEANING, Can

REFUSED_FOR_ITS_SHAPE = {400, 401, 405, 413, 415, 422}


def page_of(url: str) -> str:
    answer = httpx.get(f"{url}/api/v1/docs", trust_env=False)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
    return answer.text


def test_the_page_holds_every_operation_and_no_dead_link(quiet):
    page = page_of(quiet.url)
    heads = re.findall(r'<span class="method">(\w+)</span> (\S+?)</a>', page)
    paths = {(o.method, re.sub(r"<\w+:(\w+)>", r"{\1}", o.rule)) for o in OPERATIONS}
    assert sorted(heads) == sorted(paths)
    assert set(MEANING) == set(Can)
    ids = re.findall(r' id="([^"]+)"', page)
    assert len(set(ids)) == len(ids)
    assert set(re.findall(r'href="#([^"]+)"', page)) <= set(ids)
    assert not re.findall(r'(?:src|href)="(?:https?:)?//(?!127\.0\.0\.1)', page)
    assert " style=" not in page


def test_every_example_runs(school):
    """As a shell would read it; the rows that it names may be somebody else's."""
    school.carrier.number(school.account_sid, "+15125550199")
    token = school.admin().api.headers["Authorization"].split()[1]
    examples = re.findall(r'<pre id="curl-[^"]+">(.*?)</pre>', page_of(school.url), re.S)
    assert len(examples) == len(OPERATIONS)
    for example in map(unescape, examples):
        answer = run(example, token)
        assert answer.status_code not in REFUSED_FOR_ITS_SHAPE, f"{example}\n{answer.text}"
        assert answer.status_code < 500, example


def run(example: str, token: str) -> httpx.Response:
    curl, *words = shlex.split(example.replace("\\\n", " ").replace("$TOKEN", token))
    assert curl == "curl"
    given: dict[str, list[str]] = {"-X": [], "-H": [], "-d": [], "--data-urlencode": []}
    in_the_address, url = False, ""
    while words:
        word = words.pop(0)
        if word == "-G":
            in_the_address = True
        elif word in given:
            given[word].append(words.pop(0))
        else:
            url = word
    pairs = [tuple(pair.split("=", 1)) for pair in given["--data-urlencode"]]
    assert in_the_address == bool(pairs)
    method = (given["-X"] or (["POST"] if given["-d"] else ["GET"]))[0]
    headers = dict(header.split(": ", 1) for header in given["-H"])
    body = given["-d"][0].encode() if given["-d"] else None
    return httpx.request(
        method, url, params=pairs or None, headers=headers, content=body, trust_env=False
    )
