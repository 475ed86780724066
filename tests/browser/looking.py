"""Looking: what axe finds on a page, in both colours."""

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

AXE = Axe().axe_script
SIZES = {"wide": {"width": 1440, "height": 900}, "phone": {"width": 360, "height": 740}}
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]


def wrong_with(page: Page, rules: list[str] | None = None) -> list[str]:
    """What axe finds, and whether the page is wider than its window."""
    only = {"type": "rule", "values": rules} if rules else {"type": "tag", "values": WCAG}
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE)
    options = {"runOnly": only, "resultTypes": ["violations"]}
    found = page.evaluate("options => axe.run(options)", options)["violations"]
    wrong = [f"{page.url}: {v['id']}: {n['html'][:120]}" for v in found for n in v["nodes"]]
    if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
        wrong.append(f"{page.url}: wider than its window")
    return wrong


def looked_at(page: Page) -> list[str]:
    """In both colours; a colour changes nothing but the contrast."""
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    wrong = wrong_with(page)
    page.emulate_media(color_scheme="dark")
    return wrong + [f"dark: {each}" for each in wrong_with(page, ["color-contrast"])]
