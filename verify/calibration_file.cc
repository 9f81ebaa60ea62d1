// Reader and writer share one list of members, so that neither forgets one. Counts are integers; shares are decimal strings
// in their shortest form that reads as the same double.
//
// Tested by tests/verify/calibration_file_test.cc and tests/fuzz/fuzz_calibration.cc.
#include "verify/calibration_file.h"

#include <algorithm>
#include <charconv>

#include "watermark/json.h"

namespace verdigris::verify {
namespace {

constexpr std::string_view kSchema = "verdigris.calibration/1";
constexpr size_t kLevels = kCalibrationLevels.size();
constexpr size_t kMostGroups = kMostCalibrationGroups + 1;
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

// Takes members out of an object one by one; what is left at the end, or missing, is a fault.
class Reader {
 public:
  Reader(const Json& value, std::string name) : name_(std::move(name)), object_(value.object()) {
    if (object_ == nullptr) Fault("");
  }

  bool ok() const { return error_.empty(); }
  Result<void> Done() {
    if (ok() && taken_ != object_->size()) error_ = name_ + ": a member that is not known";
    if (ok()) return {};
    return Fail(ErrorKind::kMalformed, error_);
  }
  void Fault(std::string_view member) {
    if (error_.empty()) error_ = "calibration " + name_ + (member.empty() ? "" : "." + std::string(member)) + " is missing or malformed";
  }
  void Take(Reader& inner, std::string_view member) {
    if (inner.ok() && inner.taken_ == inner.object_->size()) return;
    if (error_.empty()) error_ = inner.ok() ? "calibration " + name_ + "." + std::string(member) + ": a member that is not known" : inner.error_;
  }

  // Null, and a fault, where it is not there.
  const Json* Member(std::string_view member) {
    const Json* value = ok() ? std::as_const(*this).Find(member) : nullptr;
    if (value == nullptr) {
      Fault(member);
    } else {
      ++taken_;
    }
    return value;
  }
  bool Has(std::string_view member) const { return ok() && Find(member) != nullptr; }

  uint64_t Count(std::string_view member) {
    const Json* value = Member(member);
    if (value == nullptr) return 0;
    const int64_t* integer = value->integer();
    if (integer == nullptr || *integer < 0) return Fault(member), 0;
    return static_cast<uint64_t>(*integer);
  }
  std::string Text(std::string_view member) {
    const Json* value = Member(member);
    if (value == nullptr) return {};
    if (value->string() == nullptr) return Fault(member), std::string();
    return *value->string();
  }
  double Share(std::string_view member) {
    const std::string text = Text(member);
    double share = -1;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), share);
    if (error != std::errc() || end != text.data() + text.size() || !(share >= 0 && share <= 1) || Decimal(share) != text) Fault(member);
    return share;
  }
  Digest DigestOf(std::string_view member) {
    Digest digest{};
    if (!ParseHex(Text(member), digest)) Fault(member);
    return digest;
  }
  const Json::Array* Array(std::string_view member, size_t least, size_t most) {
    const Json* value = Member(member);
    if (value == nullptr) return nullptr;
    const Json::Array* array = value->array();
    if (array == nullptr || array->size() < least || array->size() > most) return Fault(member), nullptr;
    return array;
  }
  template <size_t kSize>
  std::array<uint64_t, kSize> Counts(std::string_view member) {
    std::array<uint64_t, kSize> counts{};
    if (const Json::Array* array = Array(member, kSize, kSize)) {
      for (size_t i = 0; i < kSize; ++i) {
        const int64_t* integer = (*array)[i].integer();
        if (integer == nullptr || *integer < 0) return Fault(member), counts;
        counts[i] = static_cast<uint64_t>(*integer);
      }
    }
    return counts;
  }
  std::array<Band, kLevels> Bands(std::string_view member) {
    std::array<Band, kLevels> bands{};
    if (const Json::Array* array = Array(member, kLevels, kLevels)) {
      for (size_t i = 0; i < kLevels; ++i) {
        Reader band((*array)[i], std::string(member));
        bands[i] = {band.Share("from"), band.Share("to")};
        Take(band, member);
        if (bands[i].lower > bands[i].upper) Fault(member);
      }
    }
    return bands;
  }

 private:
  const Json* Find(std::string_view member) const {
    for (const Json::Member& candidate : *object_) {
      if (candidate.first == member) return &candidate.second;
    }
    return nullptr;
  }

  std::string name_;
  const Json::Object* object_;
  size_t taken_ = 0;
  std::string error_;
};

bool IsKid(const std::string& text) {
  std::array<uint8_t, 8> bytes;
  return ParseHex(text, bytes);
}

