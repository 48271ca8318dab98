"""Prices a day's orders: python app.py [ORDERS.json]."""
import sys

import report
from store import load
from pricing import price


def main(path):
    orders = load(path)
    priced = [price(order) for order in orders]
    print(report.render(priced))


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "orders.json")
