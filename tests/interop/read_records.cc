// Prints what the readers of corpora find in files, for other programs to compare: a line of JSON for each record, as hexadecimal.
//
// usage: read_records [--format F] [--ids-field F] [--text-field F] [--eos ID] [--dtype u16|u32] [--group-field F] [--unit-bytes N]
//        PATH...
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "verify/corpus/reader.h"

namespace {

using namespace verdigris::verify;

std::string Hex(std::string_view bytes) {
  std::string out;
  for (const char byte : bytes) {
    char digits[3];
    std::snprintf(digits, sizeof digits, "%02x", static_cast<unsigned char>(byte));
    out += digits;
  }
  return out;
}

struct Printer : InputSink {
  ReadOptions options;
  bool good = true;

  bool OnInput(Input input) override {
    std::printf("{\"input\":\"%s\",\"format\":\"%s\",\"segments\":%llu}\n", Hex(input.uri).c_str(), std::string(FormatName(input.format)).c_str(),
                static_cast<unsigned long long>(input.segments));
    const uint64_t step = input.seekable ? 1 : UINT64_MAX;
    for (uint64_t first = 0;; first += step) {
      auto reader = OpenReader(input, options, first, first + step);
      if (!reader) return Stop(reader.error().message);
      Record record;
      for (;;) {
        const auto more = (*reader)->Next(record);
        if (!more) return Stop(more.error().message);
        if (!*more) break;
        std::printf("{\"kind\":%d,\"failure\":\"%s\",\"text\":\"%s\",\"name\":\"%s\",\"group\":\"%s\",\"offset\":%llu,\"ids\":[", static_cast<int>(record.kind),
                    std::string(record.failure).c_str(), Hex(record.text).c_str(), Hex(record.name).c_str(), Hex(record.group).c_str(),
                    static_cast<unsigned long long>(record.offset));
        for (size_t i = 0; i < record.ids.size(); ++i) std::printf("%s%u", i > 0 ? "," : "", record.ids[i]);
        std::printf("]}\n");
      }
      if (const auto last = (*reader)->last_segment()) {
        std::printf("{\"last\":%llu,\"broken\":\"%s\"}\n", static_cast<unsigned long long>(*last), std::string((*reader)->broken()).c_str());
        return true;
      }
    }
  }
  bool OnFailure(InputFailure failure) override { return Stop(failure.uri + ": " + std::string(failure.code) + ": " + failure.text); }
  bool Stop(const std::string& message) {
    std::fprintf(stderr, "read_records: %s\n", message.c_str());
    good = false;
    return false;
  }
};

}  // namespace

int main(int argc, char** argv) {
  Printer printer;
  ListOptions list;
  std::vector<std::string> paths;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    const char* const value = i + 1 < argc ? argv[i + 1] : "";
    if (word == "--format") list.format = ParseFormat(value);
    else if (word == "--ids-field") printer.options.ids_field = value;
    else if (word == "--text-field") printer.options.text_field = value;
    else if (word == "--group-field") printer.options.group_field = value;
    else if (word == "--eos") printer.options.eos = std::strtoll(value, nullptr, 10);
    else if (word == "--dtype") printer.options.dtype = std::strcmp(value, "u16") == 0 ? TokenType::kU16 : TokenType::kU32;
    else if (word == "--unit-bytes") printer.options.unit_bytes = std::strtoull(value, nullptr, 10);
    else {
      paths.emplace_back(word);
      continue;
    }
    ++i;
  }
  list.read = printer.options;
  const auto listed = ListInputs(paths, "", list, printer);
  if (!listed) std::fprintf(stderr, "read_records: %s\n", listed.error().message.c_str());
  return listed && printer.good ? 0 : 1;
}