CalibrationPart::Test ReadTest(const Json& value, Reader& outer) {
  Reader reader(value, "tests");
  CalibrationPart::Test test;
  if (const Json::Array* kids = reader.Array("kids", 1, 2)) {
    for (const Json& kid : *kids) {
      if (kid.string() == nullptr || !IsKid(*kid.string())) {
        reader.Fault("kids");
        break;
      }
      test.kids.push_back(*kid.string());
    }
  }
  test.tested = reader.Count("tested");
  const auto counts = reader.Counts<kLevels>("counts");
  const auto bands = reader.Bands("bands");
  for (size_t i = 0; i < kLevels; ++i) {
    test.rates[i] = {counts[i], bands[i]};
    if (counts[i] > test.tested) reader.Fault("counts");
  }
  outer.Take(reader, "tests");
  return test;
}

void ReadPart(Reader& reader, CalibrationPart& part) {
  part.documents = reader.Count("documents");
  if (const Json* overlap = reader.Member("overlap")) {
    Reader inner(*overlap, "overlap");
    part.overlap = {inner.Count("documents"), inner.Count("pairs"), inner.Count("sizes")};
    if (inner.Text("rho") != Decimal(part.overlap.rho())) inner.Fault("rho");
    reader.Take(inner, "overlap");
  }
  part.predicted = reader.Bands("predicted");
  if (const Json::Array* tests = reader.Array("tests", 1, 10000)) {
    for (const Json& test : *tests) part.tests.push_back(ReadTest(test, reader));
  }
  if (reader.Has("stop_bound")) part.stop_bound = reader.Count("stop_bound");
}

Calibration::Group ReadGroup(const Json& value, Reader& outer) {
  Reader reader(value, "groups");
  Calibration::Group group;
  group.name = reader.Text("name");
  ReadPart(reader, group);
  if (reader.Has("random_rates")) group.random_rates = reader.Bands("random_rates");
  outer.Take(reader, "groups");
  return group;
}

Calibration::RandomKeys ReadRandomKeys(const Json& value, Reader& outer) {
  Reader reader(value, "random_keys");
  Calibration::RandomKeys random;
  random.keys = reader.Count("keys");
  random.tested = reader.Count("tested");
  random.rates = reader.Bands("rates");
  random.pooled_n = reader.Count("pooled_n");
  random.pooled_counts = reader.Counts<3>("pooled_counts");
  const uint64_t passed = reader.Count("passed");
  if (passed > 1) reader.Fault("passed");
  random.passed = passed == 1;
  for (const uint64_t count : random.pooled_counts) {
    if (count > random.keys) reader.Fault("pooled_counts");
  }
  outer.Take(reader, "random_keys");
  return random;
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
  if (bytes.empty() || bytes.back() != '\n') return Fail(ErrorKind::kMalformed, "the calibration file does not end with a line feed");
  VERDIGRIS_ASSIGN_OR_RETURN(const Json json, ParseCanonicalJson(bytes.substr(0, bytes.size() - 1)));
  if (const Json* schema = json.Find("schema"); schema != nullptr && schema->string() != nullptr && *schema->string() != kSchema) {
    return Fail(ErrorKind::kUnsupported, "not a calibration file of version 1");
  }
  Reader reader(json, "file");
  Calibration out;
  if (reader.Text("schema") != kSchema) reader.Fault("schema");
  out.scheme_id = reader.DigestOf("scheme_id");
  out.profile = reader.DigestOf("profile");
  out.content = reader.DigestOf("content");
  const std::string rule = reader.Text("rule"), assign = reader.Text("assign");
  if (rule != "first" && rule != "tuple") reader.Fault("rule");
  if (assign != "document" && assign != "first-seen") reader.Fault("assign");
  out.rule = rule == "first" ? Rule::kFirst : Rule::kTuple;
  out.assign = assign == "document" ? Assign::kDocument : Assign::kFirstSeen;
  out.min_scored = reader.Count("min_scored");
  out.tokens = reader.Count("tokens");
  ReadPart(reader, out);
  if (const Json::Array* texts = reader.Array("texts", 0, kMostCalibrationTexts)) {
    for (const Json& text : *texts) {
      Calibration::Text bytes_of{};
      if (text.string() == nullptr || !ParseHex(*text.string(), bytes_of) || (!out.texts.empty() && !(out.texts.back() < bytes_of))) {
        reader.Fault("texts");
        break;
      }
      out.texts.push_back(bytes_of);
    }
  }
  if (reader.Has("random_keys")) out.random_keys = ReadRandomKeys(*reader.Member("random_keys"), reader);
  if (reader.Has("root")) out.root = reader.DigestOf("root");
  if (reader.Has("sample_log2")) {
    const uint64_t sample_log2 = reader.Count("sample_log2");
    if (sample_log2 == 0 || sample_log2 > kMostSampleLog2) reader.Fault("sample_log2");
    out.sample_log2 = static_cast<int>(sample_log2);
  }
  if (reader.Has("groups")) {
    if (const Json::Array* groups = reader.Array("groups", 1, kMostGroups)) {
      for (const Json& group : *groups) {
        out.groups.push_back(ReadGroup(group, reader));
        if (out.groups.size() > 1 && !(out.groups[out.groups.size() - 2].name < out.groups.back().name)) reader.Fault("groups");
      }
    }
  }
  VERDIGRIS_RETURN_IF_ERROR(reader.Done());
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
