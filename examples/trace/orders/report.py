"""Prints what was priced."""


def render(orders):
    return "\n".join(row(order) for order in orders)


def row(order):
    return "%s %8.2f" % (order["id"], order["total"] / 100)
