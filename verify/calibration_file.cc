// Reader and writer share one list of members, so that neither forgets one. Counts are integers; shares are decimal strings
// in their shortest form that reads as the same double.
//
// Tested by tests/verify/calibration_file_test.cc and tests/fuzz/fuzz_calibration.cc.
#include "verify/calibration_file.h"

#include <algorithm>
#include <charconv>

#include "verify/members.h"
#include "watermark/json.h"

namespace verdigris::verify {
namespace {

constexpr std::string_view kSchema = "verdigris.calibration/1";
constexpr size_t kLevels = kCalibrationLevels.size();
constexpr std::string_view kWhy = ": a key chosen on a text cannot be tested on it";

std::string Decimal(double share) {
  char text[40];
  return {text, std::to_chars(text, text + sizeof text, share).ptr};
}

Json BandJson(const Band& band) { return Json::FromMembers({{"from", Decimal(band.lower)}, {"to", Decimal(band.upper)}}); }

Json CountsJson(std::span<const uint64_t> counts) {
  Json::Array array;
  for (const uint64_t count : counts) array.emplace_back(static_cast<int64_t>(count));
  return array;
}

template <size_t kSize>
Json BandsJson(const std::array<Band, kSize>& bands) {
  Json::Array array;
  for (const Band& band : bands) array.emplace_back(BandJson(band));
  return array;
}

Json CountJson(uint64_t value) { return Json(static_cast<int64_t>(value)); }

Json::Object PartJson(const CalibrationPart& part) {
  Json::Array tests;
  for (const CalibrationPart::Test& test : part.tests) {
    Json::Array kids, bands;
    std::vector<uint64_t> counts;
    for (const std::string& kid : test.kids) kids.push_back(kid);
    for (const CalibrationPart::Rate& rate : test.rates) {
      counts.push_back(rate.count);
      bands.push_back(BandJson(rate.band));
    }
    tests.push_back(Json::FromMembers(
        {{"kids", std::move(kids)}, {"tested", CountJson(test.tested)}, {"counts", CountsJson(counts)}, {"bands", std::move(bands)}}));
  }
  Json::Object members = {
      {"documents", CountJson(part.documents)},
      {"overlap", Json::FromMembers({{"documents", CountJson(part.overlap.documents)}, {"pairs", CountJson(part.overlap.pairs)},
                                     {"sizes", CountJson(part.overlap.sizes)}, {"rho", Decimal(part.overlap.rho())}})},
      {"predicted", BandsJson(part.predicted)},
      {"tests", std::move(tests)}};
  if (part.stop_bound) members.push_back({"stop_bound", CountJson(*part.stop_bound)});
  return members;
}

double Share(Members& from, std::string_view name) {
  const std::string text = from.Text(name);
  double share = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), share);
  const bool good = error == std::errc() && end == text.data() + text.size() && share >= 0 && share <= 1 && Decimal(share) == text;
  if (!good) from.Fault(name, "must be a string with a number in [0,1], as short as it can be");
  return share;
}

template <size_t kSize>
std::array<uint64_t, kSize> Counts(Members& from, std::string_view name, uint64_t most) {
  std::array<uint64_t, kSize> counts{};
  const std::vector<uint64_t> read = from.Integers(name, kSize, most);
  if (read.size() != kSize) from.Fault(name, "must be " + std::to_string(kSize) + " integers");
  std::copy(read.begin(), read.end(), counts.begin());
  return counts;
}

std::array<Band, kLevels> Bands(Members& from, std::string_view name) {
  std::array<Band, kLevels> bands{};
  const std::span<const Json> array = from.Array(name, kLevels);
  if (array.size() != kLevels) from.Fault(name, "must be " + std::to_string(kLevels) + " bands");
  for (size_t i = 0; i < array.size(); ++i) {
    Members band = from.Element(name, i, array[i]);
    bands[i] = {Share(band, "from"), Share(band, "to")};
    if (bands[i].lower > bands[i].upper) band.Fault("from", "must be at most `to`");
    from.Close(band);
  }
  return bands;
}

bool IsKid(const std::string& text) {
  std::array<uint8_t, 8> bytes;
  return ParseHex(text, bytes);
}

