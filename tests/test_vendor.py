"""Vendored files: static/vendor is exactly what VENDOR.md says, and no icon is missing."""

import hashlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
VENDOR = ROOT / "app" / "static" / "vendor"
LISTED = dict(
    re.findall(
        r"^\| `([^`]+)` \| .+ \| `([0-9a-f]{64})` \|$", (VENDOR / "VENDOR.md").read_text(), re.M
    )
)
ICON = re.compile(r"""icons\.svg#([\w-]+)|icon\("([\w-]+)"|pill\([^)]*, "[\w-]+", "([\w-]+)"\)""")


def test_every_vendored_file_is_listed_and_every_listed_file_is_there():
    assert {path.name for path in VENDOR.iterdir()} - {"VENDOR.md"} == set(LISTED)


@pytest.mark.parametrize("name", sorted(LISTED))
def test_a_vendored_file_is_the_one_that_was_listed(name):
    assert hashlib.sha256((VENDOR / name).read_bytes()).hexdigest() == LISTED[name]


def test_every_icon_that_a_template_names_is_in_the_sprite():
    sprite = set(re.findall(r'<symbol id="([\w-]+)"', (ROOT / "app/static/icons.svg").read_text()))
    named = {
        name
        for template in (ROOT / "templates").rglob("*.html")
        for match in ICON.findall(template.read_text())
        for name in match
        if name and not name.endswith("-")
    }
    assert "message-square-text" in sprite
    assert named
    assert named <= sprite
