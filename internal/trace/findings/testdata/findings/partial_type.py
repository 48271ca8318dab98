"""One row of many has None for its price."""


def price(row):
    return row.get("price")


def add(total, amount):
    return total + amount


def total(rows):
    out = 0
    for row in rows:
        out = add(out, price(row))
    return out


total([{"price": n} for n in range(1, 40)] + [{"name": "gift"}])
