"""The change is made in a copy."""


def options(base):
    return dict(base)


def set_option(base, key, value):
    own = options(base)
    own[key] = value


def build():
    config = {"debug": False, "level": 1}
    set_option(config, "debug", True)
    return config


assert build()["debug"], build()
