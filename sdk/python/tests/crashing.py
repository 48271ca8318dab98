"""What the tests describe: it crashes."""


def crash(v):
    raise ValueError("x")


def login(password):
    raise ValueError("x")
