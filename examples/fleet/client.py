"""
A plain client: prints each value of the flag `n` that it reads, with the moment, as a line of JSON.

Its name is the argument; `fleet.py` starts some of them.
"""

import json
import os
import sys
import threading
import time

import soasap


def reader(name: str, base_url: str) -> soasap.SoasapClientImpl:
    """A client that tells what it reads. Only `base_url` says that there is a relay."""

    def tell(changes: dict) -> None:
        if "n" in changes:
            line = {"who": name, "via": base_url, "n": changes["n"].new, "at": time.monotonic()}
            sys.stdout.write(json.dumps(line) + "\n")  # in one piece: others write to the same pipe
            sys.stdout.flush()

    return soasap.create_soasap_client(
        api_key=os.environ["SOASAP_API_KEY"], base_url=base_url, cache=None, preload=True, on_update=tell
    )


if __name__ == "__main__":
    flags = reader(sys.argv[1], os.environ["SOASAP_RELAYS"].split()[int(sys.argv[2])])
    threading.Event().wait()  # until it is killed
