// Tested by tests/verify/corpus/unit_file_test.cc.
#include "verify/corpus/unit_file.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <numeric>
#include <tuple>

#include "verify/members.h"

namespace verdigris::verify {
namespace {

constexpr std::string_view kSchema = "verdigris.unit-summary/1";
constexpr size_t kMostSummaryBytes = size_t{64} << 20;
constexpr size_t kMostErrorLine = 512;
constexpr size_t kMostCodes = 64;
constexpr size_t kMostCodeBytes = 64;
constexpr uint64_t kPiece = uint64_t{1} << 18;

int64_t Signed(uint64_t value) { return static_cast<int64_t>(value); }

Json IntegerList(std::span<const uint64_t> values) {
  Json::Array list;
  for (const uint64_t value : values) list.emplace_back(Signed(value));
  return list;
}

bool IsCode(std::string_view code) {
  return !code.empty() && code.size() <= kMostCodeBytes &&
         std::all_of(code.begin(), code.end(), [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; });
}

std::array<uint64_t, 7> ListOf(const Counts& counts) {
  return {counts.tokens, counts.short_, counts.special, counts.repeated, counts.duplicate, counts.scored, counts.other_layer};
}

// Decimal digits without leading zero, below 2^128.
bool ParseStatistic(std::string_view text, Statistic& out) {
  if (text.empty() || text.size() > 39 || (text[0] == '0' && text.size() > 1)) return false;
  constexpr Statistic kMost = ~Statistic{0};
  out = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return false;
    const auto digit = static_cast<unsigned>(c - '0');
    if (out > (kMost - digit) / 10) return false;
    out = out * 10 + digit;
  }
  return true;
}

Json BlockJson(const BlockFacts& block) { return Json::Array{Signed(block.count), Signed(block.bytes), Hex(block.digest)}; }

BlockFacts TakeBlock(Members& members, std::string_view name) {
  BlockFacts block;
  const std::span<const Json> list = members.Array(name, 3);
  if (!members.ok()) return block;
  const auto whole = [&](size_t i) { return i < list.size() && list[i].integer() != nullptr && *list[i].integer() >= 0; };
  if (list.size() != 3 || !whole(0) || !whole(1) || list[2].string() == nullptr || !ParseHex(*list[2].string(), block.digest)) {
    members.Fault(name, "must be a count, a number of bytes and a SHA-256");
    return block;
  }
  block.count = static_cast<uint64_t>(*list[0].integer());
  block.bytes = static_cast<uint64_t>(*list[1].integer());
  return block;
}

struct NamedCount {
  std::string_view name;
  uint64_t UnitCounts::*value;
};
constexpr NamedCount kCounts[] = {
    {"documents", &UnitCounts::documents},   {"failed", &UnitCounts::failed},     {"ids_above_vocab", &UnitCounts::ids_above_vocab},
    {"invalid_utf8", &UnitCounts::invalid_utf8}, {"not_text", &UnitCounts::not_text}, {"parts", &UnitCounts::parts},
    {"tested", &UnitCounts::tested},         {"text_bytes", &UnitCounts::text_bytes}, {"tokens", &UnitCounts::tokens},
    {"untested", &UnitCounts::untested},
};

struct NamedTotal {
  std::string_view name;
  uint64_t UnitResult::*value;
};
constexpr NamedTotal kTotals[] = {
    {"duplicate", &UnitResult::duplicate}, {"other_layer", &UnitResult::other_layer}, {"repeated", &UnitResult::repeated},
    {"rows", &UnitResult::rows},           {"scored", &UnitResult::scored},           {"short", &UnitResult::short_},
    {"special", &UnitResult::special},     {"tested", &UnitResult::tested},           {"tokens", &UnitResult::tokens},
};

uint64_t Sum(std::span<const uint64_t> values) { return std::accumulate(values.begin(), values.end(), uint64_t{0}); }

UnitResult TakeResult(Members& members) {
  UnitResult result;
  for (const NamedTotal& total : kTotals) result.*total.value = members.Integer(total.name);
  result.histogram = members.Integers("histogram", kMostTauHundredths);
  const std::vector<uint64_t> uniform = members.Integers("uniform", kUniformBins);
  result.lengths = members.Integers("lengths", kMostLengths);
  if (!members.ok()) return result;
  if (uniform.size() != kUniformBins) return members.Fault("uniform", "must be of 20 bins"), result;
  std::copy(uniform.begin(), uniform.end(), result.uniform.begin());
  if (result.histogram.empty()) return members.Fault("histogram", "is empty"), result;
  if (!result.lengths.empty() && result.lengths.back() == 0) return members.Fault("lengths", "must not end with 0"), result;
  if (result.rows > result.tested || Sum(result.histogram) != result.tested - result.rows) {
    return members.Fault("histogram", "must add up to tested less rows"), result;
  }
  if (Sum(uniform) != result.tested) return members.Fault("uniform", "must add up to tested"), result;
  if (Sum(result.lengths) != result.tested) return members.Fault("lengths", "must add up to tested"), result;
  return result;
}

// Goes through [at, end) of a source line by line, in pieces.
class Lines {
 public:
  Lines(const ByteSource& source, uint64_t at, uint64_t end, size_t most) : source_(source), at_(at), end_(end), most_(most) {}

