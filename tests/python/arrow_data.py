"""Arrow data made by hand over the C data interface, so that every string type, and data that are wrong, can be had without an Arrow
library: Batch([("id", column), ...]) has __arrow_c_array__, Stream([batch, ...]) has __arrow_c_stream__.

A column is (format, length, offset, buffers, dictionary): bytes or None for each buffer, the first of them the validity."""

import ctypes
import struct


class Schema(ctypes.Structure):
    pass


class Array(ctypes.Structure):
    pass


class CStream(ctypes.Structure):
    pass


RELEASE_SCHEMA = ctypes.CFUNCTYPE(None, ctypes.POINTER(Schema))
RELEASE_ARRAY = ctypes.CFUNCTYPE(None, ctypes.POINTER(Array))
RELEASE_STREAM = ctypes.CFUNCTYPE(None, ctypes.POINTER(CStream))
GET_SCHEMA = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(CStream), ctypes.POINTER(Schema))
GET_NEXT = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(CStream), ctypes.POINTER(Array))
GET_ERROR = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.POINTER(CStream))
Schema._fields_ = [("format", ctypes.c_char_p), ("name", ctypes.c_char_p), ("metadata", ctypes.c_char_p), ("flags", ctypes.c_int64),
                   ("n_children", ctypes.c_int64), ("children", ctypes.POINTER(ctypes.POINTER(Schema))), ("dictionary", ctypes.POINTER(Schema)),
                   ("release", RELEASE_SCHEMA), ("private_data", ctypes.c_void_p)]
Array._fields_ = [("length", ctypes.c_int64), ("null_count", ctypes.c_int64), ("offset", ctypes.c_int64), ("n_buffers", ctypes.c_int64),
                  ("n_children", ctypes.c_int64), ("buffers", ctypes.POINTER(ctypes.c_void_p)),
                  ("children", ctypes.POINTER(ctypes.POINTER(Array))), ("dictionary", ctypes.POINTER(Array)), ("release", RELEASE_ARRAY),
                  ("private_data", ctypes.c_void_p)]
CStream._fields_ = [("get_schema", GET_SCHEMA), ("get_next", GET_NEXT), ("get_last_error", GET_ERROR), ("release", RELEASE_STREAM),
                    ("private_data", ctypes.c_void_p)]

_KEPT = []  # memory that C looks at: a test's, never given back
RELEASED = []  # a name for each struct that was released


def _kept(value):
    _KEPT.append(value)
    return value


def _release(kind, callback):
    def release(pointer):
        RELEASED.append(kind)
        pointer.contents.release = callback()
    return callback(release)


_RELEASE = {Schema: _release("schema", RELEASE_SCHEMA), Array: _release("array", RELEASE_ARRAY), CStream: _release("stream", RELEASE_STREAM)}


def _pointers(kind, items):
    made = (ctypes.POINTER(kind) * len(items))(*(ctypes.pointer(item) for item in items))
    _KEPT.extend([made, items])
    return made


def _schema(name, column):
    format, dictionary = column[0], column[4] if len(column) > 4 else None
    made = Schema(format.encode(), name.encode(), None, 2, 0, None, None, _RELEASE[Schema], None)
    if dictionary:
        made.dictionary = ctypes.pointer(_schema("", dictionary))
    return _kept(made)


def _array(column):
    format, length, offset, buffers = column[:4]
    dictionary = column[4] if len(column) > 4 else None
    held = [None if buffer is None else ctypes.create_string_buffer(buffer, len(buffer)) for buffer in buffers]
    table = (ctypes.c_void_p * len(held))(*(None if buffer is None else ctypes.addressof(buffer) for buffer in held))
    made = Array(length, -1, offset, len(held), 0, table, None, None, _RELEASE[Array], None)
    if dictionary:
        made.dictionary = ctypes.pointer(_array(dictionary))
    _KEPT.extend([held, table, made])
    return made


def _capsule(value, name):
    new = ctypes.pythonapi.PyCapsule_New
    new.restype, new.argtypes = ctypes.py_object, (ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p)
    held = name.encode()
    _KEPT.extend([value, held])
    return new(ctypes.addressof(value), held, None)


class Batch:
    def __init__(self, columns, length=None, offset=0, format="+s"):
        self.columns, self.offset, self.format = columns, offset, format
        self.length = min((column[1] for _, column in columns), default=0) - offset if length is None else length

    def schema(self):
        children = [_schema(name, column) for name, column in self.columns]
        return _kept(Schema(self.format.encode(), b"", None, 0, len(children), _pointers(Schema, children), None, _RELEASE[Schema], None))

    def array(self):
        children = [_array(column) for _, column in self.columns]
        nothing = (ctypes.c_void_p * 1)(None)
        _KEPT.append(nothing)
        return _kept(Array(self.length, 0, self.offset, 1, len(children), nothing, _pointers(Array, children), None, _RELEASE[Array], None))

    def __arrow_c_array__(self, requested_schema=None):
        return _capsule(self.schema(), "arrow_schema"), _capsule(self.array(), "arrow_array")


class Stream:
    def __init__(self, batches, error=None):
        self.batches, self.error = batches, error

    def __arrow_c_stream__(self, requested_schema=None):
        rest, message = list(self.batches), ctypes.create_string_buffer((self.error or "").encode())

        def get_schema(stream, out):
            out[0] = self.batches[0].schema()
            return 0

        def get_next(stream, out):
            if rest:
                out[0] = rest.pop(0).array()
            elif self.error:
                return 5
            else:
                out.contents.release = RELEASE_ARRAY()
            return 0

        stream = CStream(GET_SCHEMA(get_schema), GET_NEXT(get_next), GET_ERROR(lambda stream: ctypes.addressof(message)), _RELEASE[CStream], None)
        _KEPT.append(message)
        return _capsule(stream, "arrow_array_stream")


def validity(values):
    bits = bytearray((len(values) + 7) // 8)
    for i, value in enumerate(values):
        bits[i >> 3] |= (value is not None) << (i & 7)
    return bytes(bits)


def with_offsets(format, values, before=()):
    """u z U Z; `before`: values in front that an offset passes over."""
    every = [*before, *values]
    joined, ends = b"".join(value or b"" for value in every), [0]
    for value in every:
        ends.append(ends[-1] + len(value or b""))
    return (format, len(values), len(before), [validity(every), struct.pack(f"<{len(ends)}{'i' if format in 'uz' else 'q'}", *ends), joined])


def with_views(format, values):
    """vu vz, over two buffers of text."""
    views, buffers = b"", [b"", b""]
    for i, value in enumerate(value or b"" for value in values):
        if len(value) <= 12:
            views += struct.pack("<i12s", len(value), value)
        else:
            views += struct.pack("<i4sii", len(value), value[:4], i % 2, len(buffers[i % 2]))
            buffers[i % 2] += value
    return (format, len(values), 0, [validity(values), views, *buffers, struct.pack("<2q", *map(len, buffers))])


def with_dictionary(index_format, values, inner="u"):
    """A dictionary of the distinct values; `index_format` one of cCsSiIlL."""
    distinct = sorted({value for value in values if value is not None})
    code = {"c": "b", "C": "B", "s": "h", "S": "H", "i": "i", "I": "I", "l": "q", "L": "Q"}[index_format]
    indices = struct.pack(f"<{len(values)}{code}", *(0 if value is None else distinct.index(value) for value in values))
    dictionary = with_views(inner, distinct) if inner.startswith("v") else with_offsets(inner, distinct)
    return (index_format, len(values), 0, [validity(values), indices], dictionary)
