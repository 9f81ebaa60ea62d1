// Tested by tests/verify/corpus/unit_test.cc.
#include "verify/corpus/unit.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "verify/file.h"
#include "verify/members.h"

namespace verdigris::verify {
namespace {

constexpr std::string_view kUnitSchema = "verdigris.unit/1";
constexpr std::string_view kListSchema = "verdigris.units/1";
constexpr uint64_t kMostUnitBytes = uint64_t{1} << 40;
constexpr uint64_t kMostSegments = uint64_t{1} << 40;
constexpr size_t kMostLineBytes = 8 * (kMostUriBytes + kMostFieldBytes) + 1024;  // each byte as \u00xx, and the rest
constexpr std::string_view kFormats[] = {"csv", "jsonl", "lines", "megatron", "npy", "parquet", "table", "text", "tokens", "tsv", "warc"};

// Without schema.
Json::Object MembersOf(const Unit& unit) {
  return {{"format", unit.format}, {"path", unit.path}, {"size", unit.size}, {"unit_bytes", static_cast<int64_t>(unit.unit_bytes)}, {"uri", unit.uri}};
}

void TakeUnit(Members& members, Unit& unit) {
  unit.format = members.Text("format", 1, 16);
  if (members.ok() && std::find(std::begin(kFormats), std::end(kFormats), unit.format) == std::end(kFormats)) members.Fault("format", "is not known");
  unit.path = members.Text("path", 0, kMostFieldBytes);
  const Json* size = members.Take("size");
  if (size != nullptr && (size->integer() == nullptr || *size->integer() < -1)) members.Fault("size", "must be an integer from -1 on");
  if (members.ok()) unit.size = *size->integer();
  unit.unit_bytes = members.Integer("unit_bytes", 1, kMostUnitBytes);
  unit.uri = members.Text("uri", 1, kMostUriBytes);
}

}  // namespace

Result<void> CheckUnit(const Unit& unit) {
  const auto fault = [](const std::string& why) { return Fail(ErrorKind::kInvalidArgument, why); };
  if (std::find(std::begin(kFormats), std::end(kFormats), unit.format) == std::end(kFormats)) return fault("format is not known");
  if (unit.path.size() > kMostFieldBytes || !IsUtf8(unit.path)) return fault("path must be UTF-8 of at most " + std::to_string(kMostFieldBytes) + " bytes");
  if (unit.uri.empty() || unit.uri.size() > kMostUriBytes || !IsUtf8(unit.uri)) return fault("uri must be UTF-8 of 1 to " + std::to_string(kMostUriBytes) + " bytes");
  if (unit.size < -1 || unit.size > Json::kMaxInteger) return fault("size must be in [-1,2^53-1]");
  if (unit.unit_bytes < 1 || unit.unit_bytes > kMostUnitBytes) return fault("unit_bytes must be in [1,2^40]");
  if (unit.segment > kMostSegments) return fault("segment must be at most 2^40");
  return {};
}

std::string UnitJson(const Unit& unit) {
  Json::Object members = MembersOf(unit);
  members.emplace_back("schema", std::string(kUnitSchema));
  members.emplace_back("segment", static_cast<int64_t>(unit.segment));
  return WriteJson(Json::FromMembers(std::move(members)));
}

Digest UnitId(const Unit& unit) { return Sha256(AsBytes(UnitJson(unit))); }

Result<Unit> ParseUnit(const Json& json, std::string path_in_messages) {
  Members members(json, std::move(path_in_messages));
  Unit unit;
  members.Word("schema", {kUnitSchema});
  TakeUnit(members, unit);
  unit.segment = members.Integer("segment", 0, kMostSegments);
  VERDIGRIS_RETURN_IF_ERROR(members.Done());
  return unit;
}

std::string UnitListHeadJson(const UnitListHead& head) {
  return WriteJson(Json::FromMembers({{"inputs", static_cast<int64_t>(head.inputs)}, {"run", Hex(head.run)}, {"schema", std::string(kListSchema)}}));
}

std::string ListedInputJson(const ListedInput& input) {
  Json::Object members = MembersOf(input.unit);
  members.emplace_back("mtime_ns", std::to_string(input.mtime_ns));
  members.emplace_back("schema", std::string(kUnitSchema));
  members.emplace_back("seekable", int64_t{input.seekable});
  members.emplace_back("segments", static_cast<int64_t>(input.segments));
  return WriteJson(Json::FromMembers(std::move(members)));
}

Result<UnitListHead> ParseUnitListHead(std::string_view line) {
  VERDIGRIS_ASSIGN_OR_RETURN(const Json json, ParseCanonicalJson(line));
  Members members(json, "");
  UnitListHead head;
  members.Word("schema", {kListSchema});
  head.inputs = members.Integer("inputs", 0, kMostInputs);
  head.run = members.DigestOf("run");
  VERDIGRIS_RETURN_IF_ERROR(members.Done());
  return head;
}

Result<ListedInput> ParseListedInput(std::string_view line) {
  if (line.size() > kMostLineBytes) return Fail(ErrorKind::kLimit, "longer than " + std::to_string(kMostLineBytes) + " bytes");
  VERDIGRIS_ASSIGN_OR_RETURN(const Json json, ParseCanonicalJson(line));
  Members members(json, "");
  ListedInput input;
  members.Word("schema", {kUnitSchema});
  TakeUnit(members, input.unit);
  const std::string mtime = members.Text("mtime_ns", 1, 20);
  const auto read = std::from_chars(mtime.data(), mtime.data() + mtime.size(), input.mtime_ns);
  if (members.ok() && (read.ec != std::errc() || std::to_string(input.mtime_ns) != mtime)) members.Fault("mtime_ns", "must be a decimal number as a string");
  input.seekable = members.Bit("seekable");
  input.segments = members.Integer("segments", 0, kMostSegments);
  VERDIGRIS_RETURN_IF_ERROR(members.Done());
  return input;
}

namespace {

// Takes the lines of a list one by one.
class ListParser {
 public:
  Result<void> Add(std::string_view line) {
    if (!head_) {
      VERDIGRIS_ASSIGN_OR_RETURN(head_, ParseUnitListHead(line));
      list_.run = head_->run;
      return {};
    }
    if (list_.inputs.size() == head_->inputs) return Fail(ErrorKind::kMalformed, "more inputs than the " + std::to_string(head_->inputs) + " stated");
    VERDIGRIS_ASSIGN_OR_RETURN(ListedInput input, ParseListedInput(line));
    if (!list_.inputs.empty() && !(list_.inputs.back().unit.uri < input.unit.uri)) {
      return Fail(ErrorKind::kMalformed, "uri must come after that of the line before, by bytes");
    }
    list_.inputs.push_back(std::move(input));
    return {};
  }
  Result<UnitList> Finish() {
    if (!head_) return Fail(ErrorKind::kMalformed, "the list is empty");
    if (list_.inputs.size() != head_->inputs) {
      return Fail(ErrorKind::kMalformed, std::to_string(list_.inputs.size()) + " inputs, " + std::to_string(head_->inputs) + " stated");
    }
    return std::move(list_);
  }

