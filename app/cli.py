"""CLI: the console script `replyline`, Flask's command group with our commands in it (contract
1)."""

import os
import resource
import sys
from typing import Any, NoReturn

import click
from flask.cli import AppGroup, FlaskGroup

from app import config, create_app, logs
from app.config import ConfigError, Settings
from app.errors import ReplylineError
from app.rules.access import Can

WEB_CONNECTIONS = 20_000  # that one web process serves at the same time, open sockets aside


def _make_app() -> Any:
    """The app of a command: without pages, except for Flask's own `run` and `routes`."""
    web = bool({"run", "routes"} & set(sys.argv[1:2]))
    settings = config.load()
    logs.configure(settings, "cli")
    return create_app(settings, web=web)


class Commands(FlaskGroup):
    """One clear line and exit code 2 for whatever is the caller's fault; never a traceback for
    it."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        try:
            code = super().main(*args, **{**kwargs, "standalone_mode": False})
        except click.exceptions.NoArgsIsHelpError as error:
            error.show()
            raise SystemExit(error.exit_code) from None
        except click.ClickException as error:
            _fail(error.format_message())
        except click.Abort:
            raise SystemExit(130) from None
        except ConfigError as error:
            _fail(str(error))
        except ReplylineError as error:
            _fail("; ".join(f["message"] for f in error.fields) or str(error))
        except Exception as error:
            _fail_for_database(error)
        raise SystemExit(code if isinstance(code, int) else 0)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        # Flask's would load the app, and with it the settings, to look for more commands.
        return AppGroup.get_command(self, ctx, name)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return AppGroup.list_commands(self, ctx)


def _fail(message: str) -> NoReturn:
    click.echo(f"replyline: {message}", err=True)
    raise SystemExit(2)


def _fail_for_database(error: Exception) -> NoReturn:
    """A database that is away or has no tables is no fault of the program; the rest is."""
    from sqlalchemy.exc import DBAPIError

    if not isinstance(error, DBAPIError):
        raise error
    what = str(error.orig).strip().splitlines()[0]
    _fail(f"the database cannot be used: {what} (replyline db upgrade makes its tables)")


main = Commands(
    name="replyline",
    help="Two-way texting for schools and universities.",
    create_app=_make_app,
    add_version_option=False,
    params=[],
)


def _example(line: str) -> str:
    return f"Example: {line}"


@main.command(with_appcontext=False, epilog=_example("replyline up --demo"))
@click.option("--port", type=click.IntRange(1, 65532), help="Where the web process listens.")
@click.option("--demo", is_flag=True, help="With a practice carrier and a mailbox; loopback only.")
def up(port: int | None, demo: bool) -> None:
    """Run every process on this machine; Ctrl-C stops them."""
    from app import demo as college
    from app import supervisor

    settings = config.load_for_up(port=port, demo=demo)
    logins = college.logins() if demo else ()
    raise SystemExit(
        supervisor.run(
            settings,
            demo=demo,
            prepare=lambda s: college.prepare(s, demo=demo),
            logins=logins,
        )
    )


@main.command(with_appcontext=False, epilog=_example("replyline web"))
def web() -> None:
    """Run one web process: pages, API, webhooks and sockets."""
    settings = config.load()
    host = "127.0.0.1" if settings.on_loopback else "0.0.0.0"  # noqa: S104 (a proxy is in front)
    arguments = ["--worker-class", "gevent", "--worker-connections", str(WEB_CONNECTIONS)]
    arguments += ["--bind", f"{host}:{settings.port}", "--graceful-timeout", "3", "--timeout", "60"]
    arguments += ["--keep-alive", "75", "--no-control-socket", "--chdir", str(config.ROOT)]
    # Every open socket is a file, of which a process has 1,024 unless it asks for more.
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    # A new program, so that gevent can patch the standard library before anything has imported it.
    os.execv(  # noqa: S606 (no shell wanted)
        sys.executable, [sys.executable, "-m", "gunicorn", *arguments, "wsgi:app"]
    )


@main.command(with_appcontext=False, epilog=_example("replyline worker --queue delivery"))
@click.option("--queue", "queues", multiple=True, help="Only this queue; all of them without.")
def worker(queues: tuple[str, ...]) -> None:
    """Run one worker process."""
    from app import jobs

    if unknown := set(queues) - set(jobs.QUEUES):
        there = ", ".join(jobs.QUEUES)
        raise click.UsageError(f"There is no queue {unknown.pop()}; there are {there}.")
    _run("workers.main", _process("worker"), list(queues or jobs.QUEUES))


@main.command(with_appcontext=False, epilog=_example("replyline scheduler"))
def scheduler() -> None:
    """Run the one process that rings for periodic work."""
    _run("workers.schedule", _process("scheduler"))


@main.command(with_appcontext=False, epilog=_example("replyline carrier"))
def carrier() -> None:
    """Run the practice carrier with its phones, and the mailbox; on the ports after PORT."""
    from app.carrier.main import run

    settings = config.load()
    logs.configure(settings, "carrier")
    run(
        settings.carrier_port,
        settings.var_dir,
        mailbox_port=settings.mailbox_port,
        smtp_port=settings.smtp_port,
        app_url=settings.public,
    )


def _process(name: str) -> Settings:
    settings = config.load()
    logs.configure(settings, name)
    return settings


def _run(module: str, settings: Settings, *args: Any) -> None:
    """`app` never imports `workers`: it starts them by name."""
    from importlib import import_module

    import_module(module).run(create_app(settings, web=False), *args)


@main.group()
def db() -> None:
    """The database."""


@db.command("upgrade", epilog=_example("replyline db upgrade"))
def db_upgrade() -> None:
    """Migrate to the newest version; refuses a database newer than the code."""
    from app import migrations

    migrations.upgrade()


@main.group()
def institution() -> None:
    """Institutions."""


@institution.command(
    "create",
    epilog=_example('replyline institution create "Northfield College" --timezone America/Chicago'),
)
@click.argument("name")
@click.option("--timezone", required=True, help="IANA name, such as America/Chicago.")
@click.option("--region", default="US", show_default=True, help="Of numbers written without +.")
@click.option("--number-limit", type=int, help="Numbers that may be assigned; none = unlimited.")
@click.option("--message-limit", type=int, help="Texts a month; none = unlimited.")
def institution_create(
    name: str, timezone: str, region: str, number_limit: int | None, message_limit: int | None
) -> None:
    """Create an institution; prints its id alone on the last line."""
    from app.services import staff

    click.echo(staff.create_institution(name, timezone, region, number_limit, message_limit))


def _password() -> str:
    return sys.stdin.readline().rstrip("\r\n")


@main.group("staff")
def staff_group() -> None:
    """Staff accounts."""


@staff_group.command(
    "create",
    epilog=_example(
        "echo $PASSWORD | replyline staff create dana@northfield.example --institution 1 "
        '--name "Dana Whitfield" --role Advisor --password-stdin'
    ),
)
@click.argument("email")
@click.option("--institution", "institution_id", type=int, required=True)
@click.option("--name", required=True)
@click.option("--role", "roles", multiple=True, required=True)
@click.option("--password-stdin", is_flag=True, required=True, help="Read it from standard input.")
def staff_create(
    email: str, institution_id: int, name: str, roles: tuple[str, ...], password_stdin: bool
) -> None:
    """Create a login; prints its id alone on the last line."""
    from app.services import staff

    click.echo(staff.create(institution_id, email, name, list(roles), _password()))


@main.group()
def token() -> None:
    """API tokens."""


@token.command(
    "create",
    epilog=_example(
        "replyline token create dana@northfield.example --name reports --scope people.read"
    ),
)
@click.argument("email")
@click.option("--name", required=True, help="What the token is for.")
@click.option("--scope", "scopes", multiple=True, type=click.Choice([c.value for c in Can]))
def token_create(email: str, name: str, scopes: tuple[str, ...]) -> None:
    """Create an API token; prints it once, alone on the last line."""
    from app.services import tokens

    click.echo(tokens.issue(email, name, list(scopes) or None))


@main.group()
def provider() -> None:
    """Provider accounts."""


@provider.command(
    "add",
    epilog=_example(
        "echo $TOKEN | replyline provider add twilio --institution 1 --account-sid AC... "
        "--auth-token-stdin"
    ),
)
@click.argument("kind", type=click.Choice(["twilio"]))
@click.option("--institution", "institution_id", type=int, required=True)
@click.option("--account-sid", required=True)
@click.option(
    "--auth-token-stdin", is_flag=True, required=True, help="Read it from standard input."
)
@click.option("--api-url", help="Of a service that speaks Twilio's API; none = Twilio itself.")
@click.option("--opt-out-replies", type=click.Choice(["provider", "ours"]), default="provider")
@click.option("--no-check", is_flag=True, help="Do not test the account against the provider.")
def provider_add(
    kind: str,
    institution_id: int,
    account_sid: str,
    auth_token_stdin: bool,
    api_url: str | None,
    opt_out_replies: str,
    no_check: bool,
) -> None:
    """Add an account, tested against the provider; prints its id alone on the last line."""
    from app.models import OptOutReplies
    from app.services import accounts

    replies = OptOutReplies(opt_out_replies)
    secret = _password()
    click.echo(
        accounts.add(
            institution_id,
            account_sid,
            secret,
            api_url=api_url,
            opt_out_replies=replies,
            check=not no_check,
        )
    )


@main.group("numbers")
def numbers_group() -> None:
    """The pool of numbers."""


@numbers_group.command(
    "add", epilog=_example("replyline numbers add +15125550190 +15125550191 --institution 1")
)
@click.argument("numbers", nargs=-1, required=True)
@click.option("--institution", "institution_id", type=int, required=True)
@click.option("--no-check", is_flag=True, help="Do not set the webhook addresses at the provider.")
def numbers_add(numbers: tuple[str, ...], institution_id: int, no_check: bool) -> None:
    """Put owned numbers into the pool and set their webhook addresses at the provider."""
    from flask import current_app

    from app.services import adding

    settings: Settings = current_app.config["SETTINGS"]
    adding.add(institution_id, list(numbers), settings.public, check=not no_check)
    click.echo(f"{len(numbers)} added")


@main.group("people")
def people_group() -> None:
    """People who may be written to."""


@people_group.command(
    "import", epilog=_example("replyline people import people.csv --institution 1 --dry-run")
)
@click.argument("file", type=click.File("rb"))
@click.option("--institution", "institution_id", type=int, required=True)
@click.option("--dry-run", is_flag=True, help="Say what would happen; change nothing.")
@click.option("--kind", default="student", show_default=True, help="Of whoever's row has none.")
@click.option("--remove-missing", is_flag=True, help="Remove who has an ID and is not in the file.")
@click.option("--make-units", is_flag=True, help="Make org units of the orgs of OneRoster.")
@click.option("--confirm-removal", type=int, help="Of so many people, where it is asked.")
def people_import(
    file: Any,
    institution_id: int,
    dry_run: bool,
    kind: str,
    remove_missing: bool,
    make_units: bool,
    confirm_removal: int | None,
) -> None:
    """Import people from a CSV file or a zip of OneRoster; the names of the columns decide.

    Every row is taken as a whole or not at all, and the same file again changes nothing.
    """
    from app.services import import_command

    def told(done: int, total: int) -> None:
        if sys.stderr.isatty():
            click.echo(f"\r{done:,} of {total:,} rows", err=True, nl=done == total)

    lines, code = import_command.run(
        institution_id,
        file,
        kind=kind,
        dry_run=dry_run,
        remove_missing=remove_missing,
        make_units=make_units,
        confirmed=confirm_removal,
        told=told,
    )
    click.echo("\n".join(lines))
    raise SystemExit(code)


@main.command(epilog=_example("replyline doctor"))
def doctor() -> None:
    """Check settings, database, Redis, migrations, provider, webhooks, mail and public address."""
    from app.services import health

    results = health.examine()
    for name, problem in results:
        click.echo(
            f"{'ok  ' if problem is None else 'FAIL'} {name}{f': {problem}' if problem else ''}"
        )
    raise SystemExit(1 if any(problem for _, problem in results) else 0)


if __name__ == "__main__":
    main(prog_name="replyline")
