"""What a patch may use although its package does not: the reviewed list.

A name is here if it computes from its arguments, or keeps them, and does nothing
else: it evaluates no text, finds nothing by name, loads nothing, and looks at
neither the process nor the machine nor the clock. Names that answer differently
from run to run, wait, write or remove are not here, however usual they are.
"""

import sys

BUILTINS = set("""
abs all any ascii bin bool bytearray bytes callable chr classmethod complex dict divmod enumerate filter float format frozenset hasattr hex int
isinstance issubclass iter len list map max min next object oct ord pow property range repr reversed round set slice sorted staticmethod str sum super
tuple type zip aiter anext True False None NotImplemented Ellipsis __name__ __doc__
ArithmeticError AssertionError AttributeError BlockingIOError BrokenPipeError BufferError ChildProcessError ConnectionAbortedError ConnectionError
ConnectionRefusedError ConnectionResetError EOFError FileExistsError FileNotFoundError FloatingPointError IOError ImportError IndexError
InterruptedError IsADirectoryError KeyError LookupError MemoryError ModuleNotFoundError NameError NotADirectoryError NotImplementedError OSError
OverflowError PermissionError ProcessLookupError RecursionError ReferenceError RuntimeError StopAsyncIteration StopIteration SyntaxError
TimeoutError TypeError UnboundLocalError UnicodeDecodeError UnicodeEncodeError UnicodeError UnicodeTranslateError ValueError ZeroDivisionError
ExceptionGroup DeprecationWarning FutureWarning RuntimeWarning UserWarning Warning Exception BaseException
""".split())

