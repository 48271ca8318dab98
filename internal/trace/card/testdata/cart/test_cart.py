from cart import Cart


def test_add():
    cart = Cart("Bob")
    cart.add_item("Apple", 1.5, 3)
    cart.add_item("Bread", 2.0)
    assert cart.get_item_count() == 4


def test_total():
    cart = Cart("Charlie")
    cart.add_item("Laptop", 1000)


def test_independent_carts():
    cart1 = Cart("Alice")
    cart1.add_item("Apple", 1.00)
    cart2 = Cart("Bob")
    cart2.add_item("Banana", 2.00)
    assert cart1.get_item_count() == 1, "Cart1 has %d items" % cart1.get_item_count()
    assert cart2.get_item_count() == 1