void ReadPart(Members& from, CalibrationPart& part) {
  part.documents = from.Integer("documents");
  Members overlap = from.Object("overlap");
  part.overlap = {overlap.Integer("documents"), overlap.Integer("pairs"), overlap.Integer("sizes")};
  if (overlap.Text("rho") != Decimal(part.overlap.rho())) overlap.Fault("rho", "does not follow from the counts");
  from.Close(overlap);
  part.predicted = Bands(from, "predicted");
  const std::span<const Json> tests = from.Array("tests", 10000);
  if (tests.empty()) from.Fault("tests", "must be at least one");
  for (size_t i = 0; i < tests.size() && from.ok(); ++i) {
    Members inner = from.Element("tests", i, tests[i]);
    CalibrationPart::Test& test = part.tests.emplace_back();
    test.kids = inner.Texts("kids", 2);
    if (test.kids.empty() || !std::all_of(test.kids.begin(), test.kids.end(), IsKid)) inner.Fault("kids", "must be 1 or 2 key ids in lower-case hex");
    test.tested = inner.Integer("tested");
    const auto counts = Counts<kLevels>(inner, "counts", test.tested);
    const auto bands = Bands(inner, "bands");
    for (size_t level = 0; level < kLevels; ++level) test.rates[level] = {counts[level], bands[level]};
    from.Close(inner);
  }
  if (from.Has("stop_bound")) part.stop_bound = from.Integer("stop_bound");
}

}  // namespace

std::string WriteCalibration(const Calibration& calibration) {
  Json::Object members = PartJson(calibration);
  members.insert(members.end(), {{"schema", std::string(kSchema)},
                                 {"scheme_id", Hex(calibration.scheme_id)},
                                 {"profile", Hex(calibration.profile)},
                                 {"content", Hex(calibration.content)},
                                 {"rule", calibration.rule == Rule::kFirst ? "first" : "tuple"},
                                 {"assign", calibration.assign == Assign::kDocument ? "document" : "first-seen"},
                                 {"min_scored", CountJson(calibration.min_scored)},
                                 {"tokens", CountJson(calibration.tokens)}});
  Json::Array texts;
  for (const Calibration::Text& text : calibration.texts) texts.push_back(Hex(text));
  members.push_back({"texts", std::move(texts)});
  if (calibration.root) members.push_back({"root", Hex(*calibration.root)});
  if (calibration.sample_log2 != 0) members.push_back({"sample_log2", CountJson(static_cast<uint64_t>(calibration.sample_log2))});
  if (const auto& random = calibration.random_keys) {
    members.push_back({"random_keys", Json::FromMembers({{"keys", CountJson(random->keys)}, {"tested", CountJson(random->tested)},
                                                         {"rates", BandsJson(random->rates)}, {"pooled_n", CountJson(random->pooled_n)},
                                                         {"pooled_counts", CountsJson(random->pooled_counts)},
                                                         {"passed", CountJson(random->passed)}})});
  }
  if (!calibration.groups.empty()) {
    Json::Array groups;
    for (const Calibration::Group& group : calibration.groups) {
      Json::Object of_group = PartJson(group);
      of_group.push_back({"name", group.name});
      if (group.random_rates) of_group.push_back({"random_rates", BandsJson(*group.random_rates)});
      groups.push_back(Json::FromMembers(std::move(of_group)));
    }
    members.push_back({"groups", std::move(groups)});
  }
  return WriteJson(Json::FromMembers(std::move(members))) + "\n";
}

