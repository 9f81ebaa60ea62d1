// Arrays of token ids: types, byte orders, heads of .npy, data sets of Megatron, and what is wrong with them.
#include "tests/verify/corpus/corpus_files.h"
#include "verify/corpus/token_array.h"

namespace verdigris::verify {
namespace {

std::string Bytes(const std::vector<int64_t>& values, size_t width, bool big_endian = false) {
  std::string out;
  for (const int64_t value : values) {
    std::string one;
    for (size_t i = 0; i < width; ++i) one += static_cast<char>(static_cast<uint64_t>(value) >> 8 * i);
    if (big_endian) std::reverse(one.begin(), one.end());
    out += one;
  }
  return out;
}

std::string Npy(std::string_view dictionary, std::string_view data) {
  return std::string("\x93NUMPY\x01\0", 8) + Bytes({static_cast<int64_t>(dictionary.size())}, 2) + std::string(dictionary) + std::string(data);
}

std::string Vector(std::string_view type, const std::vector<int64_t>& values) {
  const size_t width = static_cast<size_t>(type[2] - '0');
  return Npy("{'descr': '" + std::string(type) + "', 'fortran_order': False, 'shape': (" + std::to_string(values.size()) + ",), }  \n",
             Bytes(values, width, type[0] == '>'));
}

std::string Index(int code, const std::vector<int64_t>& sizes, const std::vector<int64_t>& pointers, const std::vector<int64_t>& documents) {
  return std::string(kMegatronMagic) + Bytes({1}, 8) + Bytes({code}, 1) + Bytes({static_cast<int64_t>(sizes.size())}, 8) +
         Bytes({static_cast<int64_t>(documents.size())}, 8) + Bytes(sizes, 4) + Bytes(pointers, 8) + Bytes(documents, 8);
}

ReadOptions CutAt(int64_t eos) {
  ReadOptions options;
  options.eos = eos;
  return options;
}

}  // namespace

TEST_CASE("npy: every type and byte order, cut at an id or not") {
  const TemporaryFolder folder;
  for (const char* type : {"<u2", ">u2", "<u4", ">u4", "<i4", ">i4", "<i8", ">i8"}) {
    CAPTURE(type);
    const std::string bytes = Vector(type, {5, 300, 2, 7, 2, 2, 9});
    const Pass pass = ReadBytes(folder, "x.npy", bytes, CutAt(2));
    CHECK(pass.records == std::vector<Seen>{{0, 0, "5 300", "", ""}, {0, 3, "7", "", ""}, {0, 6, "9", "", ""}});
    CHECK(Contents(ReadBytes(folder, "y.npy", bytes)) == Strings{"5 300 2 7 2 2 9"});
    CHECK(Contents(ReadBytes(folder, "z.npy", Gzip(bytes), CutAt(2))) == Contents(pass));
  }
  CHECK(Contents(ReadBytes(folder, "a.npy", Vector("<i8", {1, -1, 2, 3, 2, 1 << 24, 2, (1 << 24) - 1}), CutAt(2))) ==
        Strings{"<id_out_of_range>", "3", "<id_out_of_range>", "16777215"});
  CHECK(Contents(ReadBytes(folder, "b.npy", Vector("<u2", {}), CutAt(2))) == Strings{});
  CHECK(Contents(ReadBytes(folder, "c.npy", Npy("{'descr': '<u2', 'fortran_order': False, 'shape': (2, 3)}", Bytes({1, 2, 3, 4, 5, 6}, 2)), CutAt(2))) ==
        Strings{"1 2 3", "4 5 6"});
  CHECK(Contents(ReadBytes(folder, "d.npy", Npy("{'descr': '<u2', 'fortran_order': False, 'shape': (5, 0)}", ""))) == Strings{});
  ReadOptions small = CutAt(2);
  small.max_record_bytes = 12;
  CHECK(Contents(ReadBytes(folder, "e.npy", Vector("<u2", {1, 1, 1, 2, 1, 1, 1, 1, 2, 5}), small)) == Strings{"1 1 1", "<too_long>", "5"});
  std::vector<int64_t> many(1000000, 1);
  many.push_back(2);
  many.push_back(7);
  CHECK(Contents(ReadBytes(folder, "f.npy", Vector("<i8", many), small)) == Strings{"<too_long>", "7"});
  small.max_record_bytes = 11;
  CHECK(Contents(ReadBytes(folder, "g.npy", Npy("{'descr': '<u2', 'fortran_order': False, 'shape': (2, 3)}", Bytes({1, 2, 3, 4, 5, 6}, 2)), small)) ==
        Strings{"<too_long>", "<too_long>"});
}

TEST_CASE("npy: heads that are not sound are a broken segment") {
  const TemporaryFolder folder;
  const std::string data(40, '\1');
  for (const char* dictionary : {"{'descr': '<f4', 'fortran_order': False, 'shape': (10,), }", "{'descr': '|u1', 'fortran_order': False, 'shape': (40,), }",
                                 "{'descr': '<u4', 'fortran_order': True, 'shape': (5, 2), }", "{'descr': '<u4', 'fortran_order': False, 'shape': (5, 2, 1), }",
                                 "{'descr': '<u4', 'fortran_order': False, 'shape': (), }", "{'descr': '<u4', 'fortran_order': False, 'shape': (11,), }",
                                 "{'descr': '<u4', 'fortran_order': False, 'shape': (9,), }", "{'descr': '<u4', 'fortran_order': False, 'shape': (-1,), }",
                                 "{'descr': '<u4', 'fortran_order': False, 'shape': (4294967296, 4294967296), }", "{'descr': '<u4', 'fortran_order': False}",
                                 "{'descr': [('a', '<u4')], 'fortran_order': False, 'shape': (10,), }", "{'descr': '<u4', 'fortran_order': False, 'shape': (10,), 'x': 1}",
                                 "{'descr': '<u4', 'descr': '<u4', 'fortran_order': False, 'shape': (10,)}", "", "{", "{'descr"}) {
    CAPTURE(dictionary);
    const Pass pass = ReadBytes(folder, "x.npy", Npy(dictionary, data));
    CHECK(pass.records.empty());
    CHECK(pass.broken == "npy");
    CHECK(pass.last == 0);
  }
  CHECK(ReadBytes(folder, "y.npy", std::string("\x93NUMPY\x04\0", 8) + data).broken == "npy");
  CHECK(ReadBytes(folder, "y.npy", "\x93NUMPY").broken == "npy");
  CHECK(ReadBytes(folder, "y.npy", std::string("\x93NUMPY\x02\0\xFF\xFF\xFF\x7F", 12) + data).broken == "npy");
  // In a compressed file the length is seen only at its end: what came before counts.
  const Pass cut = ReadBytes(folder, "z.npy", Gzip(Vector("<u2", {1, 2, 3, 2, 4, 5}).substr(0, 78)), CutAt(2));
  CHECK(cut.broken == "npy");
  const auto refused = OpenReader(ListOne(folder.Write("w.npy.gz", Gzip(Vector("<u2", {1}))), {}), CutAt(70000), 0, 1);
  REQUIRE(!refused);
  CHECK(refused.error().kind == ErrorKind::kInvalidArgument);
}

TEST_CASE("tokens: arrays without a head") {
  const TemporaryFolder folder;
  ReadOptions options = CutAt(0);
  options.dtype = TokenType::kU16;
  CHECK(Contents(ReadBytes(folder, "x.bin", Bytes({0, 0, 1, 2, 0, 3}, 2), options, Format::kTokens)) == Strings{"1 2", "3"});
  options.dtype = TokenType::kU32;
  CHECK(Contents(ReadBytes(folder, "x.bin", Bytes({1, 1 << 24, 0, 3}, 4), options, Format::kTokens)) == Strings{"<id_out_of_range>", "3"});
  CHECK(ReadBytes(folder, "x.bin", Bytes({1, 2}, 4) + "a", options, Format::kTokens).broken == "tokens");
  const Pass gzip = ReadBytes(folder, "x.gz", Gzip(Bytes({1, 0, 2}, 4) + "a"), options, Format::kTokens);
  CHECK(gzip.broken == "tokens");
  CHECK(Contents(gzip) == Strings{"1"});
  ReadOptions untyped;
  ListOptions list;
  list.format = Format::kTokens;
  Listed sink;
  const std::vector<std::string> paths{(folder / "x.bin")};
  const auto listed = ListInputs(paths, "", list, sink);
  REQUIRE(!listed);
  CHECK(listed.error().kind == ErrorKind::kInvalidArgument);
}

TEST_CASE("megatron: documents of one sequence and of several") {
  const TemporaryFolder folder;
  const std::string path = folder.Write("d.idx", Index(8, {2, 3, 0, 1}, {0, 4, 10, 10}, {0, 1, 3, 4}));
  folder.Write("d.bin", Bytes({1, 2, 3, 4, 5, 6}, 2));
  ReadOptions options;
  const Pass pass = Read(ListOne(path, options), options);
  CHECK(pass.records == std::vector<Seen>{{0, 0, "1 2", "", ""}, {0, 2, "3 4 5", "", ""}, {0, 5, "6", "", ""}});
  options.unit_bytes = 8;  // two tokens
  const Input input = ListOne(path, options);
  CHECK(input.segments == 3);
  CHECK(Contents(Read(input, options, 0, 1)) == Strings{"1 2"});
  CHECK(Contents(Read(input, options, 1, 2)) == Strings{"3 4 5"});
  CHECK(Contents(Read(input, options, 2, 3)) == Strings{"6"});
  CHECK(Read(input, options, 2, 3).last == 2);
  // The data are part of the index, and no input of their own.
  const Listed listed = List({(folder / "")});
  CHECK(listed.inputs.size() == 1);
  CHECK(listed.failures.empty());
  for (const auto& [code, width] : std::vector<std::pair<int, size_t>>{{1, 1}, {2, 1}, {3, 2}, {4, 4}, {5, 8}}) {
    folder.Write("e.idx", Index(code, {2, 1}, {0, static_cast<int64_t>(2 * width)}, {0, 1, 2}));
    folder.Write("e.bin", Bytes({7, 100, 9}, width));
    CHECK(Contents(Read(ListOne((folder / "e.idx"), {}), {})) == Strings{"7 100", "9"});
  }
  folder.Write("f.idx", Index(4, {1, 1}, {0, 4}, {0, 1, 2}));
  folder.Write("f.bin", Bytes({-1, 3}, 4));
  CHECK(Contents(Read(ListOne((folder / "f.idx"), {}), {})) == Strings{"<id_out_of_range>", "3"});
}

TEST_CASE("megatron: an index that is not sound is a broken segment") {
  const TemporaryFolder folder;
  folder.Write("d.bin", Bytes({1, 2, 3, 4, 5, 6}, 2));
  const std::string sound = Index(8, {2, 4}, {0, 4}, {0, 1, 2});
  for (const std::string& index : {
           Index(8, {2, 5}, {0, 4}, {0, 1, 2}),        // beyond the data
           Index(8, {2, 4}, {0, 14}, {0, 1, 2}),       //
           Index(8, {2, 2}, {4, 0}, {0, 1, 2}),        // descending
           Index(8, {2, -1}, {0, 4}, {0, 1, 2}),       // negative
           Index(8, {2, 4}, {0, -4}, {0, 1, 2}),       //
           Index(8, {2, 1}, {0, 5}, {0, 1, 2}),        // inside of a token
           Index(8, {2, 4}, {0, 4}, {0, 2, 1}),        // documents descending
           Index(8, {2, 4}, {0, 4}, {0, 1, 3}),        // beyond the sequences
           Index(8, {2, 4}, {0, 4}, {0, 1}),           // a sequence in no document
           Index(8, {2, 4}, {0, 4}, {1, 2}),           //
           Index(8, {2, 4}, {0, 4}, {}),               //
           Index(6, {2, 4}, {0, 4}, {0, 1, 2}),        // floats
           sound.substr(0, sound.size() - 1), sound + "abc", sound.substr(0, 20), std::string(kMegatronMagic) + std::string(25, '\xFF'),
       }) {
    ReadOptions options;
    options.unit_bytes = 8;  // two tokens
    const Input input = ListOne(folder.Write("d.idx", index), options);
    CHECK(input.segments == 1);
    const Pass pass = Read(input, options);
    CHECK(pass.records.empty());
    CHECK(pass.broken == "megatron");
    CHECK(pass.last == 0);
    // One that becomes so after it was listed is an error, or gives what it can.
    folder.Write("d.idx", sound);
    Input changed = ListOne((folder / "d.idx"), options);
    CHECK(changed.segments == 3);
    CHECK(changed.checked);
    folder.Write("d.idx", index);
    for (uint64_t segment = 0; segment < 3; ++segment) {
      Record record;
      auto reader = OpenReader(changed, options, segment, segment + 1);
      for (int i = 0; reader && i < 4; ++i) {
        const auto more = (*reader)->Next(record);
        if (!more || !*more) break;
      }
    }
  }
  CHECK(Read(ListOne(folder.Write("d.idx", sound), {}), {}).broken == "");
  folder.Write("d.bin", Bytes({1, 2, 3, 4, 5, 6}, 2) + "x");
  CHECK(Read(ListOne((folder / "d.idx"), {}), {}).broken == "megatron");
  const Listed lonely = List({folder.Write("lonely.idx", sound)});
  REQUIRE(lonely.failures.size() == 1);
  CHECK(lonely.failures[0].code == "io");
}

}  // namespace verdigris::verify
