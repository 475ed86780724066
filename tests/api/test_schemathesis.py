"""Whatever the description of the API allows, or forbids, is answered as it says, and never a 500.

Schemathesis reads openapi.json and asks the running stack: examples, the edges of every field, and
made-up values, right and wrong ones.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.api.endpoints import OPERATIONS

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True, scope="session")

SEED = 1
EXAMPLES = 8  # made-up ones of each operation, right and wrong
MOST = 300  # seconds, on the slowest machine
CONFIG = """
[checks]
# The right shape is not all: a time zone that there is, a number that can be texted.
positive_data_acceptance.enabled = false

[checks.negative_data_rejection]
expected-statuses = [400, 401, 403, 404, 405, 409, 414, 415, 422]

# It would end the very token that asks.
[[operations]]
include-operation-id = "tokens_revoke"
headers = {{ Authorization = "{other}" }}
"""


def test_the_api_keeps_what_its_description_promises(school, elsewhere, tmp_path):
    school.pool(2)
    admin = school.admin()
    admin.send(school.person("mobile", "home"))
    other = elsewhere.admin().api.headers["Authorization"]
    (tmp_path / "schemathesis.toml").write_text(CONFIG.format(other=other))
    done = schemathesis(
        f"{school.url}/api/v1/openapi.json",
        *("--header", f"Authorization: {admin.api.headers['Authorization']}"),
        *("--origin", school.url, "--seed", str(SEED), "--max-examples", str(EXAMPLES)),
        *("--phases", "examples,coverage,fuzzing", "--workers", "2"),
        *("--report", "json", "--report-json-path", "report.json"),
        folder=tmp_path,
    )
    report = json.loads((tmp_path / "report.json").read_text())
    assert done.returncode == 0, done.stdout[-10_000:]
    assert report["complete"]
    assert report["operations"]["tested"] == len(OPERATIONS)
    assert report["test_cases"]["generated"] > 10 * len(OPERATIONS)
    assert admin.api.get("/usage").status_code == 200  # so all of this was asked with its rights


def schemathesis(*arguments: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [Path(sys.executable).with_name("schemathesis"), "run", *arguments, "--no-color"],
        cwd=folder,
        env={**os.environ, "NO_PROXY": "*", "HYPOTHESIS_STORAGE_DIRECTORY": str(folder)},
        capture_output=True,
        text=True,
        timeout=MOST,
    )
