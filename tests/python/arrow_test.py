"""detect_arrow: rows equal single calls; every column type, made by hand; what is wrong is refused; and, where they are installed, tables
of pyarrow and polars. VERDIGRIS_ARROW_LIBRARIES=1, of the engines' test run, demands them."""

import ctypes
import importlib.util
import os
import pathlib
import struct
import unittest

import arrow_data
import key_files
import verdigris
from arrow_data import Array, Batch, CStream, Schema, Stream, validity
from verdigris import errors

TOKENIZER = pathlib.Path(__file__).resolve().parents[2] / "datasets" / "pocket_lm" / "tokenizer.model"
POCKET = verdigris.Pocket()
PROFILE = verdigris.Profile.parse(key_files.profile(vocab=POCKET.vocab, share=256, special=[(0, 2)], tokenizer_sha256=POCKET.tokenizer.sha256))
KEYS = [verdigris.Key.parse(key_files.tree(PROFILE.scheme_id)["provider"])]
TEXTS = ["Once upon a time there was a dog.", None, "", "She went home, and it was late. " * 4]
IDS = [POCKET.tokenizer.encode(text) if text is not None else None for text in TEXTS]
NAMES = ["verdict", "log10_p", "log10_p_anytime", "tokens", "scored", "repeats"]


def expected(documents):
    rows = []
    for document in documents:
        finding = verdigris.detect(document, PROFILE, KEYS, tokenizer=TOKENIZER) if document is not None else None
        rows.append(None if finding is None else tuple(getattr(finding, name) for name in NAMES))
    return rows


