"""A stand-in for a test runner: code out of scope that calls test functions."""
import importlib
import os
import sys
import traceback


def main():
    sys.path.insert(0, sys.argv[1])
    failed = 0
    for name in sorted(os.listdir(sys.argv[1])):
        if not name.startswith("test_") or not name.endswith(".py"):
            continue
        module = importlib.import_module(name[:-3])
        for attr, function in list(vars(module).items()):
            if attr.startswith("test_"):
                try:
                    function()
                    print(attr, "passed")
                except BaseException:
                    failed += 1
                    print(attr, "failed")
                    traceback.print_exc(file=sys.stdout)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
