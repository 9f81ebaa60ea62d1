// Tested by tests/verify/corpus/run_test.cc.
#include "verify/corpus/run.h"

#include <algorithm>

#include "verify/corpus/group_name.h"
#include "verify/members.h"
#include "watermark/json.h"

namespace verdigris::verify {
namespace {

constexpr std::string_view kSchema = "verdigris.run/1";
constexpr std::string_view kControls[] = {"bh", "by", "ebh", "holm", "none"};
constexpr std::string_view kDtypes[] = {"", "u8", "u16", "u32", "i8", "i16", "i32", "i64"};
constexpr std::string_view kVariants[] = {kAsIs, kNormalised};
constexpr int64_t kMostAlphaE4 = 3'000'000;  // alpha 1e-300
constexpr char kTauBounds[] = "must be a whole number of hundredths in [-30.0000,-0.0100]";
constexpr size_t kMostByBytes = 1024;
constexpr int64_t kMostId = (int64_t{1} << 32) - 1;
constexpr uint64_t kMostKeep = uint64_t{1} << 30;

bool IsKid(std::string_view text) {
  uint8_t bytes[8];
  return ParseHex(text, bytes);
}

bool IsGroupBy(std::string_view by) { return by.size() <= kMostByBytes && IsUtf8(by) && GroupNamer::Create(by).has_value(); }

Json RunValue(const RunObject& run, bool evidence_alone) {
  Json::Array tests;
  for (const RunTest& test : run.tests) {
    tests.push_back(Json::FromMembers({{"kids", Json::Array(test.kids.begin(), test.kids.end())}, {"variant", test.variant}}));
  }
  Json::Object members = {
      {"assign", run.first_seen ? "first-seen" : "document"},
      {"dtype", run.dtype},
      {"eos", run.eos},
      {"evidence", static_cast<int64_t>(run.evidence)},
      {"group", Json::FromMembers({{"by", run.group.by}, {"keep", static_cast<int64_t>(run.group.keep)}, {"sample_log2", int64_t{run.group.sample_log2}}})},
      {"max_doc_bytes", static_cast<int64_t>(run.max_doc_bytes)},
      {"min_scored", static_cast<int64_t>(run.min_scored)},
      {"profile", Hex(run.profile)},
      {"rule", run.rule == Rule::kFirst ? "first" : "tuple"},
      {"schema", std::string(kSchema)},
      {"selector", run.selector},
      {"stop_list", run.stop_list ? Hex(*run.stop_list) : ""},
      {"tau_log10", Decimal4(-int64_t{run.tau_hundredths} * 100)},
      {"tests", std::move(tests)},
      {"tokenizer", run.tokenizer ? Hex(*run.tokenizer) : ""},
  };
  if (!evidence_alone) {
    members.emplace_back("alpha_log10", Decimal4(run.alpha_log10_e4));
    members.emplace_back("control", std::string(ControlName(run.control)));
  }
  return Json::FromMembers(std::move(members));
}

// An integer that may be -1.
int64_t IntegerOrMinusOne(Members& members, std::string_view name, int64_t most) {
  const Json* value = members.Take(name);
  if (value == nullptr) return -1;
  if (value->integer() == nullptr || *value->integer() < -1 || *value->integer() > most) {
    return members.Fault(name, "must be an integer in [-1," + std::to_string(most) + "]"), -1;
  }
  return *value->integer();
}

// The first fault of what both a caller and a file may get wrong: member and why.
std::optional<std::pair<std::string, std::string>> FaultOf(const RunObject& run) {
  using Fault = std::pair<std::string, std::string>;
  if (run.alpha_log10_e4 > -1 || run.alpha_log10_e4 < -kMostAlphaE4) return Fault("alpha_log10", "must be in [-300.0000,-0.0001]");
  if (std::find(std::begin(kDtypes), std::end(kDtypes), run.dtype) == std::end(kDtypes)) return Fault("dtype", "must be empty, u8, u16, u32, i8, i16, i32 or i64");
  if (run.eos < -1 || run.eos > kMostId) return Fault("eos", "must be -1 or a token id");
  if (!IsGroupBy(run.group.by)) return Fault("group.by", "must be none, host, source, path:N with N in [1,64] or field:NAME");
  if (run.group.keep > kMostKeep) return Fault("group.keep", "must be at most " + std::to_string(kMostKeep));
  if (run.group.sample_log2 < 0 || run.group.sample_log2 > 64) return Fault("group.sample_log2", "must be in [0,64]");
  if (run.first_seen && (run.group.keep != 0 || run.group.sample_log2 != 0)) return Fault("assign", "first-seen needs all tuples: group.keep 0 and group.sample_log2 0");
  if (run.first_seen && run.group.by != "none") return Fault("assign", "first-seen is over the whole corpus: group.by none");
  if (run.max_doc_bytes < 4 || run.max_doc_bytes > (uint64_t{16} << 20)) return Fault("max_doc_bytes", "must be in [4,16777216]");
  if (run.min_scored < 1 || run.min_scored > (uint64_t{1} << 40)) return Fault("min_scored", "must be in [1,1099511627776]");
  if (!run.selector.empty() && !IsKid(run.selector)) return Fault("selector", "must be empty or 16 digits of lower-case hex");
  if (run.tau_hundredths < 1 || run.tau_hundredths > kMostTauHundredths) return Fault("tau_log10", kTauBounds);
  if (run.tests.empty() || run.tests.size() > kMostTests) return Fault("tests", "must be 1 to " + std::to_string(kMostTests));
  for (size_t i = 0; i < run.tests.size(); ++i) {
    const RunTest& test = run.tests[i];
    const std::string place = "tests[" + std::to_string(i) + "]";
    if (test.kids.empty() || test.kids.size() > 2) return Fault(place + ".kids", "must be 1 or 2");
    if (!std::all_of(test.kids.begin(), test.kids.end(), IsKid)) return Fault(place + ".kids", "must be 16 digits of lower-case hex each");
    if (test.kids.size() == 2 && !(test.kids[0] < test.kids[1])) return Fault(place + ".kids", "must ascend");
    if (std::find(std::begin(kVariants), std::end(kVariants), test.variant) == std::end(kVariants)) return Fault(place + ".variant", "must be as-is or normalised");
    if (i > 0 && !(run.tests[i - 1] < test)) return Fault(place, "must come after the test before it, by kids and variant");
  }
  return std::nullopt;
}

}  // namespace

std::string_view ControlName(CorpusControl control) { return kControls[static_cast<size_t>(control)]; }

std::optional<CorpusControl> ParseControl(std::string_view name) {
  const auto at = std::find(std::begin(kControls), std::end(kControls), name);
  if (at == std::end(kControls)) return std::nullopt;
  return static_cast<CorpusControl>(at - std::begin(kControls));
}

Result<void> CheckRun(const RunObject& run) {
  if (const auto fault = FaultOf(run)) return Fail(ErrorKind::kInvalidArgument, fault->first + " " + fault->second);
  return {};
}

std::string RunJson(const RunObject& run) { return WriteJson(RunValue(run, /*evidence_alone=*/false)) + "\n"; }

Result<RunObject> ParseRun(std::string_view bytes) {
  VERDIGRIS_ASSIGN_OR_RETURN(const Json json, ParseSchemaFile(bytes, kSchema));
  Members members(json, "");
  RunObject run;
  members.Take("schema");
  const auto alpha = ParseDecimal4(members.Text("alpha_log10", 0, 16));
  if (!alpha) members.Fault("alpha_log10", "must be a number such as -2.0000");
  run.alpha_log10_e4 = alpha.value_or(-1);
  run.first_seen = members.Word("assign", {"document", "first-seen"}) == 1;
  run.control = static_cast<CorpusControl>(members.Word("control", kControls));
  run.dtype = members.Text("dtype", 0, 4);
  run.eos = IntegerOrMinusOne(members, "eos", kMostId);
  run.evidence = members.Integer("evidence", 1);
  if (members.ok() && run.evidence > RunObject::kEvidence) {
    return Fail(ErrorKind::kUnsupported, "evidence " + std::to_string(run.evidence) + ", this build knows up to " + std::to_string(RunObject::kEvidence));
  }
  Members group = members.Object("group");
  run.group.by = group.Text("by", 1, kMostByBytes);
  run.group.keep = group.Integer("keep", 0, kMostKeep);
  run.group.sample_log2 = static_cast<int>(group.Integer("sample_log2", 0, 64));
  members.Close(group);
  run.max_doc_bytes = members.Integer("max_doc_bytes", 1);
  run.min_scored = members.Integer("min_scored", 1);
  run.profile = members.DigestOf("profile");
  run.rule = members.Word("rule", {"first", "tuple"}) == 0 ? Rule::kFirst : Rule::kTuple;
  run.selector = members.Text("selector", 0, 16);
  run.stop_list = members.DigestOrEmpty("stop_list");
  const auto tau = ParseDecimal4(members.Text("tau_log10", 0, 16));
  if (!tau || *tau % 100 != 0 || *tau < int64_t{kMostTauHundredths} * -100) members.Fault("tau_log10", kTauBounds);
  if (members.ok()) run.tau_hundredths = static_cast<int>(*tau / -100);
  const std::span<const Json> tests = members.Array("tests", kMostTests);
  for (size_t i = 0; i < tests.size() && members.ok(); ++i) {
    Members inner = members.Element("tests", i, tests[i]);
    RunTest test;
    test.kids = inner.Texts("kids", 2, 16);
    test.variant = inner.Text("variant", 1, 16);
    members.Close(inner);
    run.tests.push_back(std::move(test));
  }
  run.tokenizer = members.DigestOrEmpty("tokenizer");
  VERDIGRIS_RETURN_IF_ERROR(members.Done());
  if (const auto fault = FaultOf(run)) return Fail(ErrorKind::kMalformed, fault->first + " " + fault->second);
  return run;
}

Digest RunDigest(const RunObject& run) { return Sha256(AsBytes(WriteJson(RunValue(run, /*evidence_alone=*/true)))); }

Result<void> CheckSameRun(const RunObject& here, const RunObject& there, std::string_view where) {
  const Json ours = RunValue(here, true), theirs = RunValue(there, true);
  for (size_t i = 0; i < ours.object()->size(); ++i) {
    const auto& [name, value] = (*ours.object())[i];
    const std::string a = WriteJson(value), b = WriteJson((*theirs.object())[i].second);
    if (a == b) continue;
    // Lists of tests may be long.
    const auto shown = [](const std::string& text) { return text.size() > 200 ? "SHA-256 " + Hex(Sha256(AsBytes(text))) : text; };
    return Fail(ErrorKind::kMismatch, std::string(where) + ": another run: " + name + " is " + shown(b) + " there, " + shown(a) + " here");
  }
  return {};
}

}  // namespace verdigris::verify
