"""
A Flask application; nothing in it knows which server runs it.

    flask --app flask_app run
"""

import os

import flask

import soasap

app = flask.Flask(__name__)
flags = soasap.create_soasap_client(
    api_key=os.environ["SOASAP_API_KEY"],
    base_url=os.environ.get("SOASAP_BASE_URL", ""),
)


@app.get("/")
def checkout():
    checkout = "new" if flags.get_bool("new-checkout") else "old"
    return f"{flags.get_string('greeting', 'Hi')}, this is the {checkout} checkout.\n"


@app.get("/health")
def health():
    status = flags.status()
    return {"state": status.state, "source": status.source, "snapshot_age": status.snapshot_age, "hint": status.hint}
