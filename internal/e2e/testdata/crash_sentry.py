"""Serves one request that crashes, with the Sentry SDK from the environment (SENTRY_DSN, SENTRY_RELEASE)."""

import sentry_sdk
from sentry_sdk.integrations.flask import FlaskIntegration

sentry_sdk.init(integrations=[FlaskIntegration()], environment="production")

from app import app  # noqa: E402  (after the SDK has patched Flask)

ORDER = {"id": "o-7731", "items": [{"grams": 12500, "quantity": 2}, {"grams": 300, "quantity": 1}], "express": False}
response = app.test_client().post("/quote", json=ORDER, headers={"Authorization": "Bearer sk-canary-flask-0123456789abcdef"})
assert response.status_code == 500, response.status_code
sentry_sdk.flush(timeout=10)
