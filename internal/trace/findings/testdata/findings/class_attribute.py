"""Every basket appends to the list of the class."""


class Basket:
    lines = []

    def __init__(self, owner):
        self.owner = owner

    def add(self, sku, price):
        self.lines.append((sku, price))

    def total(self):
        return sum(price for _, price in self.lines)


def checkout(owner, wanted):
    basket = Basket(owner)
    for sku, price in wanted:
        basket.add(sku, price)
    return basket.total()


assert checkout("ann", [("tea", 3), ("jam", 4)]) == 7
total = checkout("bob", [("rice", 2)])
assert total == 2, "bob pays %d" % total
