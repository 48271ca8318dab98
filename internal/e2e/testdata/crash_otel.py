"""Serves the same request under OpenTelemetry's Flask instrumentation, exporting over OTLP/HTTP."""

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.flask import FlaskInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

provider = TracerProvider()  # resource and endpoint come from OTEL_* variables
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
trace.set_tracer_provider(provider)

from app import app  # noqa: E402

FlaskInstrumentor().instrument_app(app)
ORDER = {"id": "o-7731", "items": [{"grams": 12500, "quantity": 2}, {"grams": 300, "quantity": 1}], "express": False}
response = app.test_client().post("/quote", json=ORDER)
assert response.status_code == 500, response.status_code
assert provider.force_flush(10000)
