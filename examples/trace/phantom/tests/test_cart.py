from shop.cart import Cart


def test_a_cart_counts_its_items():
    cart = Cart("Bob")
    cart.add_item("Apple", 1.5, quantity=3)
    cart.add_item("Bread", 2.0)
    assert cart.get_item_count() == 4


def test_an_expensive_item_can_be_added():
    cart = Cart("Charlie")
    cart.add_item("Laptop", 1000)
    assert cart.get_total() >= 1000


def test_carts_are_independent():
    cart1 = Cart("Alice")
    cart1.add_item("Apple", 1.00)
    cart2 = Cart("Dora")
    cart2.add_item("Banana", 2.00)
    assert cart1.get_item_count() == 1, f"cart1 has {cart1.get_item_count()} items"
    assert cart2.get_item_count() == 1, f"cart2 has {cart2.get_item_count()} items"