# Modules of which everything may be used, but for what comes after the minus sign.
MODULES = {
    "__future__": "", "abc": "", "array": "", "base64": "", "bisect": "", "calendar": "", "cmath": "", "collections": "", "collections.abc": "",
    "colorsys": "", "copy": "", "dataclasses": "- make_dataclass", "datetime": "",
    "decimal": "- setcontext getcontext localcontext DefaultContext BasicContext ExtendedContext", "difflib": "", "enum": "", "fractions": "",
    "functools": "- cache lru_cache cached_property singledispatch singledispatchmethod", "graphlib": "", "heapq": "", "html": "",
    "ipaddress": "", "itertools": "", "json": "", "keyword": "", "math": "", "numbers": "", "operator": "- attrgetter methodcaller call",
    "re": "- Scanner template", "reprlib": "", "statistics": "", "string": "- Formatter", "struct": "", "textwrap": "",
    "typing": "- get_type_hints ForwardRef", "unicodedata": "", "urllib.parse": "", "zoneinfo": "- reset_tzpath", "email.utils": "- make_msgid localtime formatdate",
    "contextlib": "- suppress redirect_stdout redirect_stderr chdir", "http.cookies": "", "csv": "", "pprint": "",
}
# Modules of which these may be used.
PARTS = {
    "ast": "literal_eval", "asyncio": "gather wait_for shield Lock Event Condition Semaphore BoundedSemaphore Queue TimeoutError CancelledError run iscoroutine iscoroutinefunction",
    "binascii": "hexlify unhexlify a2b_hex b2a_hex a2b_base64 b2a_base64 Error", "hmac": "compare_digest", "http": "HTTPStatus HTTPMethod",
    "inspect": "isawaitable iscoroutine iscoroutinefunction isgenerator", "io": "StringIO BytesIO",
    "logging": "getLogger Logger DEBUG INFO WARNING ERROR CRITICAL NullHandler debug info warning error exception critical",
    "os": "path sep altsep linesep pathsep fspath PathLike fsencode fsdecode",
    "os.path": "join basename dirname split splitext splitdrive normpath normcase isabs commonpath commonprefix relpath sep",
    "pathlib": "Path PurePath PurePosixPath PureWindowsPath", "sys": "maxsize float_info int_info version_info byteorder maxunicode intern",
    "threading": "Lock RLock Condition Semaphore BoundedSemaphore Event", "time": "struct_time strptime",
    "types": "MappingProxyType SimpleNamespace NoneType GenericAlias UnionType", "uuid": "UUID NAMESPACE_DNS NAMESPACE_URL uuid3 uuid5",
    "warnings": "warn", "queue": "Queue SimpleQueue LifoQueue PriorityQueue Empty Full",
}
# Methods and attributes of values of those kinds.
ATTRIBUTES = set("""
capitalize casefold center count encode endswith expandtabs find format index isalnum isalpha isascii isdecimal isdigit isidentifier islower isnumeric
isprintable isspace istitle isupper join ljust lower lstrip maketrans partition removeprefix removesuffix replace rfind rindex rjust rpartition rsplit
rstrip split splitlines startswith strip swapcase title translate upper zfill decode hex fromhex
append extend insert pop remove reverse sort copy clear get items keys values setdefault update popitem fromkeys add discard union intersection
difference symmetric_difference issubset issuperset isdisjoint intersection_update difference_update symmetric_difference_update
bit_length bit_count numerator denominator real imag conjugate is_integer as_integer_ratio to_bytes from_bytes
group groups groupdict start end span match search fullmatch finditer findall sub subn pattern flags lastgroup lastindex
year month day hour minute second microsecond tzinfo fold date time timetz isoformat strftime strptime fromisoformat fromisocalendar timestamp weekday
isoweekday isocalendar toordinal fromordinal total_seconds days seconds microseconds utcoffset astimezone tzname dst combine fromtimestamp
utcfromtimestamp utctimetuple timetuple utc min max resolution
quantize is_nan is_finite is_infinite is_zero is_signed to_integral_value normalize sqrt as_tuple copy_abs copy_negate copy_sign compare exp ln
limit_denominator from_float from_decimal parent parents name stem suffix suffixes with_suffix with_name with_stem joinpath is_absolute parts
relative_to as_posix args errno strerror filename value appendleft popleft extendleft rotate maxlen most_common elements total move_to_end
new_child maps default_factory __name__ __qualname__ __doc__ __init__ __new__ __enter__ __exit__ __aenter__ __aexit__ __str__ __repr__ __len__
__iter__ __next__ __contains__ __getitem__ __add__ debug info warning error exception critical acquire release locked chain from_iterable
scheme netloc hostname port username query fragment geturl register fields key getvalue msg doc pos lineno colno put get_nowait put_nowait empty full qsize task_done default
""".split())
# Special methods that a class may gain: what they do shows where they are used.
METHODS = set("""
__init__ __new__ __post_init__ __repr__ __str__ __len__ __iter__ __next__ __contains__ __getitem__ __setitem__ __delitem__ __lt__ __le__ __gt__ __ge__
__add__ __sub__ __mul__ __truediv__ __floordiv__ __mod__ __pow__ __neg__ __pos__ __abs__ __radd__ __rsub__ __rmul__ __iadd__ __isub__ __int__
__float__ __round__ __index__ __enter__ __aenter__ __aiter__ __anext__ __copy__ __deepcopy__ __bytes__ __format__ __reversed__ __fspath__
""".split())
# Kinds of values that everything takes to be what they are called.
VALUES = set("list tuple dict set frozenset str bytes int float bool complex Decimal Fraction datetime date OrderedDict defaultdict deque Counter UserList UserDict "
             "UserString".split())
