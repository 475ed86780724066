"""Commands: what each of them prints, and what it says to bad input (contract 1)."""

import os
import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from cryptography.fernet import Fernet
from sqlalchemy import create_engine, text

from app import config
from app.carrier.client import CarrierClient
from tests.helpers import until

COMMANDS = [
    *("up", "web", "worker", "scheduler", "carrier", "db upgrade", "institution create"),
    *("staff create", "token create", "provider add", "numbers add", "people import", "doctor"),
]
PASSWORD = "a long enough password"


@dataclass(frozen=True, slots=True)
class Installation:
    """A fresh VAR_DIR with SQLite; its commands run as processes of their own."""

    environment: dict[str, str]
    carrier: CarrierClient
    sid: str
    token: str

    def run(
        self, *args: str, typed: str = "", **environment: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-P", "-m", "app.cli", *args],
            env=self.environment | environment,
            input=typed,
            capture_output=True,
            text=True,
            timeout=60,
        )

    def said(self, *args: str, typed: str = "") -> str:
        """The last line of a command that goes well."""
        done = self.run(*args, typed=typed)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip().splitlines()[-1]

    @contextmanager
    def running(self, *args: str) -> Iterator[None]:
        """A command that goes on until it is told to end; it ends well."""
        command = [sys.executable, "-P", "-m", "app.cli", *args]
        process = subprocess.Popen(command, env=self.environment, stderr=subprocess.DEVNULL)
        try:
            yield
            assert process.poll() is None, f"{args} has ended"
        finally:
            process.send_signal(signal.SIGTERM)
            ended = process.wait(20)
        assert ended in (0, -signal.SIGTERM)


def _free_ports() -> int:
    """The first of four free ports in a row."""
    while True:
        first = 40_000 + secrets.randbelow(20_000)
        try:
            for port in range(first, first + 4):
                socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            continue
        return first


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