  Result<bool> Next(std::string_view& line) {
    for (;;) {
      const size_t feed = buffer_.find('\n', searched_);
      if (feed != std::string::npos) {
        line = std::string_view(buffer_).substr(begin_, feed - begin_);
        begin_ = searched_ = feed + 1;
        return true;
      }
      if (buffer_.size() - begin_ > most_) return Fail(ErrorKind::kLimit, "a line of more than " + std::to_string(most_) + " bytes");
      if (at_ == end_) {
        if (begin_ != buffer_.size()) return Fail(ErrorKind::kMalformed, "the last line has no line feed");
        return false;
      }
      buffer_.erase(0, begin_);
      begin_ = 0;
      searched_ = buffer_.size();
      VERDIGRIS_ASSIGN_OR_RETURN(const std::string piece, source_.Read(at_, std::min(kPiece, end_ - at_)));
      at_ += piece.size();
      buffer_ += piece;
    }
  }

 private:
  const ByteSource& source_;
  uint64_t at_, end_;
  size_t most_;
  std::string buffer_;
  size_t begin_ = 0, searched_ = 0;
};

// Calls `on` with what `parse` makes of each line.
template <class T>
Result<uint64_t> ForEachLine(const ByteSource& source, uint64_t at, uint64_t end, size_t most, std::string_view name,
                             Result<T> (*parse)(std::string_view), const std::function<Result<void>(const T&)>& on) {
  Lines lines(source, at, end, most);
  std::string_view line;
  uint64_t number = 0;
  const auto place = [&](const Error& error) { return Fail(error.kind, std::string(name) + ", line " + std::to_string(number) + ": " + error.message); };
  for (;;) {
    auto more = lines.Next(line);
    ++number;
    if (!more) return place(more.error());
    if (!*more) return number - 1;
    const auto value = parse(line);
    if (!value) return place(value.error());
    if (auto taken = on(*value); !taken) return place(taken.error());
  }
}

}  // namespace

void UnitCounts::Add(const UnitCounts& more) {
  for (const NamedCount& count : kCounts) this->*count.value += more.*count.value;
  for (const auto& [code, count] : more.errors) errors[code] += count;
}

void UnitResult::Add(const UnitResult& more) {
  for (const NamedTotal& total : kTotals) this->*total.value += more.*total.value;
  for (size_t i = 0; i < more.histogram.size(); ++i) histogram[i] += more.histogram[i];
  for (size_t i = 0; i < more.uniform.size(); ++i) uniform[i] += more.uniform[i];
  if (lengths.size() < more.lengths.size()) lengths.resize(more.lengths.size());
  for (size_t i = 0; i < more.lengths.size(); ++i) lengths[i] += more.lengths[i];
}

void UnitResult::Add(const Counts& counts, const PlaceOfP& place) {
  duplicate += counts.duplicate;
  other_layer += counts.other_layer;
  repeated += counts.repeated;
  scored += counts.scored;
  short_ += counts.short_;
  special += counts.special;
  tokens += counts.tokens;
  ++tested;
  if (place.row) {
    ++rows;
  } else {
    ++histogram[place.bin];
  }
  ++uniform[place.uniform];
  const size_t length = counts.scored == 0 ? 0 : static_cast<size_t>(std::bit_width(counts.scored)) - 1;
  if (lengths.size() <= length) lengths.resize(length + 1);
  ++lengths[length];
}

