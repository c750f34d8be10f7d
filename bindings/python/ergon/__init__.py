# SPDX-License-Identifier: Apache-2.0
"""Energy of parts of a Python program, through libergon.

    import ergon

    with ergon.measure("train") as m:
        train()
    print(m.energy_j, m.duration_s, m.provenance)

    @ergon.measured
    def step(): ...
    step()
    print(step.energy.energy_j)

Regions may nest and run in several threads. The energy is the whole machine's during the region.
Nothing but libergon.so is needed: it is looked for in $ERGON_LIBRARY, beside this package, and
where the system's loader finds it.
"""
import ctypes
import ctypes.util
import functools
import json
import os
import threading

__all__ = ["Error", "Energy", "Meter", "measure", "measured"]


class Error(Exception):
    """What libergon refused, in its own words."""


class _Error(ctypes.Structure):
    _fields_ = [("code", ctypes.c_int), ("line", ctypes.c_long),
                ("file", ctypes.c_char * 192), ("text", ctypes.c_char * 448)]


def _candidates():
    named = os.environ.get("ERGON_LIBRARY")
    if named:
        yield named
        return
    here = os.path.dirname(os.path.abspath(__file__))
    for folder in (here, os.path.join(here, "..", "..", "..", "build")):
        for name in ("libergon.so", "libergon.so.0"):
            path = os.path.join(folder, name)
            if os.path.exists(path):
                yield path
    found = ctypes.util.find_library("ergon")
    if found:
        yield found
    yield "libergon.so.0"


def _load():
    why = None
    for name in _candidates():
        try:
            library = ctypes.CDLL(name)
            break
        except OSError as error:
            why = error
    else:
        raise Error(f"libergon cannot be loaded ({why}); set ERGON_LIBRARY to its path")
    pointer = ctypes.c_void_p
    library.ergon_meter_open.argtypes = [ctypes.POINTER(pointer), pointer, ctypes.c_char_p,
                                         ctypes.c_uint64, ctypes.POINTER(_Error)]
    library.ergon_meter_open.restype = ctypes.c_int
    library.ergon_meter_close.argtypes = [pointer]
    library.ergon_meter_close.restype = None
    library.ergon_region_begin.argtypes = [pointer, ctypes.POINTER(pointer), ctypes.POINTER(_Error)]
    library.ergon_region_begin.restype = ctypes.c_int
    library.ergon_region_end_json.argtypes = [pointer, ctypes.POINTER(pointer),
                                              ctypes.POINTER(_Error)]
    library.ergon_region_end_json.restype = ctypes.c_int
    library.ergon_free.argtypes = [pointer]
    library.ergon_free.restype = None
    return library


_lock = threading.RLock()  # a meter asks for the library while the lock is held
_library = None
_default = None


def _get_library():
    global _library
    with _lock:
        if _library is None:
            _library = _load()
        return _library


def _check(code, error):
    if code:
        place = error.file.decode(errors="replace")
        text = error.text.decode(errors="replace")
        raise Error(f"{place}: {text}" if place else text)


class Energy:
    """What a region took; filled when it has ended.

    energy_j and its 95% interval low_j, high_j are None where nothing could be read; domains maps
    a domain's name to its object as in `ergon measure --json`.
    """

    def __init__(self, name):
        self.name = name
        self.duration_s = self.energy_j = self.low_j = self.high_j = None
        self.average_power_w = self.peak_power_w = None
        self.provenance = None
        self.domains = {}
        self.document = None

    def _fill(self, document):
        total = document["total"]
        self.document = document
        self.duration_s = document["duration_s"]
        self.energy_j = total["energy_j"]
        self.low_j, self.high_j = total["energy_low_j"], total["energy_high_j"]
        self.average_power_w = total["average_power_w"]
        self.peak_power_w = total["peak_power_w"]
        self.provenance = total["provenance"]
        self.domains = {domain["name"]: domain for domain in document["domains"]}

    def __repr__(self):
        if self.document is None:
            return f"<ergon.Energy {self.name!r}: still running>"
        if self.energy_j is None:
            return f"<ergon.Energy {self.name!r}: unknown in {self.duration_s:.3f} s>"
        return (f"<ergon.Energy {self.name!r}: {self.energy_j:.3f} J {self.provenance} "
                f"in {self.duration_s:.3f} s>")


class Meter:
    """The sensors of this machine, sampled by a thread of libergon until close()."""

    def __init__(self, sensors=None, interval_s=0.1):
        self._library = _get_library()
        self._handle = ctypes.c_void_p()
        error = _Error()
        _check(self._library.ergon_meter_open(
            ctypes.byref(self._handle), None, sensors.encode() if sensors else None,
            int(interval_s * 1e9), ctypes.byref(error)), error)

    def close(self):
        if self._handle:
            self._library.ergon_meter_close(self._handle)
            self._handle = ctypes.c_void_p()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def measure(self, name=""):
        return _Region(self, name)

    def _begin(self):
        if not self._handle:
            raise Error("the meter is closed")
        region, error = ctypes.c_void_p(), _Error()
        _check(self._library.ergon_region_begin(self._handle, ctypes.byref(region),
                                                ctypes.byref(error)), error)
        return region

    def _end(self, region):
        text, error = ctypes.c_void_p(), _Error()
        _check(self._library.ergon_region_end_json(region, ctypes.byref(text),
                                                   ctypes.byref(error)), error)
        try:
            return json.loads(ctypes.string_at(text))
        finally:
            self._library.ergon_free(text)


def _default_meter():
    global _default
    with _lock:
        if _default is None:
            _default = Meter()
        return _default


class _Region:
    def __init__(self, meter, name):
        self._meter, self._energy, self._region = meter, Energy(name), None

    def __enter__(self):
        self._meter = self._meter or _default_meter()
        self._region = self._meter._begin()
        return self._energy

    def __exit__(self, *_):
        self._energy._fill(self._meter._end(self._region))


def measure(name="", meter=None):
    """A context manager that measures its block; the default meter opens at the first use."""
    return _Region(meter, name)


def measured(function):
    """Measures every call of a function; function.energy is the latest one's."""
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        with measure(function.__qualname__) as energy:
            wrapper.energy = energy
            return function(*args, **kwargs)
    wrapper.energy = None
    return wrapper
