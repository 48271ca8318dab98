"""The labels of one ticket stay in the default for the next."""


def ticket(title, labels=[]):
    labels.append("new")
    return {"title": title, "labels": labels}


def board(titles):
    return [ticket(title) for title in titles]


made = board(["login fails", "typo"])
assert made[1]["labels"] == ["new"], made[1]["labels"]