@pytest.fixture(scope="module")
def made(redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """Migrated, with its carrier running."""
    port = _free_ports()
    clean = {k: v for k, v in os.environ.items() if k not in _NAMES}
    environment = clean | {
        "VAR_DIR": str(tmp_path_factory.mktemp("var")),
        "PORT": str(port),
        "REDIS_URL": redis_url,
        "SECRET_KEY": secrets.token_urlsafe(40),
        "ENCRYPTION_KEYS": Fernet.generate_key().decode(),
        "MAIL_URL": f"smtp://127.0.0.1:{port + 3}",
        "MAIL_FROM": "no-reply@replyline.example",
        "PYTHONPATH": str(config.ROOT),
    }
    carrier = CarrierClient(f"http://127.0.0.1:{port + 1}")
    sid, token = "AC" + secrets.token_hex(16), secrets.token_hex(16)
    installation = Installation(environment, carrier, sid, token)
    assert installation.run("db", "upgrade").returncode == 0
    with installation.running("carrier"):
        until(lambda: all(_listens(port + n) for n in (1, 2, 3)))
        carrier.account(sid, token)
        yield installation


_NAMES = {name.upper() for name in config.Settings.model_fields}


@pytest.fixture(scope="module")
def school(made: Installation) -> str:
    """The id of an institution with a provider account and an administrator."""
    made_id = made.said("institution", "create", "Northfield College", "--timezone", "UTC")
    add = ["provider", "add", "twilio", "--institution", made_id, "--account-sid", made.sid]
    add += ["--auth-token-stdin", "--api-url", made.carrier.base_url]
    assert made.said(*add, typed=f"{made.token}\n").isdigit()
    staff = ["staff", "create", "priya@northfield.example", "--institution", made_id]
    staff += ["--name", "Priya Shah", "--role", "Administrator", "--password-stdin"]
    assert made.said(*staff, typed=f"{PASSWORD}\n").isdigit()
    return made_id


def test_every_command_has_help_with_an_example(made):
    def help_of(command: str) -> str:
        done = made.run(*command.split(), "--help")
        assert done.returncode == 0, done.stderr
        return " ".join(done.stdout.split())

    with ThreadPoolExecutor(2) as pool:
        pages = dict(zip(COMMANDS, pool.map(help_of, COMMANDS), strict=True))
    for command, page in pages.items():
        assert page.startswith("Usage: "), command
        assert "Example: " in page, command
        assert f"replyline {command}" in page.partition("Example: ")[2], command


def test_a_school_from_nothing_to_a_call_of_the_api(made, school):
    """Contract 1: ids and the token stand alone on the last line, and they work."""
    assert school.isdigit()
    numbers = [f"+1512{secrets.randbelow(8_000_000) + 2_000_000}" for _ in range(2)]
    for number in numbers:
        made.carrier.number(made.sid, number)
    assert made.said("numbers", "add", *numbers, "--institution", school) == "2 added"
    token = made.said("token", "create", "priya@northfield.example", "--name", "reports")
    narrow = made.said(
        *("token", "create", "priya@northfield.example", "--name", "feed"),
        *("--scope", "people.read"),
    )
    assert " " not in token + narrow
    url = f"http://127.0.0.1:{made.environment['PORT']}"
    with made.running("web"), httpx.Client(base_url=url, timeout=30, trust_env=False) as client:
        until(lambda: _listens(int(made.environment["PORT"])))
        bearer = {"Authorization": f"Bearer {token}"}
        pool = client.get("/api/v1/numbers", headers=bearer).json()["items"]
        assert {number["number"] for number in pool} == set(numbers)
        narrowed = {"Authorization": f"Bearer {narrow}"}
        assert client.get("/api/v1/people", headers=narrowed).status_code == 200
        assert client.get("/api/v1/numbers", headers=narrowed).status_code == 403
    settings = made.carrier.requests()
    assert [entry for entry in settings if numbers[0] in str(entry)]  # told where to call


def test_the_doctor_looks_at_everything(made, school):
    """One line each; exit 1 as long as anything fails (S4-52)."""
    alone = made.run("doctor")
    assert alone.returncode == 1
    assert "FAIL sweep: no sweep has run for two minutes" in alone.stdout
    with made.running("web"), made.running("worker"), made.running("scheduler"):
        well = until(lambda: (done := made.run("doctor")).returncode == 0 and done, timeout=40)
    lines = well.stdout.splitlines()
    names = ["settings", "database", "migrations", "redis", "mail", "provider_account", "sweep"]
    names += ["web", "provider", "webhooks"]
    assert [line.split(maxsplit=1)[1] for line in lines[:10]] == names
    assert all(line.startswith("ok ") for line in lines)
    stays, leaves = numbers = [f"+1512{secrets.randbelow(8_000_000) + 2_000_000}" for _ in range(2)]
    for number in numbers:
        made.carrier.number(made.sid, number)
    made.said("numbers", "add", *numbers, "--institution", school)
    another = "AC" + secrets.token_hex(16)
    made.carrier.account(another, "token")
    made.carrier.number(another, leaves)
    moved = made.run("doctor", PUBLIC_URL="https://texts.example.edu")
    (line,) = [line for line in moved.stdout.splitlines() if line.startswith("FAIL webhooks: ")]
    assert f"{stays} (inbound, fallback, voice)" in line
    assert f"{leaves} (not in the account)" in line
    assert moved.returncode == 1
    dead_mail = made.run("doctor", MAIL_URL="smtp://127.0.0.1:1")
    assert dead_mail.returncode == 1
    assert "FAIL mail: " in dead_mail.stdout


def test_people_are_imported_from_a_file(made, school, tmp_path):
    """The same file again changes nothing; who is to go is asked about (C15)."""
    file = tmp_path / "people.csv"
    head = "ID,First name,Mobile phone\n"
    file.write_text(head + "".join(f"C{n},Person {n},+1512222{n:04d}\n" for n in range(5)))
    command = ("people", "import", str(file), "--institution", school)
    dry = made.run(*command, "--dry-run")
    assert dry.returncode == 0, dry.stderr
    assert dry.stdout.splitlines()[0] == "Nothing was changed. An import would give:"
    assert made.said(*command).endswith(": 5 created")
    assert made.said(*command).endswith(": 5 unchanged")
    file.write_text(head + "C0,Person 0,911\nC1,Person 1,\n")
    asked = made.run(*command, "--remove-missing")
    assert asked.returncode == 1
    lines = asked.stdout.splitlines()
    assert lines[0] == "Line 2: Mobile phone: 911 is an emergency number."
    assert lines[1].startswith("3 of 5 people would be removed.")
    assert lines[2].endswith(": 1 unchanged, 1 refused, 3 skipped")  # nothing is left asking
    confirmed = made.said(*command, "--remove-missing", "--confirm-removal", "3")
    assert confirmed.endswith(": 1 unchanged, 1 refused, 3 removed")
    broken = tmp_path / "broken.csv"
    broken.write_text(head + 'C0,Person 0,\nC1,"Person,\n')
    command = ("people", "import", str(broken), "--institution", school)
    _is_one_line(made.run(*command), "Line 3: a quote is opened and never closed")


STAFF = "staff create {new} --institution {school} --name Dana --role Advisor --password-stdin"
PROVIDER = "provider add twilio --institution {school} --account-sid {sid} --auth-token-stdin"

# What is typed (the password or token after a "<"), and what the one line says.
WRONG = [
    ("frobnicate", "No such command"),
    ("institution create X", "Missing option '--timezone'"),
    ("institution create X --timezone Mars/Base", "Mars/Base is not a time zone"),
    ("institution create X --timezone UTC --region Mars", "Mars is not a country code"),
    ("institution create X --timezone UTC --number-limit -1", "A limit is 0 or more"),
    ("institution create X --timezone UTC --message-limit many", "'many' is not a valid integer"),
    ("institution create ~ --timezone UTC", "Give the institution a name"),
    (STAFF + " <short", "at least 10 characters"),
    (STAFF.replace("{new}", "nobody") + " <" + PASSWORD, "This is not an email address"),
    (STAFF.replace("Advisor", "Wizard") + " <" + PASSWORD, "There is no role Wizard"),
    (STAFF.replace("{school}", "999") + " <" + PASSWORD, "There is no institution 999"),
    (STAFF.replace("{new}", "priya@northfield.example") + " <" + PASSWORD, "email address already"),
    ("token create {new} --name x", "There is no active member of staff"),
    ("token create priya@northfield.example --name x --scope all", "'all' is not one of"),
    (PROVIDER + " --api-url {carrier} <wrong", "does not accept this account SID and token"),
    (PROVIDER + " --api-url http://127.0.0.1:1 <token", "The provider could not be asked"),
    (PROVIDER.replace("{school}", "999") + " --no-check <token", "There is no institution 999"),
    (PROVIDER.replace("twilio", "pigeon") + " <token", "'pigeon' is not 'twilio'"),
    ("numbers add 911 --institution {school}", "911 is an emergency number"),
    ("numbers add +15125550190 --institution {school}", "does not belong to the provider account"),
    ("numbers add +15125550190 --institution 999", "There is no institution 999"),
    ("people import nowhere.csv --institution {school}", "No such file or directory"),
    ("people import pyproject.toml --institution 999", "There is no institution 999"),
    ("people import pyproject.toml --institution {school}", "Choose the column that holds"),
    ("people import Makefile --institution {school} --kind robot", "Choose one of the kinds"),
    ("worker --queue mail", "There is no queue mail"),
    ("up --port 70000", "70000 is not in the range"),
]


def test_bad_input_is_one_line_and_exit_code_2(made, school):
    def answer(row: tuple[str, str]) -> subprocess.CompletedProcess[str]:
        line, _, typed = row[0].partition(" <")
        given = {"school": school, "sid": made.sid, "carrier": made.carrier.base_url}
        words = line.format(**given, new="dana@northfield.example").split()
        return made.run(*(" " if word == "~" else word for word in words), typed=f"{typed}\n")

    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(answer, WRONG))
    for (line, says), done in zip(WRONG, answers, strict=True):
        _is_one_line(done, says, line)