UnitSummary EmptySummary(const RunObject& run, const Unit& unit) {
  UnitSummary summary;
  summary.results.resize(run.tests.size());
  for (UnitResult& result : summary.results) result.histogram.resize(static_cast<size_t>(run.tau_hundredths));
  summary.run = RunDigest(run);
  summary.unit = unit;
  return summary;
}

std::string ClipText(std::string_view text, size_t most) {
  std::string out;
  while (!text.empty()) {
    const size_t length = Utf8SequenceLength(text);
    const std::string_view character = length == 0 ? std::string_view("\xEF\xBF\xBD") : text.substr(0, length);
    if (out.size() + character.size() > most) break;
    out += character;
    text.remove_prefix(std::max<size_t>(length, 1));
  }
  return out;
}

std::string DocRowJson(const DocRow& row) {
  Json::Array spans;
  for (const auto& span : row.spans) spans.push_back(IntegerList(span));
  return WriteJson(Json::FromMembers({{"counts", IntegerList(ListOf(row.counts))},
                                      {"group", row.group},
                                      {"id", row.id},
                                      {"length", Signed(row.length)},
                                      {"n", Signed(row.n)},
                                      {"offset", Signed(row.offset)},
                                      {"ordinal", Signed(row.ordinal)},
                                      {"part", Signed(row.part)},
                                      {"s", DecimalText(row.s)},
                                      {"spans", std::move(spans)},
                                      {"test", Signed(row.test)},
                                      {"text", Hex(row.text)}}));
}

Result<DocRow> ParseDocRow(std::string_view line) {
  if (line.size() > kMostRowBytes) return Fail(ErrorKind::kLimit, "longer than " + std::to_string(kMostRowBytes) + " bytes");
  VERDIGRIS_ASSIGN_OR_RETURN(const Json json, ParseCanonicalJson(line));
  Members members(json, "");
  DocRow row;
  const std::vector<uint64_t> counts = members.Integers("counts", 7);
  if (members.ok()) {
    if (counts.size() != 7) {
      members.Fault("counts", "must be 7");
    } else {
      row.counts = {counts[0], counts[1], counts[2], counts[3], counts[4], counts[5], counts[6]};
      if (Sum(std::span(counts).subspan(1)) != counts[0]) members.Fault("counts", "must add up to the first");
    }
  }
  row.group = members.Text("group", 0, kMostInputText);
  row.id = members.Text("id", 0, kMostInputText);
  row.length = members.Integer("length");
  row.n = members.Integer("n", 0, uint64_t{1} << 40);
  row.offset = members.Integer("offset");
  row.ordinal = members.Integer("ordinal", 0, UINT32_MAX);
  row.part = members.Integer("part", 0, UINT32_MAX);
  if (!ParseStatistic(members.Text("s", 0, 39), row.s)) members.Fault("s", "must be a decimal number as a string");
  const std::span<const Json> spans = members.Array("spans", kMostSpans);
  for (const Json& value : spans) {
    std::array<uint64_t, 4> span{};
    const Json::Array* list = value.array();
    bool good = list != nullptr && list->size() == 4;
    for (size_t i = 0; good && i < 4; ++i) {
      good = (*list)[i].integer() != nullptr && *(*list)[i].integer() >= 0;
      if (good) span[i] = static_cast<uint64_t>(*(*list)[i].integer());
    }
    if (!good || span[0] >= span[1] || span[2] > span[3]) {
      members.Fault("spans", "must be lists of four, first and last token, first and last byte");
      break;
    }
    row.spans.push_back(span);
  }
  row.test = members.Integer("test", 0, kMostTests - 1);
  if (!ParseHex(members.Text("text", 0, 32), row.text)) members.Fault("text", "must be 32 digits of lower-case hex");
  VERDIGRIS_RETURN_IF_ERROR(members.Done());
  return row;
}

std::string ErrorEntryJson(const ErrorEntry& entry) {
  return WriteJson(Json::FromMembers({{"code", entry.code}, {"offset", Signed(entry.offset)}, {"ordinal", Signed(entry.ordinal)}}));
}

