"""Threads that share a queue and a counter behind a lock."""
import queue
import threading


class Counter:
    def __init__(self):
        self.lock, self.value = threading.Lock(), 0

    def add(self, n):
        with self.lock:
            before = self.value
            self.value = before + n
        return self


def work(jobs, counter):
    while True:
        n = jobs.get()
        if n is None:
            return
        counter.add(n)


def run(n):
    jobs, counter = queue.Queue(), Counter()
    threads = [threading.Thread(target=work, args=(jobs, counter)) for _ in range(3)]
    for t in threads:
        t.start()
    for i in range(n):
        jobs.put(i)
    for _ in threads:
        jobs.put(None)
    for t in threads:
        t.join()
    return counter.value


assert run(200) == 19900
