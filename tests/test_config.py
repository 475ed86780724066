"""Settings: refused with a readable list, and the same in every process of one machine."""

import stat
from dataclasses import asdict

import pytest
from cryptography.fernet import Fernet

from app.config import ConfigError, Settings, Timing, load, load_for_up, loopback_secrets

SECRET = "a-long-and-random-enough-secret-key-0123"
KEY = Fernet.generate_key().decode()


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch, tmp_path):
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("VAR_DIR", str(tmp_path / "var"))


def settings(**values: object) -> Settings:
    return load(**{"secret_key": SECRET, "encryption_keys": KEY, **values})


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"secret_key": ""}, "SECRET_KEY is missing"),
        ({"secret_key": "short"}, "SECRET_KEY is too short"),
        ({"secret_key": "changeme" * 8}, "SECRET_KEY is too short or a sample"),
        ({"encryption_keys": ""}, "ENCRYPTION_KEYS is missing"),
        ({"encryption_keys": "no-key"}, "ENCRYPTION_KEYS: Fernet key must be"),
        ({"port": "0"}, "PORT: "),
        ({"port": "65536"}, "PORT: "),
        ({"port": "http"}, "PORT: "),
        ({"proxy_hops": "-1"}, "PROXY_HOPS: "),
        ({"database_url": "mysql://x"}, "DATABASE_URL: must begin with postgresql+psycopg://"),
        ({"database_url": "postgresql://x"}, "DATABASE_URL: must begin with postgresql+psycopg://"),
        ({"redis_url": "localhost:6379"}, "REDIS_URL: must begin with redis://"),
        ({"public_url": "http://texts.example.edu"}, "PUBLIC_URL: must begin with https://"),
        ({"public_url": "texts.example.edu"}, "PUBLIC_URL: must be an address"),
        ({"mail_url": "mail.example.edu"}, "MAIL_URL: must look like smtp://"),
        ({"log_format": "xml"}, "LOG_FORMAT: "),
        ({"timing": Timing(call_deadline=9)}, "call_deadline must be shorter than stop_wait"),
    ],
)
def test_a_wrong_value_is_refused_by_name(values, problem):
    with pytest.raises(ConfigError, match="^" + problem.replace("+", r"\+") + "|: " + problem):
        settings(**values)


def test_every_problem_is_on_a_line_of_its_own():
    with pytest.raises(ConfigError) as error:
        load()
    assert str(error.value).splitlines() == [
        "SECRET_KEY is missing: set 32 or more random characters",
        "ENCRYPTION_KEYS is missing: set at least one Fernet key",
    ]


def test_defaults_point_into_var_dir_and_at_loopback(tmp_path):
    made = settings()
    assert made.database == f"sqlite:///{tmp_path}/var/replyline.sqlite3"
    assert made.redis == f"unix://{tmp_path}/var/redis.sock"
    assert made.public == "http://127.0.0.1:8000"
    assert not made.secure_cookies


def test_an_empty_variable_is_no_variable(monkeypatch):
    monkeypatch.setenv("PORT", "")
    monkeypatch.setenv("PUBLIC_URL", "")
    assert settings().public == "http://127.0.0.1:8000"


def test_a_relative_var_dir_means_one_folder_to_all_processes(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert settings(var_dir="data").var_dir == tmp_path / "data"


def test_a_child_process_reads_the_same_settings(monkeypatch):
    parent = settings(
        encryption_keys=f"{KEY},{Fernet.generate_key().decode()}",
        mail_url="smtp://u:p@mail.example.edu:587?tls=starttls",
        timing=Timing(lease=7.5, unreachable_retries=(1.0,)),
    )
    for name, value in parent.environment().items():
        monkeypatch.setenv(name, value)
    assert load() == parent


def test_no_secret_is_in_the_printed_form():
    made = settings(mail_url="smtp://u:hunter2@mail.example.edu", metrics_token="metrics-bearer")
    for secret in (SECRET, KEY, "hunter2", "metrics-bearer"):
        assert secret not in repr(made)


def test_the_waits_of_production():
    """D14, D19, D38, S3-16; reliability 3.1 and contract 5."""
    assert asdict(Timing()) == {
        "call_deadline": 6.0,
        "stop_wait": 8.0,
        "lease": 30.0,
        "release_every": 2.0,
        "sweep_every": 15.0,
        "delivery_job": 60.0,
        "validity": 4 * 3600.0,
        "unreachable_retries": (900.0, 3600.0),
        "pace": 1.0,
        "busy_retry": 5.0,
        "breaker_first": 15.0,
        "breaker_longest": 300.0,
        "settle_looks": (15.0, 60.0, 300.0, 900.0),
        "report_looks": (600.0, 3600.0, 86_400.0, 259_200.0),
        "beat_every": 5.0,
        "outage": 15.0,
        "import_every": 600.0,
        "import_overlap": 300.0,
        "import_lease": 60.0,
        "mail_first_wait": 15.0,
        "mail_longest_wait": 1800.0,
        "mail_give_up": 24 * 3600.0,
        "hook_every": 2.0,
        "hook_deadline": 10.0,
        "hook_first_wait": 15.0,
        "hook_longest_wait": 1800.0,
        "hook_give_up": 24 * 3600.0,
        "unseen_before_notice": 120.0,
        "live_poll": 5.0,
        "live_ping": 25.0,
        "api_per_minute": 600,
        "quick_failure": 5.0,
        "password_memory": 65_536,
    }


# Secrets on loopback, and the demo


def test_loopback_secrets_are_made_once_and_are_ours_alone(tmp_path):
    made = loopback_secrets(tmp_path / "var")
    assert loopback_secrets(tmp_path / "var") == made
    files = sorted((tmp_path / "var").iterdir())
    assert [file.name for file in files] == ["encryption_keys", "secret_key"]
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert stat.S_IMODE((tmp_path / "var").stat().st_mode) == 0o700


def test_a_command_beside_up_finds_the_secrets_of_up(tmp_path):
    up = load_for_up(demo=True)
    assert load().secret_key == up.secret_key
    assert load().encryption_keys == up.encryption_keys


def test_the_environment_outranks_the_kept_secrets(monkeypatch, tmp_path):
    loopback_secrets(tmp_path / "var")
    monkeypatch.setenv("SECRET_KEY", SECRET)
    assert load().secret_key == SECRET


def test_kept_secrets_are_for_loopback_only(monkeypatch, tmp_path):
    loopback_secrets(tmp_path / "var")
    monkeypatch.setenv("PUBLIC_URL", "https://texts.example.edu")
    with pytest.raises(ConfigError, match="SECRET_KEY is missing"):
        load()


def test_a_demo_brings_its_mailbox_and_up_alone_does_not():
    demo = load_for_up(port=9000, demo=True)
    assert demo.mail_url == "smtp://127.0.0.1:9003"
    assert demo.public == "http://127.0.0.1:9000"
    with pytest.raises(ConfigError, match="MAIL_URL and MAIL_FROM are missing"):
        load_for_up(port=9000)


def test_a_demo_keeps_a_mail_server_that_was_set(monkeypatch):
    monkeypatch.setenv("MAIL_URL", "smtp://mail.example.edu")
    assert load_for_up(demo=True).mail_url == "smtp://mail.example.edu"


def test_a_demo_is_for_loopback_only(monkeypatch):
    monkeypatch.setenv("PUBLIC_URL", "https://texts.example.edu")
    with pytest.raises(ConfigError, match="--demo is for this machine alone"):
        load_for_up(demo=True)