# Modules and attributes that the package's own use makes no more harmless: each further use of one needs a person.
ALWAYS = {
    "evaluates text": "eval exec compile timeit.timeit timeit.repeat timeit.Timer code.interact runpy.run_path runpy.run_module",
    "resolves names": "globals locals vars dir pydoc.locate pkgutil.resolve_name operator.attrgetter operator.methodcaller inspect.getattr_static importlib.import_module",
    "loads code or objects": "__import__ importlib.reload pickle.load pickle.loads pickle.Unpickler marshal.load marshal.loads shelve.open copyreg.pickle dill.loads "
                             "cloudpickle.loads yaml.load yaml.unsafe_load yaml.full_load joblib.load numpy.load ctypes.CDLL",
    "reads the environment": "os.environ os.environb os.getenv os.getenvb os.putenv os.unsetenv sys.argv sys.orig_argv sys.flags sys.prefix sys.exec_prefix "
                             "sys.base_prefix sys.pycache_prefix sys.executable sys.path os.getcwd os.getcwdb os.getlogin os.path.expanduser os.path.expandvars "
                             "pathlib.Path.home pathlib.Path.cwd tempfile.gettempdir sysconfig.get_path site.getsitepackages",
    "reads a traceback or a frame": "sys.exc_info sys.last_traceback sys._getframe traceback.extract_stack traceback.extract_tb traceback.format_exc traceback.walk_stack "
                                    "inspect.stack inspect.currentframe inspect.trace inspect.getouterframes",
    "waits": "time.sleep asyncio.sleep threading.Timer signal.alarm signal.pause",
    "deletes or overwrites": "os.remove os.unlink os.rmdir os.removedirs os.rename os.renames os.replace os.truncate os.chmod os.chown os.link os.symlink os.mkdir "
                             "os.makedirs shutil.rmtree shutil.move shutil.copy shutil.copy2 shutil.copyfile shutil.copytree shutil.make_archive",
    "starts something": "threading.Thread concurrent.futures.ThreadPoolExecutor concurrent.futures.ProcessPoolExecutor asyncio.create_subprocess_exec "
                        "asyncio.create_subprocess_shell asyncio.create_task asyncio.ensure_future os.startfile webbrowser.open subprocess.run subprocess.Popen "
                        "subprocess.call subprocess.check_call subprocess.check_output multiprocessing.Process multiprocessing.Pool",
    "connects": "socket.socket socket.create_connection urllib.request.urlopen http.client.HTTPConnection http.client.HTTPSConnection requests.get requests.post "
                "requests.put requests.delete requests.request requests.Session httpx.get httpx.post httpx.Client httpx.AsyncClient",
}
ALWAYS_BY_NAME = {name: what for what, names in ALWAYS.items() for name in names.split()}
# On any value, since a module or file can be had by many names.
BY_ATTRIBUTE = {
    "environ": "reads the environment", "getenv": "reads the environment", "pycache_prefix": "reads the environment", "sleep": "waits",
    "__traceback__": "reads a traceback or a frame", "with_traceback": "reads a traceback or a frame", "__context__": "reads a traceback or a frame",
    "__cause__": "reads a traceback or a frame", "unlink": "deletes or overwrites", "rmtree": "deletes or overwrites", "rmdir": "deletes or overwrites",
    "write_text": "deletes or overwrites", "write_bytes": "deletes or overwrites", "touch": "deletes or overwrites", "rename": "deletes or overwrites",
    "truncate": "deletes or overwrites", "__dict__": "resolves names", "__class__": "resolves names", "__subclasses__": "resolves names",
    "import_module": "loads code or objects", "urlopen": "connects", "connect": "connects",
}
STANDARD = set(getattr(sys, "stdlib_module_names", ())) or set("random os sys time io re types warnings subprocess threading socket builtins".split())
# Names of one kind: a package that uses one of them may use the others.
KIN = [set(names.split()) for names in (
    "now utcnow today time.time time.time_ns", "time.monotonic time.monotonic_ns time.perf_counter time.perf_counter_ns time.process_time",
    "random.random random.randint random.randrange random.choice random.choices random.sample random.shuffle random.uniform",
)]
# Modules whose mere import needs a person, beyond the package's own use.
LOADED = {
    "starts something": "subprocess multiprocessing concurrent sched asyncio.subprocess pty",
    "connects": "socket ssl http.client http.server ftplib smtplib poplib imaplib telnetlib socketserver xmlrpc urllib.request requests httpx aiohttp urllib3",
    "evaluates text": "timeit code codeop runpy cProfile profile pdb doctest",
    "resolves names": "pydoc inspect importlib pkgutil",
    "loads code or objects": "pickle marshal shelve dill cloudpickle copyreg zipimport",
    "computes a digest": "hashlib zlib",
}
LOADED_BY_NAME = {name: what for what, names in LOADED.items() for name in names.split()}


def always(name):
    """What a dotted name does that needs a person each time, also where a module of the package holds it; "" for nothing."""
    return ALWAYS_BY_NAME.get(name) or ALWAYS_BY_NAME.get(".".join(name.split(".")[-2:])) or ""


def kin(name, used):
    """Whether something of a name's kind is among the used names."""
    return any(name in kind and kind & used for kind in KIN)


def pure(module, name=""):
    """Whether a module, or a name of it, is on the list."""
    if module in MODULES:
        # A module that a module holds is not part of it.
        return name not in MODULES[module].split() and (name not in STANDARD or module in (name, "datetime"))
    return module in PARTS and (not name or name in PARTS[module].split())
