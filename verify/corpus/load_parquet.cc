// A build with Arrow C++. The module is looked for where the program that asks was linked to look (its run path): beside an installed
// one, or in the build folder of one that was not installed.
#include <dlfcn.h>

#include "verify/corpus/parquet_module.h"

namespace verdigris::verify {
namespace {

// The module stays loaded: readers of it may live as long as the process. RTLD_DEEPBIND: its libraries find their own symbols
// before ours.
Result<const ParquetModule*> Load() {
  if (void* const module = ::dlopen("verdigris_parquet.so", RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND)) {
    if (const void* symbol = ::dlsym(module, kParquetModuleSymbol)) return static_cast<const ParquetModule*>(symbol);
  }
  return Fail(ErrorKind::kUnsupported, std::string("the module for Parquet cannot be loaded: ") + ::dlerror());
}

Result<const ParquetModule*> Module() {
  static const Result<const ParquetModule*> loaded = Load();
  return loaded;
}

}  // namespace

Result<std::optional<uint64_t>> CountRowGroups(const Input& input) {
  VERDIGRIS_ASSIGN_OR_RETURN(const ParquetModule* module, Module());
  return module->count_row_groups(input);
}

Result<std::unique_ptr<Reader>> OpenParquetReader(const Input& input, const ReadOptions& options, uint64_t first, uint64_t end) {
  VERDIGRIS_ASSIGN_OR_RETURN(const ParquetModule* module, Module());
  return module->open_reader(input, options, first, end);
}

Result<void> ForEachParquetRow(const std::string& path, const std::function<Result<void>(std::string, std::string, uint64_t)>& on_row) {
  VERDIGRIS_ASSIGN_OR_RETURN(const ParquetModule* module, Module());
  return module->for_each_row(path, on_row);
}

Result<std::unique_ptr<FindingWriter>> OpenParquetWriter(std::function<void(std::string_view)> sink) {
  VERDIGRIS_ASSIGN_OR_RETURN(const ParquetModule* module, Module());
  return module->open_writer(std::move(sink));
}

}  // namespace verdigris::verify
