"""Pages: what people do on a page and see there, in the words that the stories use."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Locator, Page, Response, WebSocketRoute, expect

from tests.school import PASSWORD, Member


def _on(kind: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("database_url", [kind], indirect=True, scope="session")


# The main story is told on both databases; what the others are about is in the browser. They share
# the databases out, so that both test processes have browsers to wait for.
ON_SQLITE = _on("sqlite")
ON_POSTGRESQL = _on("postgresql" if os.environ.get("TEST_POSTGRES_URL") else "sqlite")


def sign_in(page: Page, member: Member, path: str = "/inbox") -> None:
    """Without looking at the form: that has stories of its own."""
    form = {"email": member.email, "password": PASSWORD}
    answer = page.request.post("/login", form={**form, "csrf_token": token(page, "/login")})
    assert answer.ok
    page.goto(path)


def token(page: Page, path: str) -> str:
    """What the forms of a page carry, for this browser's session."""
    found = re.search(r'name="csrf_token" value="([^"]+)"', page.request.get(path).text())
    assert found
    return found[1]


def fill_sign_in(page: Page, email: str, password: str = PASSWORD) -> None:
    """On the page to sign in."""
    page.get_by_label("Email").fill(email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def sign_out(page: Page) -> None:
    page.locator("#account-menu summary").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(re.compile("/login"))


def shown_number(e164: str) -> str:
    """(512) 555-0147"""
    return f"({e164[2:5]}) {e164[5:8]}-{e164[8:]}"


# The list and the thread


def row(page: Page, name: str) -> Locator:
    return page.locator("#rows .row").filter(has_text=name)


def open_thread(page: Page, name: str) -> None:
    row(page, name).get_by_role("link").click()
    expect(page.locator("#thread h2").first).to_contain_text(name)


def item(page: Page, body: str) -> Locator:
    """The message of the open thread with this text."""
    return page.locator("#items > .item").filter(has_text=body)


def marker(page: Page, text: str) -> Locator:
    return page.locator("#items .marker").filter(has_text=text)


def phones(page: Page) -> Locator:
    """The status of each phone in the details."""
    return page.locator("#details .phones-list .pill")


# Writing


def box(page: Page) -> Locator:
    return page.get_by_role("textbox", name="Message")


def line(page: Page) -> Locator:
    """What will happen to the message, above the box."""
    return page.locator("#route .route-line > p")


def send_button(page: Page) -> Locator:
    return page.locator("#route-foot .foot .button")


def send(page: Page, body: str) -> None:
    """Write and send in the open thread, until it stands there."""
    box(page).fill(body)
    send_button(page).click()
    expect(item(page, body)).to_be_visible()
    expect(box(page)).to_have_value("")


@contextmanager
def answer_to_send(page: Page) -> Iterator[list[Response]]:
    """Filled with the server's answer to what is sent meanwhile."""
    found: list[Response] = []
    with page.expect_response(lambda r: r.request.method == "POST" and "/messages" in r.url) as got:
        yield found
    found.append(got.value)


class Line:
    """The sockets of a page, to be cut and mended again."""

    def __init__(self, page: Page) -> None:
        self._sockets: list[WebSocketRoute] = []
        self._whole = True
        page.route_web_socket(re.compile("/live"), self._opened)

    def _opened(self, socket: WebSocketRoute) -> None:
        if not self._whole:
            socket.close(code=3000)
            return
        socket.connect_to_server()
        self._sockets.append(socket)

    def cut(self) -> None:
        self._whole = False
        for socket in self._sockets:
            socket.close(code=3000)
        self._sockets.clear()

    def mend(self) -> None:
        self._whole = True
