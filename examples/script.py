"""
A plain program that waits for its flags, and says when they change, until it is told to end.

    python script.py
"""

import os
import signal
import sys
import threading

import soasap


def tell(changes):
    for key, (old, new) in changes.items():
        print(f"{key}: {old!r} -> {new!r}", flush=True)


signal.signal(signal.SIGTERM, lambda number, frame: sys.exit())
with soasap.create_soasap_client(
    api_key=os.environ["SOASAP_API_KEY"],
    base_url=os.environ.get("SOASAP_BASE_URL", ""),
) as flags:
    if not flags.wait_ready(timeout=10):
        print("no flags within ten seconds, going on with what is known:", flags.status().last_error, flush=True)
    flags.subscribe(tell)
    checkout = "new" if flags.get_bool("new-checkout") else "old"
    print(f"{flags.get_string('greeting', 'Hi')}, this is the {checkout} checkout.", flush=True)
    threading.Event().wait()
