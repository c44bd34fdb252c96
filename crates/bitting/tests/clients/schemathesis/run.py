"""Lets schemathesis look for requests that a server answers otherwise than its document says."""

import os
import subprocess
import sys
import tempfile

FOLDER = os.environ["FOLDER"]

# It keeps what it has seen in its working folder, keys and all.
with tempfile.TemporaryDirectory() as folder:
    program = os.path.join(os.path.dirname(sys.executable), "schemathesis")
    config = ["--config-file", os.path.join(FOLDER, "schemathesis.toml")]
    what = [os.environ["DOCUMENT"], "--url", os.environ["ORIGIN"], "--checks", "all", "--no-color"]
    # The same requests each time, as far as answers are; another number finds others.
    seed = ["--seed", os.environ.get("SCHEMATHESIS_SEED", "1")]
    token = ["--header", f"Authorization: Bearer {os.environ['TOKEN']}"]
    hooks = {**os.environ, "SCHEMATHESIS_HOOKS": "hooks", "PYTHONPATH": FOLDER}
    command = [program, *config, "run", *what, *seed, *token]
    done = subprocess.run(command, cwd=folder, env=hooks, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
print(done.stdout)
sys.exit(done.returncode)
