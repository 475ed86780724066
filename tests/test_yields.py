"""Under gevent nothing may yield inside a writing transaction on SQLite (design 3): a switch there
would freeze the whole process for as long as another greenlet waits for its turn."""

import subprocess
import sys

from app import config

# A web process in small: patched by gevent, with a trace on every switch between greenlets.
WEB_PROCESS = """
import gevent.monkey; gevent.monkey.patch_all()
import pathlib, secrets, sys, traceback
import gevent, greenlet
from twilio.request_validator import RequestValidator
from app import config, create_app, database, logs, migrations
from app.services import adding
from app.services import accounts, numbers, people, staff, tokens
from app.rules.access import Can, Viewer

yields = []

def watch(event, switch):
    if database._turn.locked():
        yields.append("".join(traceback.format_stack(switch[0].gr_frame)[-4:]))

var = pathlib.Path(sys.argv[1])
config.loopback_secrets(var)
settings = config.load(var_dir=var, redis_url="unix:///nowhere.sock", mail_url="", port=9)
logs.configure(settings, "web")
app = create_app(settings)
app.config["WTF_CSRF_ENABLED"] = False
SID, TOKEN = "AC" + "1" * 32, "token"
with app.app_context():
    migrations.upgrade()
    college = staff.create_institution("Northfield", "America/Chicago", "US")
    dana = staff.create(college, "dana@northfield.example", "Dana", ["Advisor"], "a long password")
    accounts.add(college, SID, TOKEN, check=False)
    adding.add(college, ["+15125550190"], settings.public, check=False)
    viewer = Viewer(dana, college, "Dana", "dana@x.example", "UTC", "US", frozenset(Can))
    fields = {"kind": "student", "given_name": "Maya", "family_name": "Torres"}
    maya = people.create(viewer, fields, [("+15125550147", "mobile")])
    token = tokens.issue("dana@northfield.example", "t", None)

def webhook(body):
    form = {"MessageSid": "SM" + secrets.token_hex(16), "AccountSid": SID, "From": "+15125550147"}
    form |= {"To": "+15125550190", "Body": body, "NumMedia": "0"}
    path = "/webhooks/twilio/inbound"
    signature = RequestValidator(TOKEN).compute_signature(settings.public + path, form)
    answer = app.test_client().post(path, data=form, headers={"X-Twilio-Signature": signature})
    assert answer.status_code == 200, answer.status_code

def advisor(n):
    client = app.test_client()
    client.post("/login", data={"email": "dana@northfield.example", "password": "a long password"})
    page = client.post("/inbox/new", data={"person_id": maya, "body": f"Hello {n}", "key": str(n)})
    assert page.status_code == 303, page.status_code
    client.post(page.location + "/archive")
    client.post("/logout")

def program(key):
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": key}
    made = app.test_client().post("/api/v1/people", json={"given_name": "Pat"}, headers=headers)
    assert made.status_code == 201, made.status_code

def sleeper():
    with app.app_context(), database.transaction():
        gevent.sleep(0.01)

greenlet.settrace(watch)
gevent.spawn(sleeper).join()
assert yields, "the trace sees nothing"
yields.clear()
jobs = [gevent.spawn(advisor, n) for n in range(3)]
jobs += [gevent.spawn(program, key) for key in ("a", "a", "b")]
jobs += [gevent.spawn(webhook, body) for body in ("hello", "STOP", "START", "please stop texting")]
gevent.joinall(jobs, raise_error=True)
greenlet.settrace(None)
print(f"{len(yields)} yields", *yields[:3], sep="\\n")
"""


def test_no_use_case_of_the_web_yields_while_it_writes(tmp_path):
    done = subprocess.run(
        [sys.executable, "-P", "-c", WEB_PROCESS, str(tmp_path)],
        env={"PYTHONPATH": str(config.ROOT), "PATH": ""},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout == "0 yields\n", done.stdout + done.stderr[-3000:]
