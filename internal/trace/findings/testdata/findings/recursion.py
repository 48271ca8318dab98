"""A folder that is its own parent is walked for ever."""


class Folder:
    def __init__(self, name):
        self.name, self.parent = name, self


def path(folder):
    if folder is None:
        return ""
    return path(folder.parent) + "/" + folder.name


path(Folder("root"))
