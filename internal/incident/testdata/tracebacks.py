"""Writes the traceback texts beside it: python3.11 tracebacks.py ."""
import traceback, sys, json, concurrent.futures
out = sys.argv[1]
def save(name, exc):
    with open(f"{out}/{name}.txt", "w") as f:
        f.write("".join(traceback.format_exception(exc)))
class PricingError(RuntimeError): pass
class Outer:
    class Inner(Exception): pass
def average(lines): return sum(lines) / len(lines)
def quote(lines):
    try: return average(lines)
    except ZeroDivisionError as e: raise PricingError("cannot price cart") from e
def context(d):
    try: return d["a"]
    except KeyError: return average([])
def recurse(n): return recurse(n + 1)
def noted():
    e = ValueError("first line\nsecond line\n\nfourth line")
    e.add_note("a note"); e.add_note("a longer\nnote")
    raise e
def syntax(): compile("x = = 1", "<template>", "exec")
def nomessage(): raise KeyboardInterrupt
def nested(): raise Outer.Inner("in a class")
def local():
    class Local(Exception): pass
    raise Local("in a function")
def group():
    errs = []
    for f in (lambda: quote([]), lambda: context({}), nomessage_e):
        try: f()
        except Exception as e: errs.append(e)
    inner = ExceptionGroup("inner", [ValueError("never raised"), errs[0]])
    try: raise inner
    except ExceptionGroup as g: errs.append(g)
    raise ExceptionGroup("4 failed\nin two lines", errs)
def nomessage_e(): raise LookupError
def grouped_from():
    try: group()
    except ExceptionGroup as g: raise PricingError("after a group") from g
def group_from():
    try: average([])
    except ZeroDivisionError as e: raise ExceptionGroup("from a cause", [TypeError("t")]) from e
def many(): raise ExceptionGroup("many", [ValueError(i) for i in range(20)])
def deep():
    e = ValueError("bottom")
    for i in range(14): e = ExceptionGroup(f"level {i}", [e])
    raise e
def work(): return average([])
def remote():
    with concurrent.futures.ProcessPoolExecutor(1) as pool: pool.submit(work).result()
if __name__ == "__main__":
    for name, f, a in [("cause", quote, ([],)), ("context", context, ({},)), ("recursion", recurse, (0,)), ("notes", noted, ()), ("syntax", syntax, ()), ("no_message", nomessage, ()), ("nested_class", nested, ()), ("local_class", local, ()), ("group", group, ()), ("after_group", grouped_from, ()), ("group_from_cause", group_from, ()), ("wide_group", many, ()), ("deep_group", deep, ()), ("remote", remote, ())]:
        try: f(*a)
        except BaseException as e: save(name, e)