Result<Calibration> ParseCalibration(std::string_view bytes) {
  VERDIGRIS_ASSIGN_OR_RETURN(const Json json, ParseSchemaFile(bytes, kSchema));
  Members from(json, "");
  Calibration out;
  from.Text("schema");
  out.scheme_id = from.DigestOf("scheme_id");
  out.profile = from.DigestOf("profile");
  out.content = from.DigestOf("content");
  out.rule = from.Word("rule", {"first", "tuple"}) == 0 ? Rule::kFirst : Rule::kTuple;
  out.assign = from.Word("assign", {"document", "first-seen"}) == 0 ? Assign::kDocument : Assign::kFirstSeen;
  out.min_scored = from.Integer("min_scored");
  out.tokens = from.Integer("tokens");
  ReadPart(from, out);
  for (const Json& text : from.Array("texts", kMostCalibrationTexts)) {
    Calibration::Text half{};
    if (text.string() == nullptr || !ParseHex(*text.string(), half) || (!out.texts.empty() && !(out.texts.back() < half))) {
      from.Fault("texts", "must be 16 bytes each in lower-case hex, and ascend");
      break;
    }
    out.texts.push_back(half);
  }
  if (from.Has("random_keys")) {
    Members inner = from.Object("random_keys");
    Calibration::RandomKeys& random = out.random_keys.emplace();
    random.keys = inner.Integer("keys");
    random.tested = inner.Integer("tested");
    random.rates = Bands(inner, "rates");
    random.pooled_n = inner.Integer("pooled_n");
    random.pooled_counts = Counts<3>(inner, "pooled_counts", random.keys);
    random.passed = inner.Bit("passed");
    from.Close(inner);
  }
  if (from.Has("root")) out.root = from.DigestOf("root");
  if (from.Has("sample_log2")) out.sample_log2 = static_cast<int>(from.Integer("sample_log2", 1, kMostSampleLog2));
  if (from.Has("groups")) {
    const std::span<const Json> groups = from.Array("groups", kMostCalibrationGroups + 1);
    if (groups.empty()) from.Fault("groups", "must be at least one");
    for (size_t i = 0; i < groups.size() && from.ok(); ++i) {
      Members inner = from.Element("groups", i, groups[i]);
      Calibration::Group& group = out.groups.emplace_back();
      group.name = inner.Text("name");
      if (i > 0 && !(out.groups[i - 1].name < group.name)) inner.Fault("name", "must come after that before it");
      ReadPart(inner, group);
      if (inner.Has("random_rates")) group.random_rates = Bands(inner, "random_rates");
      from.Close(inner);
    }
  }
  VERDIGRIS_RETURN_IF_ERROR(from.Done());
  return out;
}

Result<uint64_t> TestsTried(const Calibration& calibration, const Profile& profile, std::span<const std::string> kids) {
  if (calibration.scheme_id != profile.scheme_id()) {
    return Fail(ErrorKind::kMismatch, "the calibration is of scheme_id " + Hex(calibration.scheme_id) + ", the profile has " + Hex(profile.scheme_id()));
  }
  for (const std::string& kid : kids) {
    const bool tried = std::any_of(calibration.tests.begin(), calibration.tests.end(), [&](const Calibration::Test& test) {
      return std::find(test.kids.begin(), test.kids.end(), kid) != test.kids.end();
    });
    if (!tried) return Fail(ErrorKind::kMismatch, "the calibration did not try key " + kid);
  }
  return calibration.tests.size();
}

Result<void> CheckText(const Calibration& calibration, std::span<const uint8_t> sha256) {
  Calibration::Text half;
  std::copy_n(sha256.begin(), half.size(), half.begin());
  if (std::binary_search(calibration.texts.begin(), calibration.texts.end(), half)) {
    return Fail(ErrorKind::kMismatch, "the text with SHA-256 " + Hex(sha256) + " is part of the calibration" + std::string(kWhy));
  }
  return {};
}

Result<void> CheckRoot(const Calibration& calibration, const Digest& root) {
  if (calibration.root == root) {
    return Fail(ErrorKind::kMismatch, "this is the corpus of the calibration, evidence root " + Hex(root) + std::string(kWhy));
  }
  return {};
}

Result<uint64_t> KeysTried(const Calibration& calibration, const Profile& profile, std::span<const std::string> kids,
                           const Digest& content, std::span<const Digest> texts) {
  VERDIGRIS_ASSIGN_OR_RETURN(const uint64_t tried, TestsTried(calibration, profile, kids));
  if (calibration.content == content) {
    return Fail(ErrorKind::kMismatch, "this is the corpus of the calibration, content " + Hex(content) + std::string(kWhy));
  }
  for (const Digest& text : texts) VERDIGRIS_RETURN_IF_ERROR(CheckText(calibration, text));
  return tried;
}

}  // namespace verdigris::verify
