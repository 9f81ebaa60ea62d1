// Tested by tests/verify/corpus/merge_test.cc.
#include "verify/corpus/engine_rows.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <vector>

#include <openssl/evp.h>
#include <simdjson.h>

#include "verify/corpus/parquet_reader.h"
#include "verify/file.h"

namespace verdigris::verify {
namespace {

Result<Digest> ParseUnitId(std::string_view text, const std::string& where) {
  Digest unit;
  if (!ParseHex(text, unit)) return Fail(ErrorKind::kMalformed, where + "unit_id must be 64 digits of lower-case hex");
  return unit;
}

Result<bool> IsParquet(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) return false;
  VERDIGRIS_ASSIGN_OR_RETURN(InputFile file, InputFile::Open(path));
  char magic[4];
  VERDIGRIS_ASSIGN_OR_RETURN(const size_t got, file.Read(magic, sizeof magic));
  return std::string_view(magic, got) == "PAR1";
}

Result<void> ForEachRowOfFile(const std::string& path, const std::function<Result<void>(const Digest&, std::string, const std::string&)>& on_unit) {
  VERDIGRIS_ASSIGN_OR_RETURN(const bool parquet, IsParquet(path));
  if (parquet) {
    return ForEachParquetRow(path, [&](const std::string& unit, std::string body, uint64_t row) -> Result<void> {
      const std::string place = path + ": row " + std::to_string(row + 1);
      VERDIGRIS_ASSIGN_OR_RETURN(const Digest id, ParseUnitId(unit, place + ": "));
      return on_unit(id, std::move(body), place);
    });
  }
  VERDIGRIS_ASSIGN_OR_RETURN(LineReader lines, LineReader::Open(path, kMostRowLine));
  for (std::string_view line;;) {
    VERDIGRIS_ASSIGN_OR_RETURN(const bool more, lines.Next(line));
    if (!more) return {};
    if (line.empty()) continue;
    auto row = ParseEngineRow(line);
    if (!row) return Fail(row.error().kind, lines.Place() + ": " + row.error().message);
    VERDIGRIS_RETURN_IF_ERROR(on_unit(row->first, std::move(row->second), lines.Place()));
  }
}

}  // namespace

Result<std::pair<Digest, std::string>> ParseEngineRow(std::string_view line) {
  simdjson::dom::parser parser;
  simdjson::padded_string padded(line);
  simdjson::dom::element row;
  std::string_view unit, base64;
  if (parser.parse(padded).get(row) != simdjson::SUCCESS || row["unit_id"].get(unit) != simdjson::SUCCESS || row["body"].get(base64) != simdjson::SUCCESS) {
    return Fail(ErrorKind::kMalformed, "must be a JSON object with strings unit_id and body");
  }
  std::pair<Digest, std::string> out;
  VERDIGRIS_ASSIGN_OR_RETURN(out.first, ParseUnitId(unit, ""));
  if (base64.empty() || base64.size() % 4 != 0 || base64.size() > kMostRowLine) return Fail(ErrorKind::kMalformed, "body must be base64 with padding");
  out.second.resize(base64.size() / 4 * 3);
  const int bytes = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.second.data()), reinterpret_cast<const unsigned char*>(base64.data()),
                                    static_cast<int>(base64.size()));
  if (bytes < 0) return Fail(ErrorKind::kMalformed, "body must be base64 with padding");
  const size_t padding = base64.ends_with("==") ? 2 : base64.ends_with('=') ? 1 : 0;
  out.second.resize(static_cast<size_t>(bytes) - padding);
  return out;
}

Result<void> ForEachEngineRow(const std::string& path,
                              const std::function<Result<void>(const Digest& unit, std::string body, const std::string& place)>& on_unit) {
  std::error_code error;
  if (!std::filesystem::is_directory(path, error)) return ForEachRowOfFile(path, on_unit);
  std::vector<std::string> files;
  for (std::filesystem::recursive_directory_iterator at(path, error), end; !error && at != end; at.increment(error)) {
    const std::string name = at->path().filename().string();
    if (name.starts_with('.') || name.starts_with('_')) {
      at.disable_recursion_pending();
    } else if (at->is_regular_file(error)) {
      files.push_back(at->path().string());
    }
  }
  if (error) return Fail(ErrorKind::kIo, path + ": " + error.message());
  std::sort(files.begin(), files.end());
  for (const std::string& file : files) VERDIGRIS_RETURN_IF_ERROR(ForEachRowOfFile(file, on_unit));
  return {};
}

}  // namespace verdigris::verify
