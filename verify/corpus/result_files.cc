// nlohmann writes, its objects being sorted by name; simdjson reads, ten times faster, and refuses ill-formed UTF-8.
//
// Tested by tests/verify/report/result_files_test.cc and tests/fuzz/fuzz_result_files.cc.
#include "verify/corpus/result_files.h"

#include <algorithm>
#include <limits>
#include <type_traits>

#include <nlohmann/json.hpp>
#include <simdjson.h>

namespace verdigris::verify {
namespace {

using Written = nlohmann::json;
using simdjson::dom::array;
using simdjson::dom::element;
using simdjson::dom::object;

constexpr std::string_view kDocumentSchema = "verdigris.document/1", kGroupSchema = "verdigris.group/1", kCorpusSchema = "verdigris.corpus/1";
constexpr std::string_view kFirstSeen = "first-seen";
constexpr size_t kMaxDepth = 16;
constexpr size_t kMaxUriBytes = size_t{1} << 16, kMaxNameBytes = 1024;  // C6: strings of the input
constexpr size_t kTestEnd = size_t{1} << 16, kMostKids = 4096, kMostSpans = size_t{1} << 16, kMostBins = 4096;
constexpr size_t kMostDigits = 39;  // of 2^128
constexpr size_t kMaxLineBytes = size_t{4} << 20, kMaxSummaryBytes = size_t{64} << 20;

struct CountName {
  const char* name;
  uint64_t Counts::*member;
};
constexpr CountName kCounts[] = {{"tokens", &Counts::tokens},       {"short", &Counts::short_},         {"special", &Counts::special},
                                 {"repeated", &Counts::repeated},   {"duplicate", &Counts::duplicate}, {"scored", &Counts::scored},
                                 {"other_layer", &Counts::other_layer}};

// ---- reading

bool IsHexDigits(std::string_view text, size_t digits) {
  return text.size() == digits && std::all_of(text.begin(), text.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool IsDecimal(std::string_view text) {
  return !text.empty() && text.size() <= kMostDigits && (text.size() == 1 || text[0] != '0') &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// Members of one object; the first fault is kept. What is read after a fault is not to be used.
class Fields {
 public:
  Fields(element value, std::string path) : path_(std::move(path)) {
    if (value.get(object_) != simdjson::SUCCESS) {
      error_ = (path_.empty() ? "it" : path_) + " must be an object";
      return;
    }
    std::vector<std::string_view> names;
    for (const auto& field : object_) names.push_back(field.key);
    std::sort(names.begin(), names.end());
    if (std::adjacent_find(names.begin(), names.end()) != names.end()) error_ = (path_.empty() ? "" : path_ + ": ") + "a member stands twice";
  }

  bool ok() const { return error_.empty(); }
  const std::string& error() const { return error_; }
  void Fault(std::string_view name, std::string_view why) {
    if (ok()) error_ = PathOf(name) + " must be " + std::string(why);
  }
  void Take(const Fields& inner) {
    if (ok()) error_ = inner.error_;
  }

  void Integer(const char* name, uint64_t& to) {
    element value;
    if (Find(name, value) && value.get(to) != simdjson::SUCCESS) Fault(name, "a whole number of 0 or more");
  }
  void Integer(const char* name, std::optional<uint64_t>& to) {
    if (Has(name)) Integer(name, to.emplace());
  }
  void Bit(const char* name, bool& to) {
    uint64_t value = 0;
    Integer(name, value);
    if (value > 1) Fault(name, "0 or 1");
    to = value == 1;
  }
  void Real(const char* name, double& to, double least, double most) {
    element value;
    if (!Find(name, value)) return;
    if (value.get(to) != simdjson::SUCCESS || !(to >= least && to <= most)) Fault(name, "a number in its bounds");
  }
  void LogP(const char* name, double& to) { Real(name, to, -std::numeric_limits<double>::max(), 0); }
  void LogP(const char* name, std::optional<double>& to) {
    if (Has(name)) LogP(name, to.emplace());
  }
  void Text(const char* name, std::string& to, size_t most) {
    element value;
    std::string_view text;
    if (!Find(name, value)) return;
    if (value.get(text) != simdjson::SUCCESS || text.size() > most) return Fault(name, "a string of at most " + std::to_string(most) + " bytes");
    to = text;
  }
  void HexText(const char* name, std::string& to, size_t digits, bool or_empty = false) {
    Text(name, to, digits);
    if (!(or_empty && to.empty()) && !IsHexDigits(to, digits)) Fault(name, std::to_string(digits) + " digits of hex");
  }
  void Decimal(const char* name, std::string& to) {
    Text(name, to, kMostDigits);
    if (!IsDecimal(to)) Fault(name, "a decimal number as a string");
  }
  void Kids(std::vector<std::string>& to) {
    ForEach("kids", kMostKids, [&](element value) {
      std::string_view kid;
      if (value.get(kid) != simdjson::SUCCESS || !IsHexDigits(kid, 16)) return Fault("kids", "key ids of 16 digits of hex");
      to.emplace_back(kid);
    });
  }
  void Integers(const char* name, std::vector<uint64_t>& to) {
    ForEach(name, kMostBins, [&](element value) {
      if (value.get(to.emplace_back()) != simdjson::SUCCESS) Fault(name, "a list of whole numbers");
    });
  }
  void IntegersByName(const char* name, std::map<std::string, uint64_t>& to) {
    element value;
    if (!Find(name, value)) return;
    Fields inner(value, PathOf(name));
    if (inner.ok()) {
      for (const auto& field : inner.object_) {
        if (field.key.size() > 64) return Fault(name, "counts by name");
        if (field.value.get(to[std::string(field.key)]) != simdjson::SUCCESS) inner.Fault(field.key, "a whole number of 0 or more");
      }
    }
    Take(inner);
  }
  template <class Function>
  void ForEach(const char* name, size_t most, Function&& function) {
    element value;
    array list;
    if (!Find(name, value)) return;
    if (value.get(list) != simdjson::SUCCESS || list.size() > most) return Fault(name, "a list of at most " + std::to_string(most));
    for (const element each : list) {
      if (ok()) function(each);
    }
  }
  // The value of a member that must be there.
  bool Find(const char* name, element& to) {
    if (!ok()) return false;
    if (object_[name].get(to) == simdjson::SUCCESS) return true;
    error_ = PathOf(name) + " is missing";
    return false;
  }
  bool Has(const char* name) const { return ok() && object_[name].error() == simdjson::SUCCESS; }
  std::string PathOf(std::string_view name) const { return path_.empty() ? std::string(name) : path_ + "." + std::string(name); }

 private:
  object object_;
  std::string path_, error_;
};

// Hands the members of the object in `bytes` to `read`, which returns nothing.
template <class Function>
Result<void> ReadObject(std::string_view bytes, std::string_view schema, Function&& read) {
  simdjson::dom::parser parser;
  element root;
  if (parser.allocate(bytes.size(), kMaxDepth) != simdjson::SUCCESS) return Fail(ErrorKind::kNoMemory, "no memory for its JSON");
  if (const auto error = parser.parse(bytes.data(), bytes.size()).get(root); error != simdjson::SUCCESS) {
    return Fail(ErrorKind::kMalformed, "is no JSON");
  }
  Fields fields(root, "");
  std::string found;
  if (!schema.empty()) {
    fields.Text("schema", found, 64);
    if (fields.ok() && found != schema) return Fail(ErrorKind::kUnsupported, "its schema is not " + std::string(schema));
  }
  if (fields.ok()) read(fields);
  if (!fields.ok()) return Fail(ErrorKind::kMalformed, fields.error());
  return {};
}

void ReadSpans(Fields& fields, std::vector<DocumentResult::Span>& spans) {
  fields.ForEach("spans", kMostSpans, [&](element value) {
    array list;
    std::array<uint64_t, 4> ends{};
    bool good = value.get(list) == simdjson::SUCCESS && list.size() == ends.size();
    for (size_t i = 0; good && i < ends.size(); ++i) good = list.at(i).get(ends[i]) == simdjson::SUCCESS;
    if (!good || ends[0] > ends[1] || ends[2] > ends[3]) return fields.Fault("spans", "a list of [first token, end, first byte, end]");
    spans.push_back({{ends[0], ends[1]}, {ends[2], ends[3]}});
  });
}

void ReadTest(Fields& fields, element value, size_t at, TestSummary& test) {
  Fields inner(value, fields.PathOf("tests[" + std::to_string(at) + "]"));
  inner.Kids(test.kids);
  inner.Text("variant", test.variant, 64);
  inner.Integer("m", test.m);
  inner.Integer("rows", test.rows);
  inner.Integer("findings", test.findings);
  inner.Integer("baseline", test.baseline);
  inner.Integer("distinct_texts", test.distinct_texts);
  inner.Integers("histogram", test.histogram);
  inner.Integers("uniform", test.uniform);
  inner.Integers("lengths", test.lengths);
  element power;
  if (inner.Has("power") && inner.Find("power", power)) {
    Fields at_median(power, inner.PathOf("power"));
    TestSummary::AtMedian& to = test.power.emplace(TestSummary::AtMedian());
    at_median.Integer("length", to.length);
    at_median.Real("effect", to.effect, 0, 1e6);
    at_median.LogP("log10_alpha", to.log10_alpha);
    at_median.Real("power", to.power, 0, 1);
    at_median.Integer("tokens_needed", to.tokens_needed);
    inner.Take(at_median);
  }
  fields.Take(inner);
}

// ---- writing

Written Optional(const std::optional<uint64_t>& value) { return value ? Written(*value) : Written(); }

void SetIfThere(Written& json, const char* name, const Written& value) {
  if (!value.is_null()) json[name] = value;
}

std::string Dump(const Written& json) { return json.dump(-1, ' ', false, Written::error_handler_t::replace); }

}  // namespace

std::string ToJson(const DocumentResult& row) {
  Written json = {{"schema", kDocumentSchema}, {"uri", row.uri}, {"segment", row.segment}, {"offset", row.offset}, {"length", row.length},
                  {"ordinal", row.ordinal}, {"part", row.part}, {"test", row.test}, {"id", row.id}, {"group", row.group}, {"kids", row.kids},
                  {"variant", row.variant}, {"text", row.text}, {"n", row.n}, {"s", row.s}, {"log10_p", row.log10_p}, {"log10_e", row.log10_e},
                  {"finding", int{row.finding}}, {"baseline", int{row.baseline}}};
  for (const CountName& count : kCounts) json["counts"][count.name] = row.counts.*count.member;
  json["spans"] = Written::array();
  for (const DocumentResult::Span& span : row.spans) {
    json["spans"].push_back(Written::array({span.tokens[0], span.tokens[1], span.bytes[0], span.bytes[1]}));
  }
  if (row.log10_q) json["log10_q"] = *row.log10_q;
  return Dump(json);
}

std::string ToJson(const GroupResult& row) {
  Written json = {{"schema", kGroupSchema}, {"name", row.name}, {"test", row.test}, {"n", row.n}, {"s", row.s}, {"full", int{row.full}},
                  {"sample_log2", row.sample_log2}, {"inflation", row.inflation}, {"documents", row.documents}, {"log10_p", row.log10_p},
                  {"finding", int{row.finding}}};
  if (row.log10_q) json["log10_q"] = *row.log10_q;
  return Dump(json);
}

std::string ToJson(const ErrorResult& row) {
  Written json = {{"uri", row.uri}, {"code", row.code}};
  SetIfThere(json, "segment", Optional(row.segment));
  SetIfThere(json, "offset", Optional(row.offset));
  SetIfThere(json, "ordinal", Optional(row.ordinal));
  return Dump(json);
}

std::string ToJson(const CorpusSummary& summary) {
  Written json = {{"schema", kCorpusSchema}, {"run", summary.run}, {"root", summary.root}, {"profile", summary.profile}, {"scheme", summary.scheme},
                  {"alpha_log10", summary.alpha_log10}, {"tau_log10", summary.tau_log10}, {"control", summary.control}, {"units", summary.units},
                  {"partial", int{summary.partial}}, {"counts", summary.counts}, {"errors", summary.errors}, {"groups", summary.groups},
                  {"group_findings", summary.group_findings}};
  json["tests"] = Written::array();
  for (const TestSummary& test : summary.tests) {
    Written row = {{"kids", test.kids}, {"variant", test.variant}, {"m", test.m}, {"rows", test.rows}, {"findings", test.findings},
                   {"baseline", test.baseline}, {"distinct_texts", test.distinct_texts}, {"histogram", test.histogram},
                   {"uniform", test.uniform}, {"lengths", test.lengths}};
    if (test.power) {
      row["power"] = {{"length", test.power->length}, {"effect", test.power->effect}, {"log10_alpha", test.power->log10_alpha}, {"power", test.power->power}};
      SetIfThere(row["power"], "tokens_needed", Optional(test.power->tokens_needed));
    }
    json["tests"].push_back(std::move(row));
  }
  if (summary.first_seen) json["assign"] = kFirstSeen;
  if (const auto& calibration = summary.calibration) {
    json["calibration"] = {{"tests", calibration->tests}, {"rho", calibration->rho}, {"alpha", calibration->alpha}, {"from", calibration->from}, {"to", calibration->to}};
  }
  return Dump(json) + "\n";
}

Result<DocumentResult> ParseDocumentResult(std::string_view line) {
  DocumentResult row;
  VERDIGRIS_RETURN_IF_ERROR(ReadObject(line, kDocumentSchema, [&](Fields& fields) {
    fields.Text("uri", row.uri, kMaxUriBytes);
    for (const auto& [name, to] : {std::pair("segment", &row.segment), {"offset", &row.offset}, {"length", &row.length}, {"ordinal", &row.ordinal},
                                   {"part", &row.part}, {"test", &row.test}, {"n", &row.n}}) {
      fields.Integer(name, *to);
    }
    if (row.test >= kTestEnd) fields.Fault("test", "below 65536");
    fields.Text("id", row.id, kMaxNameBytes);
    fields.Text("group", row.group, kMaxNameBytes);
    fields.Kids(row.kids);
    fields.Text("variant", row.variant, 64);
    fields.HexText("text", row.text, 32);
    fields.Decimal("s", row.s);
    ReadSpans(fields, row.spans);
    element counts;
    if (fields.Find("counts", counts)) {
      Fields inner(counts, "counts");
      for (const CountName& count : kCounts) inner.Integer(count.name, row.counts.*count.member);
      fields.Take(inner);
    }
    fields.LogP("log10_p", row.log10_p);
    fields.LogP("log10_q", row.log10_q);
    fields.Real("log10_e", row.log10_e, -std::numeric_limits<double>::max(), std::numeric_limits<double>::max());
    fields.Bit("finding", row.finding);
    fields.Bit("baseline", row.baseline);
  }));
  return row;
}

Result<GroupResult> ParseGroupResult(std::string_view line) {
  GroupResult row;
  VERDIGRIS_RETURN_IF_ERROR(ReadObject(line, kGroupSchema, [&](Fields& fields) {
    fields.Text("name", row.name, kMaxUriBytes);
    for (const auto& [name, to] : {std::pair("test", &row.test), {"n", &row.n}, {"sample_log2", &row.sample_log2}, {"documents", &row.documents}}) {
      fields.Integer(name, *to);
    }
    if (row.test >= kTestEnd) fields.Fault("test", "below 65536");
    if (row.sample_log2 > 64) fields.Fault("sample_log2", "at most 64");
    fields.Decimal("s", row.s);
    fields.Bit("full", row.full);
    fields.Real("inflation", row.inflation, 0, std::numeric_limits<double>::max());
    fields.LogP("log10_p", row.log10_p);
    fields.LogP("log10_q", row.log10_q);
    fields.Bit("finding", row.finding);
  }));
  return row;
}

Result<ErrorResult> ParseErrorResult(std::string_view line) {
  ErrorResult row;
  VERDIGRIS_RETURN_IF_ERROR(ReadObject(line, "", [&](Fields& fields) {
    fields.Text("uri", row.uri, kMaxUriBytes);
    fields.Text("code", row.code, 64);
    fields.Integer("segment", row.segment);
    fields.Integer("offset", row.offset);
    fields.Integer("ordinal", row.ordinal);
  }));
  return row;
}

Result<CorpusSummary> ParseCorpusSummary(std::string_view bytes) {
  if (bytes.size() > kMaxSummaryBytes) return Fail(ErrorKind::kLimit, "more than 64 MiB");
  CorpusSummary summary;
  VERDIGRIS_RETURN_IF_ERROR(ReadObject(bytes, kCorpusSchema, [&](Fields& fields) {
    fields.HexText("run", summary.run, 64);
    fields.HexText("root", summary.root, 64, /*or_empty=*/true);
    fields.HexText("profile", summary.profile, 64);
    fields.Text("scheme", summary.scheme, 64);
    fields.LogP("alpha_log10", summary.alpha_log10);
    fields.LogP("tau_log10", summary.tau_log10);
    fields.Text("control", summary.control, 16);
    fields.Integer("units", summary.units);
    fields.Bit("partial", summary.partial);
    fields.IntegersByName("counts", summary.counts);
    fields.IntegersByName("errors", summary.errors);
    fields.Integer("groups", summary.groups);
    fields.Integer("group_findings", summary.group_findings);
    fields.ForEach("tests", kTestEnd, [&](element value) { ReadTest(fields, value, summary.tests.size(), summary.tests.emplace_back()); });
    if (fields.Has("assign")) {
      std::string assign;
      fields.Text("assign", assign, 64);
      if (assign != kFirstSeen) fields.Fault("assign", std::string(kFirstSeen));
      summary.first_seen = true;
    }
    element calibration;
    if (fields.Has("calibration") && fields.Find("calibration", calibration)) {
      Fields inner(calibration, fields.PathOf("calibration"));
      CorpusSummary::Calibrated& to = summary.calibration.emplace(CorpusSummary::Calibrated());
      inner.Integer("tests", to.tests);
      for (const auto& [name, share] : {std::pair("rho", &to.rho), {"alpha", &to.alpha}, {"from", &to.from}, {"to", &to.to}}) inner.Real(name, *share, 0, 1);
      fields.Take(inner);
    }
  }));
  return summary;
}

namespace {

Unexpected At(const std::string& place, Error error) {
  error.message = place + ": " + error.message;
  return Unexpected(std::move(error));
}

template <class Row>
Result<Row> ParseRow(std::string_view line) {
  if constexpr (std::is_same_v<Row, DocumentResult>) return ParseDocumentResult(line);
  if constexpr (std::is_same_v<Row, GroupResult>) return ParseGroupResult(line);
  if constexpr (std::is_same_v<Row, ErrorResult>) return ParseErrorResult(line);
}

}  // namespace

template <class Row>
Result<ResultReader<Row>> ResultReader<Row>::Open(const std::string& path) {
  VERDIGRIS_ASSIGN_OR_RETURN(LineReader lines, LineReader::Open(path, kMaxLineBytes));
  return ResultReader(std::move(lines));
}

template <class Row>
Result<bool> ResultReader<Row>::Next(Row& row) {
  std::string_view line;
  VERDIGRIS_ASSIGN_OR_RETURN(const bool more, lines_.Next(line));
  if (!more) return false;
  auto read = ParseRow<Row>(line);
  if (!read) return At(lines_.Place(), read.error());
  row = std::move(*read);
  return true;
}

template class ResultReader<DocumentResult>;
template class ResultReader<GroupResult>;
template class ResultReader<ErrorResult>;

}  // namespace verdigris::verify
