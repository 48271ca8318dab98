"""Reads orders."""
import json


def load(path):
    with open(path) as file:
        return [parse(row) for row in json.load(file)]


def parse(row):
    return {"id": row["id"], "customer": row["customer"], "lines": [normalize(line) for line in row["lines"]]}


def normalize(line):
    sku, quantity, cents = line
    return {"sku": sku.strip().upper(), "quantity": quantity, "cents": cents}
