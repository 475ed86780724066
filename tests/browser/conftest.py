"""The browser's stories are told on the running stack, by members of a school who sign in."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.pages import sign_in
from tests.school import Member
from tests.stack import Stack

expect.set_options(timeout=20_000)


@pytest.fixture(scope="session")
def base_url(stack: Stack) -> str:
    """Pages are named by their path alone."""
    return stack.url


@pytest.fixture
def opened(new_context: Callable[..., BrowserContext]) -> Iterator[Callable[..., Page]]:
    """Opens a browser of its own in which a member has signed in, on a page.

    `before`: what is done with the page before it is opened; the rest are the browser's settings. A
    script that fails in any of them fails the test.
    """
    wrong: list[str] = []

    def open_(
        member: Member,
        path: str = "/inbox",
        before: Callable[[Page], object] | None = None,
        **settings: object,
    ) -> Page:
        page = new_context(**settings).new_page()
        page.set_default_timeout(20_000)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("dialog", lambda dialog: (wrong.append(dialog.message), dialog.dismiss()))
        if before:
            before(page)
        sign_in(page, member, path)
        return page

    yield open_
    assert wrong == []
