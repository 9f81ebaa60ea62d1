// Segments (corpus.md C3, K2): each document is in exactly one unit, whatever the size of units and wherever a reader begins.
// Not a statistical test: seeds are fixed.
#include "tests/verify/corpus/corpus_files.h"

namespace verdigris::verify {
namespace {

struct Case {
  std::string name;
  std::string bytes;
  std::optional<Format> format;
  ReadOptions options;
};

std::string Word(std::mt19937& random) { return std::string(1 + random() % 9, static_cast<char>('a' + random() % 26)); }

std::string LittleEndian(uint64_t value, size_t bytes) {
  std::string out;
  for (size_t i = 0; i < bytes; ++i) out += static_cast<char>(value >> 8 * i);
  return out;
}

// Documents of 1 byte to 20 KB, some longer than a unit.
std::vector<std::string> Documents(std::mt19937& random) {
  std::vector<std::string> out;
  const size_t count = 300 + random() % 200;
  for (size_t i = 0; i < count; ++i) {
    std::string text = Word(random);
    const size_t size = random() % 3 == 0 ? random() % 20000 : random() % 300;
    while (text.size() < size) text += " " + Word(random);
    out.push_back(std::move(text));
  }
  return out;
}

std::vector<Case> Cases(std::mt19937& random) {
  std::string lines, jsonl, csv = "id,text\n", warc, tokens;
  for (const std::string& text : Documents(random)) {
    lines += text + (random() % 2 == 0 ? "\n" : "\r\n") + std::string(random() % 5 == 0 ? random() % 40 : 0, '\n');
    jsonl += "{\"id\":1,\"text\":\"" + text + "\"}\n";
    csv += "1,\"" + text + "\n\"\n";
    warc += "WARC/1.0\r\nWARC-Type: conversion\r\nContent-Length: " + std::to_string(text.size()) + "\r\n\r\n" + text + "\r\n\r\n";
    for (const char c : text) tokens += LittleEndian(static_cast<unsigned char>(c), 2);
    for (uint32_t ends = 1 + random() % 3; ends > 0; --ends) tokens += LittleEndian(0, 2);
  }
  if (random() % 2 == 0) lines.resize(lines.find_last_not_of("\r\n") + 1);
  if (random() % 2 == 0) tokens.resize(tokens.size() - 2);
  ReadOptions ids;
  ids.dtype = TokenType::kU16;
  ids.eos = 0;
  ReadOptions all = ids;
  all.eos = -1;
  const std::string dictionary = "{'descr': '<u2', 'fortran_order': False, 'shape': (" + std::to_string(tokens.size() / 2) + ",), }";
  const std::string npy = std::string("\x93NUMPY\x01\0", 8) + LittleEndian(dictionary.size(), 2) + dictionary + tokens;
  const size_t columns = 777, rows = tokens.size() / 2 / columns;
  const std::string shape = "{'descr': '<u2', 'fortran_order': False, 'shape': (" + std::to_string(rows) + ", " + std::to_string(columns) + "), }";
  const std::string matrix = std::string("\x93NUMPY\x02\0", 8) + LittleEndian(shape.size(), 4) + shape + tokens.substr(0, rows * columns * 2);
  return {{"x", lines, Format::kLines, {}},    {"x.zst", Zstd(lines), Format::kLines, {}}, {"x.jsonl", jsonl, {}, {}},      {"x.jsonl.gz", Gzip(jsonl), {}, {}},
          {"x.csv", csv, {}, {}},              {"x.csv.zst", Zstd(csv), {}, {}},           {"x.warc", warc, {}, {}},        {"x.warc.gz", Gzip(warc), {}, {}},
          {"x.txt", lines, {}, {}},            {"x.txt.gz", Gzip(lines), {}, {}},          {"x.npy", npy, {}, ids},         {"x.npy.zst", Zstd(npy), {}, ids},
          {"y.npy", matrix, {}, ids},          {"y.npy.gz", Gzip(matrix), {}, ids},        {"x.u16", tokens, Format::kTokens, ids},
          {"x.u16.gz", Gzip(tokens), Format::kTokens, ids}, {"y.u16", tokens, Format::kTokens, all}};
}

// The control: a reader that gives a document to the segment it ends in.
uint64_t EndsIn(const Seen& seen, uint64_t unit_bytes) { return (seen.offset + seen.content.size()) / unit_bytes; }

}  // namespace

TEST_CASE("each document in exactly one unit") {
  const TemporaryFolder folder;
  std::mt19937 random(17);
  for (const Case& test : Cases(random)) {
    CAPTURE(test.name);
    const std::string path = folder.Write(test.name, test.bytes);
    size_t twice_or_never = 0;
    std::vector<Seen> reference;
    for (const uint64_t unit_bytes : {uint64_t{1} << 10, uint64_t{4} << 10, uint64_t{1} << 20, uint64_t{1} + random() % 50000, uint64_t{4} * (1 + random() % 20000), uint64_t{64} << 20}) {
      CAPTURE(unit_bytes);
      ReadOptions options = test.options;
      options.unit_bytes = unit_bytes;
      const Input input = ListOne(path, options, test.format);
      const Pass whole = Read(input, options);
      CHECK(whole.broken == "");
      REQUIRE(whole.last.has_value());
      const uint64_t segments = *whole.last + 1;
      if (input.compression == Compression::kNone) CHECK(input.segments == segments);
      // Content and place do not depend on units, and records ascend.
      std::vector<Seen> records = whole.records;
      for (Seen& seen : records) seen.segment = 0;
      if (reference.empty()) reference = records;
      CHECK(records == reference);
      CHECK(std::is_sorted(whole.records.begin(), whole.records.end(), [](const Seen& a, const Seen& b) { return a.offset < b.offset; }));
      // One by one, where that does not mean to inflate a file a thousand times; else in a few pieces.
      std::vector<Seen> joined;
      const uint64_t step = input.seekable ? 1 : std::max<uint64_t>(1, segments / 5);
      for (uint64_t first = 0; first < segments; first += step) {
        const uint64_t end = std::min(first + step, segments);
        const Pass part = Read(input, options, first, end);
        joined.insert(joined.end(), part.records.begin(), part.records.end());
        CHECK(part.last == (end == segments ? whole.last : std::nullopt));
      }
      CHECK(joined == whole.records);
      // Behind the end there is nothing, and it is said where that was.
      const Pass behind = Read(input, options, segments, segments + 3);
      CHECK(behind.records.empty());
      CHECK(behind.last == whole.last);
      // Readers that disagree on the rule lose documents or see them twice.
      for (const Seen& seen : whole.records) twice_or_never += EndsIn(seen, unit_bytes) != seen.segment;
    }
    CHECK(twice_or_never > 0);
  }
}

TEST_CASE("a record longer than units leaves units without documents") {
  const TemporaryFolder folder;
  ReadOptions options;
  options.unit_bytes = 1024;
  for (const bool compressed : {false, true}) {
    const std::string bytes = "a\n" + std::string(5000, 'b') + "\nc\n";
    const Input input = ListOne(folder.Write("x", compressed ? Gzip(bytes) : bytes), options, Format::kLines);
    const Pass whole = Read(input, options);
    CHECK(whole.last == 4);
    CHECK(whole.records.size() == 3);
    for (uint64_t segment = 1; segment < 4; ++segment) {
      const Pass one = Read(input, options, segment, segment + 1);
      CHECK(one.records.empty());
      CHECK(!one.last.has_value());
    }
    CHECK(Contents(Read(input, options, 4, 5)) == Strings{"c"});
  }
}

TEST_CASE("an input that ends where a unit does has no unit more") {
  const TemporaryFolder folder;
  ReadOptions options;
  options.unit_bytes = 4;
  for (const bool compressed : {false, true}) {
    const Input input = ListOne(folder.Write("x", compressed ? Zstd("aaa\nbbb\n") : "aaa\nbbb\n"), options, Format::kLines);
    CHECK(Read(input, options).last == 1);
    CHECK(!Read(input, options, 0, 1).last.has_value());
    CHECK(Read(input, options, 1, 2).last == 1);
    CHECK(Contents(Read(input, options, 1, 2)) == Strings{"bbb"});
  }
}

}  // namespace verdigris::verify