Result<ErrorEntry> ParseErrorEntry(std::string_view line) {
  VERDIGRIS_ASSIGN_OR_RETURN(const Json json, ParseCanonicalJson(line));
  Members members(json, "");
  ErrorEntry entry;
  entry.code = members.Text("code", 1, kMostCodeBytes);
  if (members.ok() && !IsCode(entry.code)) members.Fault("code", "must be of a-z 0-9 _");
  entry.offset = members.Integer("offset");
  entry.ordinal = members.Integer("ordinal", 0, UINT32_MAX);
  VERDIGRIS_RETURN_IF_ERROR(members.Done());
  return entry;
}

std::string UnitSummaryJson(const UnitSummary& summary) {
  Json::Object errors;
  for (const auto& [code, count] : summary.counts.errors) errors.emplace_back(code, Signed(count));
  Json::Object counts;
  for (const NamedCount& count : kCounts) counts.emplace_back(std::string(count.name), Signed(summary.counts.*count.value));
  counts.emplace_back("errors", Json::FromMembers(std::move(errors)));
  Json::Array results;
  for (const UnitResult& result : summary.results) {
    Json::Object members;
    for (const NamedTotal& total : kTotals) members.emplace_back(std::string(total.name), Signed(result.*total.value));
    members.emplace_back("histogram", IntegerList(result.histogram));
    members.emplace_back("uniform", IntegerList(result.uniform));
    members.emplace_back("lengths", IntegerList(result.lengths));
    results.push_back(Json::FromMembers(std::move(members)));
  }
  const auto unit = ParseJson(UnitJson(summary.unit));
  assert(unit);
  return WriteJson(Json::FromMembers(
      {{"blocks", Json::FromMembers({{"docs", BlockJson(summary.docs)}, {"errors", BlockJson(summary.errors)}, {"groups", BlockJson(summary.groups)}})},
       {"content", Hex(summary.content)},
       {"counts", Json::FromMembers(std::move(counts))},
       {"last", int64_t{summary.last}},
       {"results", std::move(results)},
       {"run", Hex(summary.run)},
       {"schema", std::string(kSchema)},
       {"status", summary.broken ? "broken" : "complete"},
       {"unit", *unit}}));
}

Result<UnitSummary> ParseUnitSummary(std::string_view line) {
  VERDIGRIS_ASSIGN_OR_RETURN(const Json json, ParseCanonicalJson(line));
  if (const Json* schema = json.Find("schema"); schema != nullptr && schema->string() != nullptr && *schema->string() != kSchema) {
    return Fail(ErrorKind::kUnsupported, "not of schema " + std::string(kSchema));
  }
  Members members(json, "");
  UnitSummary summary;
  members.Word("schema", {kSchema});
  Members blocks = members.Object("blocks");
  summary.docs = TakeBlock(blocks, "docs");
  summary.errors = TakeBlock(blocks, "errors");
  summary.groups = TakeBlock(blocks, "groups");
  members.Close(blocks);
  summary.content = members.DigestOf("content");
  Members counts = members.Object("counts");
  for (const NamedCount& count : kCounts) summary.counts.*count.value = counts.Integer(count.name);
  if (const Json* errors = counts.Take("errors"); errors != nullptr) {
    if (errors->object() == nullptr || errors->object()->size() > kMostCodes) counts.Fault("errors", "must be an object of at most 64 codes");
    for (const auto& [code, count] : counts.ok() ? *errors->object() : Json::Object{}) {
      if (!IsCode(code) || count.integer() == nullptr || *count.integer() < 1) {
        counts.Fault("errors", "must be numbers from 1 on by code");
        break;
      }
      summary.counts.errors[code] = static_cast<uint64_t>(*count.integer());
    }
  }
  members.Close(counts);
  summary.last = members.Bit("last");
  const std::span<const Json> results = members.Array("results", kMostTests);
  for (size_t i = 0; i < results.size() && members.ok(); ++i) {
    Members inner = members.Element("results", i, results[i]);
    summary.results.push_back(TakeResult(inner));
    members.Close(inner);
  }
  summary.run = members.DigestOf("run");
  summary.broken = members.Word("status", {"complete", "broken"}) == 1;
  const Json* unit = members.Take("unit");
  VERDIGRIS_RETURN_IF_ERROR(members.Done());
  VERDIGRIS_ASSIGN_OR_RETURN(summary.unit, ParseUnit(*unit, "unit"));
  if (summary.errors.count > kMostListedErrors) return Fail(ErrorKind::kMalformed, "blocks.errors lists more than 1000");
  return summary;
}

