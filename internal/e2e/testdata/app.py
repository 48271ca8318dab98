"""A Flask application with the tariff sample behind it."""

import flask

from tariff.quote import quote

app = flask.Flask(__name__)


@app.post("/quote")
def quote_view():
    order = flask.request.get_json()
    return flask.jsonify(quote(order))
