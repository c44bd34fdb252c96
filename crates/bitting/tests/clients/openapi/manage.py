"""Generates a client from the served document, and manages keys with it."""

import os
import subprocess
import sys
import tempfile

ORIGIN, TOKEN = os.environ["ORIGIN"], os.environ["TOKEN"]

folder = tempfile.TemporaryDirectory()
config = os.path.join(folder.name, "config.yaml")
with open(config, "w") as file:
    file.write("post_hooks: []\npackage_name_override: bitting_client\n")
    # It knows no JSON lines; they are sent as they are.
    file.write("content_type_overrides:\n  application/x-ndjson: application/octet-stream\n")
generate = ["generate", "--url", f"{ORIGIN}/openapi.json", "--meta", "none", "--config", config, "--fail-on-warning"]
target = ["--output-path", os.path.join(folder.name, "bitting_client")]
subprocess.run([sys.executable, "-m", "openapi_python_client", *generate, *target], check=True, stdout=sys.stderr)
sys.path.insert(0, folder.name)

from bitting_client import AuthenticatedClient
from bitting_client.api.keys import create_key, list_keys, revoke_key, rotate_key, show_key, update_key
from bitting_client.models import CreateKey, Problem, RotateKey, Status, UpdateKey

API = "product-api"
client = AuthenticatedClient(base_url=ORIGIN, token=TOKEN)

wanted = CreateKey(name="generated", permissions=["tasks:read"])
made = create_key.sync(API, client=client, body=wanted, idempotency_key="once")
again = create_key.sync(API, client=client, body=wanted, idempotency_key="once")
assert made.key.startswith("sk_live_") and again.key is None and again.id == made.id

page = list_keys.sync(API, client=client, name="gen", limit=5)
assert [key.id for key in page.data] == [made.id] and not page.has_more

shown = show_key.sync_detailed(API, made.id, client=client)
change = UpdateKey(name="changed")
changed = update_key.sync(API, made.id, client=client, body=change, if_match=shown.headers["etag"])
assert changed.name == "changed" and changed.permissions == ["tasks:read"] and changed.expires_at is None
stale = update_key.sync(API, made.id, client=client, body=change, if_match=shown.headers["etag"])
assert isinstance(stale, Problem) and stale.code == "precondition_failed"

new = rotate_key.sync(API, made.id, client=client, body=RotateKey(overlap="24h"))
assert new.replaces == made.id and new.name == "changed"
ended = revoke_key.sync(API, new.id, client=client)
assert ended.status == Status.REVOKED
assert show_key.sync(API, new.id, client=client).code == "not_found"

print(made.key, new.key)
