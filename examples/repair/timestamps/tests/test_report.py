from app.handlers.report import age, parse_report


def test_a_time_with_an_offset_is_read():
    assert parse_report("2025-07-01T12:03:00+0000").tzinfo is not None


def test_a_report_has_an_age():
    assert age("2025-07-01T12:00:00+0200", 1751364060) == 60


def test_a_time_without_a_zone_is_accepted():
    assert parse_report("2025-07-01 12:03").tzinfo is not None