Result<void> UnitFileBuilder::Add(const DocRow& row) {
  ++rows_;
  return docs_.Append(DocRowJson(row) + "\n");
}

Result<void> UnitFileBuilder::Add(const ErrorEntry& entry) {
  if (entries_ == kMostListedErrors) return {};
  ++entries_;
  return errors_.Append(ErrorEntryJson(entry) + "\n");
}

Result<void> UnitFileBuilder::Finish(UnitSummary& summary, const GroupBlock& groups, const ByteSink& sink) {
  summary.docs = {rows_, docs_.size(), {}};
  VERDIGRIS_ASSIGN_OR_RETURN(summary.docs.digest, docs_.Sha256Of());
  summary.errors = {entries_, errors_.size(), {}};
  VERDIGRIS_ASSIGN_OR_RETURN(summary.errors.digest, errors_.Sha256Of());
  summary.groups = {groups.count, groups.bytes.size(), groups.digest};
  VERDIGRIS_RETURN_IF_ERROR(sink(UnitSummaryJson(summary) + "\n"));
  VERDIGRIS_RETURN_IF_ERROR(docs_.CopyTo(sink));
  VERDIGRIS_RETURN_IF_ERROR(errors_.CopyTo(sink));
  return groups.bytes.CopyTo(sink);
}

namespace {

// Reads up to the first line feed.
Result<std::string> FirstLine(const ByteSource& source) {
  std::string bytes;
  for (uint64_t piece = 4096; bytes.size() < source.size(); piece *= 2) {
    VERDIGRIS_ASSIGN_OR_RETURN(const std::string more, source.Read(bytes.size(), std::min<uint64_t>(piece, source.size() - bytes.size())));
    const size_t feed = more.find('\n');
    if (feed != std::string::npos) return bytes + more.substr(0, feed);
    bytes += more;
    if (bytes.size() > kMostSummaryBytes) return Fail(ErrorKind::kLimit, "a summary of more than " + std::to_string(kMostSummaryBytes) + " bytes");
  }
  return Fail(ErrorKind::kMalformed, "the summary has no line feed");
}

}  // namespace

Result<UnitFile> UnitFile::Open(const std::string& path) {
  VERDIGRIS_ASSIGN_OR_RETURN(auto source, FileSource(path));
  auto file = Of(std::move(source));
  if (!file && file.error().kind != ErrorKind::kIo && file.error().kind != ErrorKind::kNotFound) return Fail(file.error().kind, path + ": " + file.error().message);
  return file;
}

Result<UnitFile> UnitFile::FromMemory(std::string_view bytes) { return Of(MemorySource(bytes)); }

Result<UnitFile> UnitFile::Of(std::shared_ptr<const ByteSource> source) {
  UnitFile file;
  file.source_ = std::move(source);
  VERDIGRIS_ASSIGN_OR_RETURN(file.summary_bytes_, FirstLine(*file.source_));
  VERDIGRIS_ASSIGN_OR_RETURN(file.summary_, ParseUnitSummary(file.summary_bytes_));
  UnitLayout& layout = file.layout_;
  layout.docs_at = file.summary_bytes_.size() + 1;
  layout.errors_at = layout.docs_at + file.summary_.docs.bytes;
  layout.groups_at = layout.errors_at + file.summary_.errors.bytes;
  layout.end = layout.groups_at + file.summary_.groups.bytes;
  layout.groups = file.summary_.groups.count;
  if (layout.end != file.source_->size()) {
    return Fail(ErrorKind::kMalformed, "of " + std::to_string(file.source_->size()) + " bytes, its summary states " + std::to_string(layout.end));
  }
  return file;
}

Result<void> ForEachRow(const ByteSource& source, const UnitLayout& layout, const std::function<Result<void>(const DocRow&)>& on_row) {
  VERDIGRIS_RETURN_IF_ERROR(ForEachLine<DocRow>(source, layout.docs_at, layout.errors_at, kMostRowBytes, "docs", ParseDocRow, on_row));
  return {};
}

Result<void> ForEachError(const ByteSource& source, const UnitLayout& layout, const std::function<Result<void>(const ErrorEntry&)>& on_error) {
  VERDIGRIS_RETURN_IF_ERROR(ForEachLine<ErrorEntry>(source, layout.errors_at, layout.groups_at, kMostErrorLine, "errors", ParseErrorEntry, on_error));
  return {};
}

