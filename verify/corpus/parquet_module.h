// Parquet is read by Arrow C++ in a module of its own, which is loaded when the first Parquet file is met.
//
// Arrow's libraries bring a simdjson of another version than ours and export it: linked beside each other, one of the two would
// run with the other's functions. A module's symbols stay its own.
#pragma once

#include "verify/corpus/parquet_reader.h"

namespace verdigris::verify {

// What the module exports, by the name kParquetModuleSymbol.
struct ParquetModule {
  decltype(&CountRowGroups) count_row_groups;
  decltype(&OpenParquetReader) open_reader;
};
inline constexpr char kParquetModuleSymbol[] = "verdigris_parquet_module";

}  // namespace verdigris::verify
