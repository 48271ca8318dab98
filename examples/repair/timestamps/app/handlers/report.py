"""Reports that clients send.

Timestamps: RFC 3339 with an offset, or YYYY-MM-DD HH:MM in UTC.
"""
from datetime import datetime, timezone


def parse_report(ts: str) -> datetime:
    return datetime.strptime(ts, "%Y-%m-%dT%H:%M:%S%z")


def age(ts: str, now: float) -> float:
    """The seconds since a report's time."""
    return (datetime.fromtimestamp(now, timezone.utc) - parse_report(ts)).total_seconds()