GroupInput GroupsOf(std::shared_ptr<const ByteSource> source, const UnitLayout& layout, std::string where) {
  return {std::move(source), layout.groups_at, layout.end - layout.groups_at, layout.groups, std::move(where)};
}

Result<void> UnitFile::Check(const RunObject* run, const std::function<Result<void>(const DocRow&)>& on_row) const {
  const auto malformed = [](const std::string& why) { return Fail(ErrorKind::kMalformed, why); };
  if (run != nullptr) {
    const Digest digest = RunDigest(*run);
    if (summary_.run != digest) return Fail(ErrorKind::kMismatch, "of run " + Hex(summary_.run) + ", not " + Hex(digest));
    if (summary_.results.size() != run->tests.size()) return malformed("results must be one a test of the run");
    for (const UnitResult& result : summary_.results) {
      if (result.histogram.size() != static_cast<size_t>(run->tau_hundredths)) return malformed("results.histogram must have an entry a hundredth of a decade down to tau");
      if (run->first_seen && result.rows != result.tested) return malformed("results.rows must be all tested: the run is first-seen");
    }
  }
  const std::tuple<std::string_view, const BlockFacts*, uint64_t> blocks[] = {
      {"docs", &summary_.docs, layout_.docs_at}, {"errors", &summary_.errors, layout_.errors_at}, {"groups", &summary_.groups, layout_.groups_at}};
  for (const auto& [name, facts, at] : blocks) {
    VERDIGRIS_ASSIGN_OR_RETURN(const Digest digest, Sha256OfRange(*source_, at, facts->bytes));
    if (digest != facts->digest) return malformed("block " + std::string(name) + " has SHA-256 " + Hex(digest) + ", stated " + Hex(facts->digest));
  }

  using RowPlace = std::tuple<uint64_t, uint64_t, uint64_t>;
  std::optional<RowPlace> before;
  std::vector<uint64_t> rows(summary_.results.size());
  uint64_t documents = 0;  // that have rows
  VERDIGRIS_ASSIGN_OR_RETURN(
      const uint64_t row_lines,
      ForEachLine<DocRow>(*source_, layout_.docs_at, layout_.errors_at, kMostRowBytes, "docs", ParseDocRow, [&](const DocRow& row) -> Result<void> {
        if (row.test >= rows.size()) return malformed("test must be one of the " + std::to_string(rows.size()) + " of the run");
        const RowPlace place{row.ordinal, row.part, row.test};
        if (before && !(*before < place)) return malformed("must come after the row before, by ordinal, part and test");
        if (run != nullptr && run->first_seen && row.n < run->min_scored) return malformed("n must be at least " + std::to_string(run->min_scored) + " to be tested");
        documents += !before || std::get<0>(*before) != row.ordinal || std::get<1>(*before) != row.part;
        before = place;
        ++rows[row.test];
        return on_row ? on_row(row) : Result<void>();
      }));
  if (row_lines != summary_.docs.count) return malformed("block docs has " + std::to_string(row_lines) + " lines, stated " + std::to_string(summary_.docs.count));
  for (size_t i = 0; i < rows.size(); ++i) {
    if (rows[i] != summary_.results[i].rows) {
      return malformed("results[" + std::to_string(i) + "].rows is " + std::to_string(summary_.results[i].rows) + ", the block has " + std::to_string(rows[i]));
    }
  }
  if (run != nullptr && run->first_seen && documents != summary_.counts.tested) {
    return malformed("counts.tested is " + std::to_string(summary_.counts.tested) + ", the block docs has rows of " + std::to_string(documents));
  }
  VERDIGRIS_ASSIGN_OR_RETURN(const uint64_t entries, ForEachLine<ErrorEntry>(*source_, layout_.errors_at, layout_.groups_at, kMostErrorLine, "errors", ParseErrorEntry,
                                                                             [](const ErrorEntry&) -> Result<void> { return {}; }));
  if (entries != summary_.errors.count) return malformed("block errors has " + std::to_string(entries) + " lines, stated " + std::to_string(summary_.errors.count));
  return run == nullptr ? Result<void>() : CheckGroups(groups(), run->group, run->first_seen, UnitId(summary_.unit), run->tests.size());
}

}  // namespace verdigris::verify
