// Tested by tests/cli/scan*.sh.
#include "tools/scan_listing.h"

#include <algorithm>
#include <filesystem>

#include "tools/terminal/message.h"
#include "tools/terminal/printable.h"
#include "verify/corpus/scan_directory.h"

namespace verdigris::tools {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMostShownFailures = 100;

std::string_view ClassOf(std::string_view code) {
  if (code == "changed") return ErrorClass(ErrorKind::kMismatch);
  if (code == "unsupported" || code == "unknown_format" || code == "skipped") return ErrorClass(ErrorKind::kUnsupported);
  if (code == "broken" || code == "unit_file") return ErrorClass(ErrorKind::kMalformed);
  return ErrorClass(ErrorKind::kIo);
}

class Sink : public verify::InputSink {
 public:
  bool OnInput(verify::Input input) override {
    listing.inputs.push_back(std::move(input));
    return true;
  }
  bool OnFailure(verify::InputFailure failure) override {
    listing.failures.push_back(std::move(failure));
    return true;
  }
  Listing listing;
};

// The path behind a URI of a list: bytes that are no UTF-8 stand there as %XX.
std::string PathOf(const std::string& base, const std::string& uri) {
  std::string plain = base.empty() || uri == "-" ? uri : base + "/" + uri;
  std::error_code error;
  if (uri == "-" || fs::exists(plain, error)) return plain;
  std::string decoded;
  for (size_t i = 0; i < plain.size(); ++i) {
    uint8_t byte[1];
    std::string hex = plain.substr(i + 1 < plain.size() ? i + 1 : i, 2);
    std::transform(hex.begin(), hex.end(), hex.begin(), [](char c) { return c >= 'A' && c <= 'F' ? static_cast<char>(c + 32) : c; });
    if (plain[i] == '%' && hex.size() == 2 && ParseHex(hex, byte) && byte[0] >= 0x80) {
      decoded += static_cast<char>(byte[0]);
      i += 2;
    } else {
      decoded += plain[i];
    }
  }
  return fs::exists(decoded, error) ? decoded : plain;
}

}  // namespace

Result<Listing> ListAll(const ScanArguments& a, const verify::ListOptions& reading, const std::vector<std::string>& given) {
  std::vector<std::string> paths = given;
  if (paths.empty() && a.files_from.empty()) {
    auto list = verify::ReadUnitList(a.output + "/" + std::string(verify::kUnitListFile));
    if (!list && list.error().kind == ErrorKind::kNotFound) return Fail(ErrorKind::kInvalidArgument, "no inputs: name files, folders or patterns, or - for standard input");
    if (!list) return Unexpected(list.error());
    for (const verify::ListedInput& input : list->inputs) paths.push_back(PathOf(reading.base, input.unit.uri));
  }
  Sink sink;
  VERDIGRIS_RETURN_IF_ERROR(verify::ListInputs(paths, a.files_from, reading, sink));
  Listing& listing = sink.listing;
  std::sort(listing.inputs.begin(), listing.inputs.end(), [](const verify::Input& x, const verify::Input& y) { return x.uri < y.uri; });
  return std::move(listing);
}

Result<verify::Input> FindListed(const verify::ListedInput& listed, const verify::ListOptions& reading, bool ignore_mtime) {
  const std::string paths[] = {PathOf(reading.base, listed.unit.uri)};
  Sink sink;
  VERDIGRIS_RETURN_IF_ERROR(verify::ListInputs(paths, "", reading, sink));
  Listing& found = sink.listing;
  const auto fault = [&](ErrorKind kind, const std::string& why) { return Fail(kind, listed.unit.uri + ": " + why); };
  if (!found.failures.empty()) return fault(found.failures[0].code == "unsupported" ? ErrorKind::kUnsupported : ErrorKind::kIo, found.failures[0].text);
  if (found.inputs.size() != 1) return fault(ErrorKind::kMismatch, "is no file any more");
  verify::Input& input = found.inputs[0];
  if (input.size != listed.unit.size) {
    return fault(ErrorKind::kMismatch, "has " + std::to_string(input.size) + " bytes, and had " + std::to_string(listed.unit.size) + " when this run began");
  }
  if (verify::UnitOf(input, reading.read, 0) != listed.unit) return fault(ErrorKind::kMismatch, "is read otherwise than when this run began");
  if (!ignore_mtime && input.mtime_ns != listed.mtime_ns) return fault(ErrorKind::kMismatch, "was written to since this run began");
  return std::move(input);
}

bool HoldsIds(verify::Format format) {
  return format == verify::Format::kNpy || format == verify::Format::kMegatron || format == verify::Format::kTokens;
}

verify::UnitList ListOf(const std::vector<verify::Input>& inputs, const verify::ReadOptions& read, const Digest& run) {
  verify::UnitList list;
  list.run = run;
  for (const verify::Input& input : inputs) list.inputs.push_back({verify::UnitOf(input, read, 0), input.mtime_ns, input.seekable, input.segments});
  return list;
}

void InputFailures::Print(std::span<const verify::InputFailure> failures, const std::function<void()>& before_each) {
  for (const verify::InputFailure& failure : failures) {
    if (++printed_ > kMostShownFailures) continue;
    if (before_each) before_each();
    PrintFault(ClassOf(failure.code), Printable(failure.uri) + ": " + Printable(failure.text) + " (" + std::string(failure.code) + ")");
  }
}

void InputFailures::End() const {
  if (printed_ > kMostShownFailures) PrintNote(std::to_string(printed_ - kMostShownFailures) + " more inputs failed");
}

}  // namespace verdigris::tools
