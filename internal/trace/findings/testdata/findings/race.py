"""Two threads read the balance before either has written it."""
import threading


class Account:
    def __init__(self, balance):
        self.balance = balance

    def withdraw(self, amount, meet):
        before = self.read()
        meet.wait(20)
        self.write(before - amount)

    def read(self):
        return self.balance

    def write(self, balance):
        self.balance = balance


def settle(account):
    meet = threading.Barrier(2)
    threads = [threading.Thread(target=account.withdraw, args=(n, meet)) for n in (30, 50)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    check(account)


def check(account):
    assert account.balance == 20, account.balance


settle(Account(100))
