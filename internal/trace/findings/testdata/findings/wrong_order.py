"""The report is written before the totals are computed."""


class Ledger:
    def __init__(self, rows):
        self.rows, self.total = rows, 0

    def add_up(self):
        for row in self.rows:
            self.total += row

    def text(self):
        return "total: %d" % self.total


def publish(rows):
    ledger = Ledger(rows)
    text = ledger.text()
    ledger.add_up()
    return text


assert publish([1, 2]) == "total: 3"