def _is_one_line(done: subprocess.CompletedProcess[str], says: str, about: str = "") -> None:
    assert done.returncode == 2, (about, done.stdout, done.stderr)
    assert says in done.stderr, (about, done.stderr)
    assert done.stderr.count("\n") == 1, (about, done.stderr)
    assert done.stderr.startswith("replyline: ")


def test_a_place_that_cannot_be_used_is_one_line(made, tmp_path):
    """No tables, no database, no mail server, another version's database: never a traceback."""
    create = ("institution", "create", "X", "--timezone", "UTC")
    empty = {"VAR_DIR": str(tmp_path / "empty")}
    _is_one_line(made.run(*create, **empty), "replyline db upgrade")
    away = {"DATABASE_URL": "postgresql+psycopg://nobody@127.0.0.1:1/none"}
    _is_one_line(made.run(*create, **away), "The database is away")
    mysql = made.run(*create, DATABASE_URL="mysql://x")
    _is_one_line(mysql, "DATABASE_URL: must begin with")
    _is_one_line(made.run("up", MAIL_URL="", **empty), "MAIL_URL and MAIL_FROM are missing")
    public = {"PUBLIC_URL": "https://texts.example.edu", **empty}
    _is_one_line(made.run("up", "--demo", **public), "--demo is for this machine alone")
    newer = Path(tmp_path / "newer.sqlite3")
    engine = create_engine(f"sqlite:///{newer}")
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32))"))
        connection.execute(text("INSERT INTO alembic_version VALUES ('9999')"))
    engine.dispose()
    newer_database = made.run("db", "upgrade", DATABASE_URL=f"sqlite:///{newer}")
    _is_one_line(newer_database, "this database is newer than this version")


def test_no_secret_is_an_argument_or_an_answer(made, school):
    """X15: passwords and tokens come from standard input and are never printed."""
    staff = ["staff", "create", "kim@northfield.example", "--institution", school]
    staff += ["--name", "Kim Alvarez", "--role", "Advisor", "--password-stdin"]
    done = made.run(*staff, typed=f"{PASSWORD}\n")
    assert done.returncode == 0
    assert PASSWORD not in done.stdout + done.stderr
    without = [word for word in staff if word != "--password-stdin"]
    _is_one_line(made.run(*without), "Missing option '--password-stdin'")
