"""gevent with its patches of the standard library: threads are greenlets."""
from gevent import monkey
monkey.patch_all()
import gevent
import queue
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from gevent.pool import Pool


def fetch(n):
    time.sleep(0.0001 * (5 - n))
    return after(n)


def after(n):
    return n * 2


def put(q, n):
    q.put(fetch(n))


def fails(n):
    time.sleep(0)
    raise KeyError(n)


def caught(g):
    try:
        return g.get()
    except KeyError as e:
        return after(e.args[0])


def main():
    jobs = [gevent.spawn(fetch, n) for n in range(5)]
    gevent.joinall(jobs)
    print("greenlets", [j.value for j in jobs])
    q = queue.Queue()
    threads = [threading.Thread(target=put, args=(q, n)) for n in range(3)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    print("threads", sorted(q.get() for _ in threads))
    print("pool", Pool(2).map(fetch, range(3)))
    with ThreadPoolExecutor(2) as pool:
        print("executor", list(pool.map(fetch, range(4))))
    gevent.get_hub().print_exception = lambda *a: None
    print("raised", caught(gevent.spawn(fails, 4)))
    print("native thread", gevent.get_hub().threadpool.apply(after, (9,)))
    with gevent.Timeout(0.001, False):
        fetch(-100000)
    print("end")


main()
