class Cart:
    items = []

    def __init__(self, customer_name):
        self.customer_name = customer_name

    def add_item(self, name, price, quantity=1):
        self.items.append({"name": name, "price": price, "quantity": quantity})

    def get_item_count(self):
        return sum(item["quantity"] for item in self.items)