def read(stream):
    """The rows of a __arrow_c_stream__, by the C data interface."""
    take = ctypes.pythonapi.PyCapsule_GetPointer
    take.restype, take.argtypes = ctypes.c_void_p, (ctypes.py_object, ctypes.c_char_p)
    capsule = stream.__arrow_c_stream__()
    c = ctypes.cast(take(capsule, b"arrow_array_stream"), ctypes.POINTER(CStream))
    schema, rows = Schema(), []
    assert c.contents.get_schema(c, ctypes.byref(schema)) == 0
    assert schema.format == b"+s" and [schema.children[i].contents.name.decode() for i in range(6)] == NAMES
    formats = [schema.children[i].contents.format.decode() for i in range(6)]
    schema.release(ctypes.byref(schema))
    while True:
        array = Array()
        if c.contents.get_next(c, ctypes.byref(array)) != 0:
            raise ValueError(ctypes.string_at(c.contents.get_last_error(c)).decode())
        if not array.release:
            return rows
        for row in range(array.length):
            values = []
            for column, format in zip((array.children[i].contents for i in range(6)), formats):
                if not ctypes.string_at(column.buffers[0] + row // 8, 1)[0] >> (row % 8) & 1:
                    values.append(None)
                elif format == "u":
                    begin, end = struct.unpack("<2i", ctypes.string_at(column.buffers[1] + 4 * row, 8))
                    values.append(ctypes.string_at(column.buffers[2] + begin, end - begin).decode())
                else:
                    values += struct.unpack("<d" if format == "g" else "<q", ctypes.string_at(column.buffers[1] + 8 * row, 8))
            rows.append(None if values == [None] * 6 else tuple(values))
        array.release(ctypes.byref(array))


class Lists:
    """A batch with one column of lists: `format` +l, +L or +w:n, items of `item`."""

    def __init__(self, format, item, values, offset=0, bad_end=0):
        self.format, self.item, self.offset = format, item, offset
        flat, ends = [], [0]
        for value in values:
            flat += value or ([0] * int(format[3:]) if format.startswith("+w") else [])
            ends.append(len(flat))
        ends[-1] += bad_end
        code = {"c": "b", "C": "B", "s": "h", "S": "H", "i": "i", "I": "I", "l": "q", "L": "Q"}[item]
        self.items = (item, len(flat), 0, [None, struct.pack(f"<{len(flat)}{code}", *flat)])
        places = struct.pack(f"<{len(ends)}{'q' if format == '+L' else 'i'}", *ends)
        self.list = (format, len(values) - offset, offset, [validity(values)] + ([] if format.startswith("+w") else [places]))

    def __arrow_c_array__(self, requested_schema=None):
        batch = Batch([("ids", self.list)], length=self.list[1], offset=0)
        schema, array = batch.schema(), batch.array()
        for outer, inner, kind in ((schema, arrow_data._schema("item", self.items), Schema), (array, arrow_data._array(self.items), Array)):
            child = outer.children[0].contents
            child.n_children, child.children = 1, arrow_data._pointers(kind, [inner])
        return arrow_data._capsule(schema, "arrow_schema"), arrow_data._capsule(array, "arrow_array")


def detect(data, column="text"):
    return verdigris.detect_arrow(data, column, PROFILE, KEYS, tokenizer=TOKENIZER)


class ByHand(unittest.TestCase):
    def test_strings(self):
        values, rows = [text if text is None else text.encode() for text in TEXTS], expected(TEXTS)
        self.assertIsNone(rows[1])
        columns = [arrow_data.with_offsets(format, values) for format in "uU"] + [arrow_data.with_views("vu", values), arrow_data.with_offsets("u", values, [b"before"]),
                                                                                 arrow_data.with_dictionary("i", values)]
        for column in columns:
            self.assertEqual(read(detect(Batch([("text", column)]))), rows)
        batches = [Batch([("id", columns[1]), ("text", columns[0])]) for _ in range(2)]
        self.assertEqual(read(detect(Stream(batches))), rows * 2)
        self.assertEqual(read(detect(Batch([("text", columns[0])], offset=2))), rows[2:])

    def test_lists_of_ids(self):
        rows = expected(IDS)
        for format in ("+l", "+L"):
            for item in "sSiIlL":
                self.assertEqual(read(detect(Lists(format, item, IDS), "ids")), rows, (format, item))
        self.assertEqual(read(detect(Lists("+l", "i", IDS, offset=2), "ids")), rows[2:])
        same = [[5, 6, 7, 8], None, [9, 10, 5, 6]]
        self.assertEqual(read(detect(Lists("+w:4", "i", same), "ids")), expected(same))
        # Ids need no tokenizer.
        self.assertEqual(read(verdigris.detect_arrow(Lists("+l", "i", IDS), "ids", PROFILE, KEYS)), rows)

    def test_what_is_refused(self):
        text = arrow_data.with_offsets("u", [b"text"])
        at_once = [(lambda: detect(Batch([("text", text)]), "other"), errors.InvalidArgument), (lambda: detect([1]), errors.InvalidArgument),
                   (lambda: detect(Batch([("text", text)], format="i")), errors.InvalidArgument),
                   (lambda: verdigris.detect_arrow(Batch([("text", text)]), "text", PROFILE, KEYS, tokenizer="/nowhere"), errors.NotFound)]
        for call, kind in at_once:
            with self.assertRaises(kind):
                call()
        later = [(Batch([("text", ("i", 1, 0, [None, bytes(4)]))]), "strings"), (Stream([Batch([("text", text)])], error="cut off"), "cut off")]
        for data, said in later:
            with self.assertRaisesRegex(ValueError, said):
                read(detect(data))
        for data, said in ((Lists("+l", "l", [[5, 2**33]]), "row 0 holds what is no token id"), (Lists("+l", "i", [[5, -1]]), "row 0"),
                           (Lists("+l", "i", [[5, 6]], bad_end=9), "inside of the integers"), (Lists("+l", "I", [[5, 2**24, 7]]), "row 0 of a batch: .*16777216")):
            with self.assertRaisesRegex(ValueError, said):
                read(detect(data, "ids"))

    def test_everything_is_released_and_taken_once(self):
        arrow_data.RELEASED.clear()
        found = detect(Stream([Batch([("text", arrow_data.with_offsets("u", [b"text"]))])]))
        capsule = found.__arrow_c_stream__()
        with self.assertRaises(errors.InvalidArgument):
            found.__arrow_c_stream__()
        del capsule, found
        self.assertEqual(sorted(arrow_data.RELEASED), ["schema", "stream"])
        unused = detect(Stream([Batch([("text", arrow_data.with_offsets("u", [b"text"]))])]))
        del unused
        self.assertEqual(sorted(arrow_data.RELEASED), ["schema"] * 2 + ["stream"] * 2)


def to_pyarrow(stream):
    import pyarrow as pa
    reader = pa.RecordBatchReader
    if hasattr(reader, "from_stream"):
        return reader.from_stream(stream).read_all()
    return reader._import_from_c_capsule(stream.__arrow_c_stream__()).read_all()  # release 14, the first with capsules


class Libraries(unittest.TestCase):
    def need(self, name):
        if importlib.util.find_spec(name) is None:
            self.assertNotEqual(os.environ.get("VERDIGRIS_ARROW_LIBRARIES"), "1", name)
            self.skipTest(f"{name} is not installed")

    def test_pyarrow(self):
        self.need("pyarrow")
        import pyarrow as pa
        rows = [dict(zip(NAMES, row or [None] * 6)) for row in expected(TEXTS)]
        for kind in (pa.string(), pa.large_string(), *([pa.string_view()] if hasattr(pa, "string_view") else [])):
            table = pa.table({"text": pa.chunked_array([pa.array(TEXTS[:2], kind), pa.array(TEXTS[2:], kind)])})
            self.assertEqual(to_pyarrow(detect(table)).to_pylist(), rows)
        table = pa.table({"ids": pa.array(IDS, pa.list_(pa.int32()))})
        self.assertEqual(to_pyarrow(detect(table, "ids")).to_pylist(), rows)
        self.assertEqual(to_pyarrow(detect(table.to_batches()[0], "ids")).to_pylist(), rows)

    def test_polars(self):
        self.need("polars")
        import polars as pl
        rows = [dict(zip(NAMES, row or [None] * 6)) for row in expected(TEXTS)]
        self.assertEqual(pl.DataFrame(detect(pl.DataFrame({"text": TEXTS}))).to_dicts(), rows)
        self.assertEqual(pl.DataFrame(detect(pl.DataFrame({"ids": IDS}), "ids")).to_dicts(), rows)


if __name__ == "__main__":
    unittest.main()
