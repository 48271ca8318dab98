"""Who gets what off."""

RATES = {"gold": 0.2, "silver": 0.1}


def discount(customer, subtotal):
    rate = rate_of(customer)
    return round(subtotal * rate)


def rate_of(customer):
    level = normalize(customer.get("level"))
    return RATES[level]


def normalize(level):
    return level.lower() if level else "none"
