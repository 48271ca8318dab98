"""bench.py MODE OUT: times the programs of work.py bare, traced or under a
naive tracer, and prints program, seconds and events, one program a line."""
import json
import os
import sys
import time

mode, out = sys.argv[1], sys.argv[2]
here = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, here)
import work  # noqa: E402

events = 0


def naive(log):
    def trace(frame, event, arg):
        global events
        if not frame.f_code.co_filename.startswith(here):
            return None
        events += 1
        log.write(json.dumps({"event": event, "func": frame.f_code.co_name, "line": frame.f_lineno,
                              "locals": {k: repr(v)[:200] for k, v in frame.f_locals.items()}, "arg": repr(arg)[:200]}) + "\n")
        log.flush()
        return trace
    return trace


for name, program in work.PROGRAMS.items():
    best = None
    for turn in range(3):
        directory = os.path.join(out, "%s-%s-%d" % (mode, name, turn))
        os.makedirs(directory)
        events = 0
        if mode == "traced":
            sys.path.insert(0, os.environ["TRACER"])
            import repaird_tracer
            sys.path.pop(0)
            repaird_tracer.start({"include": [here], "out": directory, "max_records": 1000000, "max_bytes": 256 << 20,
                                  "max_per_function": int(os.environ.get("PER_FUNCTION", "10000000"))})
        elif mode == "naive":
            log = open(os.path.join(directory, "naive.jsonl"), "w")
            sys.settrace(naive(log))
        begin = time.thread_time()
        program()
        took = time.thread_time() - begin
        if mode == "traced":
            events = repaird_tracer._state["writer"].written
            repaird_tracer.stop()
        sys.settrace(None)
        best = took if best is None else min(best, took)
    print(name, best, events)
