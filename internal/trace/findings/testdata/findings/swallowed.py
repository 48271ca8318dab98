"""A broad handler turns a missing rate into zero."""

RATES = {"EUR": 1.0, "USD": 0.9}


def rate(currency):
    return RATES[currency]


def convert(amount, currency):
    try:
        return amount * rate(currency)
    except Exception:
        return 0


def invoice(lines):
    total = 0
    for amount, currency in lines:
        total += convert(amount, currency)
    return total


total = invoice([(100, "EUR"), (50, "USD"), (10, "GBP")])
assert total > 145, "total is %s" % total