 private:
  std::optional<UnitListHead> head_;
  UnitList list_;
};

}  // namespace

std::string UnitListJson(const UnitList& list) {
  std::string out = UnitListHeadJson({list.inputs.size(), list.run}) + "\n";
  for (const ListedInput& input : list.inputs) out += ListedInputJson(input) + "\n";
  return out;
}

Result<UnitList> ParseUnitList(std::string_view bytes) {
  ListParser parser;
  for (uint64_t line = 1; !bytes.empty(); ++line) {
    const size_t end = bytes.find('\n');
    if (end == std::string_view::npos) return Fail(ErrorKind::kMalformed, "line " + std::to_string(line) + ": has no line feed");
    if (auto added = parser.Add(bytes.substr(0, end)); !added) return Fail(added.error().kind, "line " + std::to_string(line) + ": " + added.error().message);
    bytes.remove_prefix(end + 1);
  }
  return parser.Finish();
}

Result<UnitList> ReadUnitList(const std::string& path) {
  VERDIGRIS_ASSIGN_OR_RETURN(LineReader lines, LineReader::Open(path, kMostLineBytes));
  ListParser parser;
  std::string_view line;
  for (;;) {
    VERDIGRIS_ASSIGN_OR_RETURN(const bool more, lines.Next(line));
    if (!more) break;
    if (auto added = parser.Add(line); !added) return Fail(added.error().kind, lines.Place() + ": " + added.error().message);
  }
  auto list = parser.Finish();
  if (!list) return Fail(list.error().kind, path + ": " + list.error().message);
  return list;
}

}  // namespace verdigris::verify
