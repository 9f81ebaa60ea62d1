/**
 * Any bytes as Parquet, of texts or of ids, as Arrow C++ and our wrapper read them (corpus_input.h), and as rows of an engine. The
 * first byte says which column; with its third bit rows are read as well; with its lowest bit the rest stands between the magic
 * bytes and has the length of the footer behind it.
 */
#include "tests/fuzz/corpus_input.h"
#include "verify/corpus/parquet_reader.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace verdigris::verify;
  if (size < 3) return 0;
  std::string bytes(reinterpret_cast<const char*>(data) + 3, size - 3);
  if ((data[0] & 1) != 0) {
    const size_t footer = std::min<size_t>(bytes.size(), size_t{data[1]} | size_t{data[2]} << 8);
    bytes = "PAR1" + bytes;
    for (int i = 0; i < 4; ++i) bytes += static_cast<char>(footer >> 8 * i);
    bytes += "PAR1";
  }
  Input input;
  input.path = FileOf(bytes);
  input.format = Format::kParquet;
  input.size = static_cast<int64_t>(bytes.size());
  input.seekable = true;
  ReadOptions options;
  if ((data[0] & 2) != 0) options.ids_field = "ids";
  options.group_field = std::string("id");
  options.max_record_bytes = size_t{1} << 20;
  const auto groups = CountRowGroups(input);
  Require(groups.has_value());
  CheckReader(input, options);
  if ((data[0] & 4) != 0) {
    uint64_t next = 0;
    const auto read = ForEachParquetRow(input.path, [&](const std::string&, const std::string&, uint64_t row) -> verdigris::Result<void> {
      Require(row == next++);
      return {};
    });
    Require(read.has_value() || read.error().kind == verdigris::ErrorKind::kMalformed);
  }
  return 0;
}
