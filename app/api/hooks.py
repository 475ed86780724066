"""Hooks: how another system checks that what it is told comes from here, for the page of the
API."""

VERIFY = '''\
import base64, hashlib, hmac, time

SECRET = "whsec_..."  # shown when the webhook was made


def is_genuine(headers, body, secret=SECRET):
    """Whether Replyline sent this, just now. `body`: the bytes as they came."""
    id, stamp = headers["webhook-id"], headers["webhook-timestamp"]
    key = base64.b64decode(secret.removeprefix("whsec_"))
    told = f"{id}.{stamp}.".encode() + body
    wanted = base64.b64encode(hmac.new(key, told, hashlib.sha256).digest()).decode()
    given = [each.removeprefix("v1,") for each in headers["webhook-signature"].split()]
    is_new = abs(time.time() - int(stamp)) < 300
    return is_new and any(hmac.compare_digest(wanted, each) for each in given)
'''
