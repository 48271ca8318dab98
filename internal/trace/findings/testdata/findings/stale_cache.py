"""The cache is not told of a new price."""


class Prices:
    def __init__(self, table):
        self.table, self.cache = table, {}

    def get(self, sku):
        if sku not in self.cache:
            self.cache[sku] = self.load(sku)
        return self.cache[sku]

    def load(self, sku):
        return self.table[sku]

    def set(self, sku, price):
        self.table[sku] = price


prices = Prices({"tea": 3, "jam": 4})
assert prices.get("tea") == 3
prices.set("tea", 5)
assert prices.get("tea") == 5, prices.get("tea")
