"""Methods of small objects that take dicts, lists and other objects."""


class Item:
    def __init__(self, name, price, tags):
        self.name, self.price, self.tags = name, price, tags

    def discounted(self, rate):
        return self.price * (100 - rate) // 100


class Cart:
    def __init__(self, owner):
        self.owner, self.items, self.options = owner, [], {"currency": "EUR", "gift": False}

    def add(self, item):
        self.items.append(item)
        return self

    def total(self, rates):
        return sum([item.discounted(rate_of(item, rates)) for item in self.items])


def rate_of(item, rates):
    return rates.get(item.tags[0], 0)


def run(size):
    total, rates = 0, {"food": 5, "books": 10}
    for i in range(int(3000 * size)):
        cart = Cart({"id": i, "name": "customer %d" % i})
        for tag in ("food", "books", "toys"):
            cart.add(Item("%s %d" % (tag, i), 100 + i % 7, [tag, "new"]))
        total += cart.total(rates)
    return total
