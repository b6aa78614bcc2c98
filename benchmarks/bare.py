"""The yardstick: a Flask endpoint that decodes the body with orjson and answers a constant."""

from __future__ import annotations

import os
from pathlib import Path

import orjson
from flask import Flask, Response, request

app = Flask(__name__)
CONSTANT = Path(os.environ["CONSTANT"]).read_bytes()


@app.post("/")
def answer() -> Response:
    orjson.loads(request.get_data())
    return Response(CONSTANT, mimetype="application/json")
