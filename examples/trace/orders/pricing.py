"""Prices an order."""
from discounts import discount


def price(order):
    subtotal = sum(line_total(line) for line in order["lines"])
    rebate = discount(order["customer"], subtotal)
    return dict(order, subtotal=subtotal, rebate=rebate, total=subtotal - rebate)


def line_total(line):
    return line["quantity"] * line["cents"]
