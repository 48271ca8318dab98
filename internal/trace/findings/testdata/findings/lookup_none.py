"""A look-up without a match gives None, which is used two calls later."""

USERS = {"ann": {"mail": "ann@example.com"}, "bob": {"mail": "bob@example.com"}}


def find(name):
    return USERS.get(name.lower())


def header(user, subject):
    return "To: %s\nSubject: %s" % (address(user), subject)


def address(user):
    return user["mail"]


def notify(names):
    for name in names:
        header(find(name), "hello")


notify(["Ann", "Bob", "Cid"])
