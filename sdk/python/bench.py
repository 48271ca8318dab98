"""Measures the recorder: python3 sdk/python/bench.py [exceptions]

For stacks of 20 frames of three kinds of programs: the time that one exception
takes (the median and the 99th percentile, and of the processor's time alone, which
other programs on the machine do not lengthen), the size of its document, and what was left out of
it. Then what a program without exceptions pays, beside sentry-sdk and OpenTelemetry
where they are installed.
"""

import dataclasses
import decimal
import json
import os
import platform
import random
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import repaird_evidence  # noqa: E402
from repaird_evidence import Recorder  # noqa: E402


@dataclasses.dataclass
class Line:
    sku: str
    quantity: int
    price: decimal.Decimal
    tags: tuple = ("a", "b")


class Order:
    def __init__(self, n):
        self.lines = [Line("sku-%d" % i, i, decimal.Decimal(i)) for i in range(n)]
        self.customer = {"name": "n", "city": "c", "history": list(range(20))}
        self.index = {(line.sku, line.quantity): line for line in self.lines}
        self.parent = self


class Service:
    def __init__(self, n):
        self.orders = [Order(n) for _ in range(n)]
        self.settings = {"rate": 0.2, "currency": "EUR"}

    def step(self, depth, order, payload, *, retries=3):
        total = sum(line.quantity for line in order.lines)
        names = [line.sku for line in order.lines]
        if depth == 0:
            return total / 0
        return self.step(depth - 1, self.orders[depth % len(self.orders)], payload, retries=retries - 1)


def scalars(depth, a, b, text):
    total = a * b
    if depth == 0:
        return total / 0
    return scalars(depth - 1, a + 1, b, text + "x")


def rows(depth, table):
    first = table[0]
    if depth == 0:
        return len(table) / 0
    return rows(depth - 1, table[1:])


def workloads():
    yield "scalars", lambda: scalars(19, 1, 2, "text")
    small, large = Service(3), Service(30)
    payload = {"items": [{"id": i, "name": "item %d" % i} for i in range(20)]}
    yield "objects", lambda: small.step(19, small.orders[0], payload)
    yield "large objects", lambda: large.step(19, large.orders[0], payload)
    table = [{"id": i, "name": "row %d" % i, "value": random.random()} for i in range(2000)]
    yield "2,000 rows a frame", lambda: rows(19, table)


def measure(crash, count):
    try:
        crash()
    except ZeroDivisionError as e:
        error = e
    recorder, wall, cpu, text = Recorder(), [], [], None
    for _ in range(count):
        start, used = time.perf_counter(), time.thread_time()
        text = recorder.describe(error)
        cpu.append(1000 * (time.thread_time() - used))
        wall.append(1000 * (time.perf_counter() - start))
    middle, high = count // 2, min(count - 1, int(count * 0.99))
    wall, cpu = sorted(wall), sorted(cpu)
    return wall[middle], wall[high], cpu[middle], cpu[high], text


def without_exceptions(work, repeats=7):
    """The best time of a run, in microseconds."""
    best = min(timed(work) for _ in range(repeats))
    return 1e6 * best / 2000


def timed(work):
    start = time.perf_counter()
    for _ in range(2000):
        work()
    return time.perf_counter() - start


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    print("%s %s, %d exceptions each, default limits (5 ms, 100,000 bytes)" % (platform.python_implementation(), platform.python_version(), count))
    print("%-20s %9s %9s %9s %9s %9s  %s" % ("20 frames of", "median ms", "p99 ms", "cpu ms", "cpu p99", "bytes", "left out because of"))
    for name, crash in workloads():
        median, p99, cpu, cpu99, text = measure(crash, count)
        cut = ", ".join(json.loads(text).get("cut", [])) or "-"
        print("%-20s %9.2f %9.2f %9.2f %9.2f %9d  %s" % (name, median, p99, cpu, cpu99, len(text.encode()), cut))
    try:
        import sentry_sdk
    except ImportError:
        print("sentry-sdk is not installed")
    else:
        sentry_sdk.init(dsn="http://key@127.0.0.1:9/1", transport=lambda event: None)
        before = without_exceptions(lambda: sum(range(500)))
        repaird_evidence.install()
        print("no exception, sentry-sdk:      %.2f us a unit of work before install(), %.2f us after" % (before, without_exceptions(lambda: sum(range(500)))))
    try:
        from opentelemetry.sdk.trace import TracerProvider
    except ImportError:
        print("opentelemetry-sdk is not installed")
        return
    from repaird_evidence.otel import RepairdSpanProcessor

    def span(provider):
        tracer = provider.get_tracer("bench")

        def work():
            with tracer.start_as_current_span("s"):
                pass
        return work
    bare, recorded = TracerProvider(), TracerProvider()
    recorded.add_span_processor(RepairdSpanProcessor())
    print("no exception, OpenTelemetry:   %.2f us a span without the processor, %.2f us with it" % (without_exceptions(span(bare)), without_exceptions(span(recorded))))


if __name__ == "__main__":
    main()
