// Parquet is read and written by Arrow C++ in a module of its own, which is loaded when the first Parquet file is met.
//
// Arrow's libraries bring a simdjson of another version than ours and export it: linked beside each other, one of the two would
// run with the other's functions. A module's symbols stay its own.
#pragma once

#include <exception>

#include "verify/corpus/parquet_reader.h"
#include "verify/corpus/parquet_writer.h"

namespace verdigris::verify {

// What the module exports, by the name kParquetModuleSymbol.
struct ParquetModule {
  decltype(&CountRowGroups) count_row_groups;
  decltype(&OpenParquetReader) open_reader;
  decltype(&ForEachParquetRow) for_each_row;
  decltype(&OpenParquetWriter) open_writer;
};
inline constexpr char kParquetModuleSymbol[] = "verdigris_parquet_module";

// For the module's own files: false where `call` throws. What Arrow threw is not told: it may quote the file.
template <class Call>
bool Guard(Call call) {
  try {
    return call();
  } catch (const std::exception&) {
    return false;
  }
}

// Of parquet_writer.cc, for the table above.
Result<std::unique_ptr<FindingWriter>> OpenWriterOfModule(std::function<void(std::string_view)> sink);

}  // namespace verdigris::verify
