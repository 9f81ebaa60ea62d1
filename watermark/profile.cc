// The checks run in the order that N3 fixes, so that two implementations name the same first fault. What is a wrong
// argument of the scheme object is a malformed member when it comes out of a file.
//
// Tested by tests/watermark/profile_test.cc (native.json `kdf`, `scheme_errors`; evidence.json `cases` of kind
// "profile") and tests/fuzz/fuzz_profile.cc.
#include "watermark/profile.h"

#include <algorithm>
#include <array>

#include "watermark/schemes.h"

namespace verdigris {
namespace {

constexpr std::string_view kSchema = "verdigris.profile/1";
constexpr std::string_view kPrf = "verdigris/1/aes256";
constexpr size_t kMaxUnmarkedRanges = 4096;

constexpr ParamSpec kCommon[] = {{"window", 1, kMaxWindow, 2},
                                 {"vocab", 1, kIdLimit, 0},
                                 {"provider_share", 0, kFullShare, kFullShare}};
constexpr std::string_view kOtherMembers[] = {"scheme", "prf", "normaliser", "tokenizer_sha256", "unmarked_ids"};

Unexpected Invalid(std::string message) { return Fail(ErrorKind::kInvalidArgument, std::move(message)); }

// The value as it stands in the file, for a message; long ones are cut.
std::string Shown(const Json& value) {
  std::string text = WriteJson(value);
  size_t size = 40;
  if (text.size() <= size) return text;
  while ((static_cast<uint8_t>(text[size]) & 0xC0) == 0x80) --size;  // not inside a character
  return text.substr(0, size) + "...";
}

Result<int64_t> IntegerMember(const Json& object, const ParamSpec& spec) {
  const Json& value = *object.Find(spec.name);
  const int64_t* integer = value.integer();
  if (integer == nullptr || *integer < spec.min || *integer > spec.max) {
    return Invalid(std::string(spec.name) + " must be in [" + std::to_string(spec.min) + "," + std::to_string(spec.max) +
                   "], got " + Shown(value));
  }
  return *integer;
}

// The first name, in alphabetical order, that is there and should not be, or the reverse.
Result<void> CheckMemberNames(const Json::Object& object, std::vector<std::string_view> expected) {
  std::sort(expected.begin(), expected.end());
  size_t i = 0, j = 0;
  while (i < object.size() || j < expected.size()) {
    if (i < object.size() && j < expected.size() && object[i].first == expected[j]) {
      ++i, ++j;
    } else if (j == expected.size() || (i < object.size() && object[i].first < expected[j])) {
      return Invalid(object[i].first + ": unknown");
    } else {
      return Invalid(std::string(expected[j]) + ": missing");
    }
  }
  return {};
}

bool IsNormaliser(std::string_view text) {
  const size_t slash = text.find('/');
  if (slash == text.npos || slash < 1 || slash > 32) return false;
  const std::string_view version = text.substr(slash + 1);
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  return version.size() >= 1 && version.size() <= 4 && std::all_of(version.begin(), version.end(), digit) &&
         std::all_of(text.begin(), text.begin() + static_cast<ptrdiff_t>(slash),
                     [&](char c) { return digit(c) || (c >= 'a' && c <= 'z') || c == '.' || c == '-'; });
}

Result<std::vector<IdRange>> UnmarkedRanges(const Json& value, int64_t vocab) {
  const Json::Array* list = value.array();
  if (list != nullptr && list->size() > kMaxUnmarkedRanges) return Invalid("unmarked_ids: more than 4096 ranges");
  std::vector<IdRange> ranges;
  int64_t end = -2;
  bool good = list != nullptr;
  for (size_t i = 0; good && i < list->size(); ++i) {
    const Json::Array* pair = (*list)[i].array();
    const int64_t* first = pair && pair->size() == 2 ? (*pair)[0].integer() : nullptr;
    const int64_t* last = pair && pair->size() == 2 ? (*pair)[1].integer() : nullptr;
    good = first && last && end + 1 < *first && *first <= *last && *last < vocab;
    if (!good) break;
    ranges.push_back({static_cast<uint32_t>(*first), static_cast<uint32_t>(*last)});
    end = *last;
  }
  if (!good) return Invalid("unmarked_ids must be ascending, disjoint, not adjacent [first,last] below vocab");
  return ranges;
}

Json SamplerObject(const Scheme& scheme, const SamplerSettings& sampler) {
  Json::Object members;
  members.emplace_back("specials", sampler.specials == SamplerSettings::Specials::kPlain ? "plain" : "preserve");
  if (!scheme.unbiased) {
    members.emplace_back("delta_milli", int64_t{sampler.delta_milli});
    members.emplace_back("zero_temperature", sampler.argmax_at_zero_temperature ? "argmax" : "off");
  }
  return Json::FromMembers(std::move(members));
}

constexpr ParamSpec kDelta{"delta_milli", 1, 20000, 2000};

Result<SamplerSettings> ReadSampler(const Scheme& scheme, const Json& value) {
  if (value.object() == nullptr) return Invalid("sampler must be an object");
  std::vector<std::string_view> names{"specials"};
  if (!scheme.unbiased) names.insert(names.end(), {"delta_milli", "zero_temperature"});
  VERDIGRIS_RETURN_IF_ERROR(CheckMemberNames(*value.object(), std::move(names)));
  SamplerSettings sampler;
  const auto choice = [&](std::string_view name, std::string_view plain, std::string_view other) -> Result<bool> {
    const std::string* text = value.Find(name)->string();
    if (text && *text == plain) return false;
    if (text && *text == other) return true;
    return Invalid(std::string(name) + " must be " + std::string(plain) + " or " + std::string(other) + ", got " + Shown(*value.Find(name)));
  };
  VERDIGRIS_ASSIGN_OR_RETURN(const bool plain, choice("specials", "preserve", "plain"));
  if (plain) sampler.specials = SamplerSettings::Specials::kPlain;
  if (!scheme.unbiased) {
    VERDIGRIS_ASSIGN_OR_RETURN(const int64_t delta, IntegerMember(value, kDelta));
    sampler.delta_milli = static_cast<uint32_t>(delta);
    VERDIGRIS_ASSIGN_OR_RETURN(sampler.argmax_at_zero_temperature, choice("zero_temperature", "off", "argmax"));
  }
  return sampler;
}

}  // namespace

Result<Profile> Profile::Create(const Json& scheme_object, const SamplerSettings& sampler) {
  const Json::Object* object = scheme_object.object();
  if (object == nullptr) return Invalid("scheme must be an object");
  const Json* name = scheme_object.Find("scheme");
  const Scheme* scheme = name && name->string() ? FindScheme(*name->string()) : nullptr;
  if (scheme == nullptr) {
    return Invalid("scheme must be one of " + SchemeNames() + ", got " + (name ? Shown(*name) : "none"));
  }
  std::vector<std::string_view> expected(std::begin(kOtherMembers), std::end(kOtherMembers));
  for (const ParamSpec& spec : kCommon) expected.push_back(spec.name);
  for (const ParamSpec& spec : scheme->params) expected.push_back(spec.name);
  VERDIGRIS_RETURN_IF_ERROR(CheckMemberNames(*object, std::move(expected)));

  std::array<int64_t, std::size(kCommon)> common;
  for (size_t i = 0; i < common.size(); ++i) {
    VERDIGRIS_ASSIGN_OR_RETURN(common[i], IntegerMember(scheme_object, kCommon[i]));
  }
  std::vector<int64_t> params;
  for (const ParamSpec& spec : scheme->params) {
    VERDIGRIS_ASSIGN_OR_RETURN(const int64_t value, IntegerMember(scheme_object, spec));
    params.push_back(value);
  }
  if (scheme->check != nullptr) {
    if (const char* fault = scheme->check(params)) return Invalid(fault);
  }
  const std::string* prf = scheme_object.Find("prf")->string();
  if (!prf || *prf != kPrf) return Invalid("prf must be verdigris/1/aes256, got " + Shown(*scheme_object.Find("prf")));
  Digest tokenizer;
  const std::string* hex = scheme_object.Find("tokenizer_sha256")->string();
  if (!hex || !ParseHex(*hex, tokenizer)) {
    return Invalid("tokenizer_sha256 must be 64 lower-case hex digits, got " + Shown(*scheme_object.Find("tokenizer_sha256")));
  }
  const std::string* normaliser = scheme_object.Find("normaliser")->string();
  if (!normaliser || !IsNormaliser(*normaliser)) {
    return Invalid("normaliser must be name/version, got " + Shown(*scheme_object.Find("normaliser")));
  }
  VERDIGRIS_ASSIGN_OR_RETURN(const std::vector<IdRange> ranges, UnmarkedRanges(*scheme_object.Find("unmarked_ids"), common[1]));
  if (sampler.delta_milli < kDelta.min || sampler.delta_milli > kDelta.max) {
    return Invalid("delta_milli must be in [1,20000], got " + std::to_string(sampler.delta_milli));
  }
  if (scheme->unbiased && sampler.specials != SamplerSettings::Specials::kPreserve) {
    return Invalid("specials must be preserve for a scheme that keeps the distribution");
  }

  const std::string canonical = WriteJson(scheme_object);
  std::string bytes = WriteJson(Json::FromMembers({{"schema", std::string(kSchema)},
                                                   {"scheme", scheme_object},
                                                   {"sampler", SamplerObject(*scheme, sampler)}})) + "\n";
  const Digest digest = Sha256(AsBytes(bytes));
  return Profile(std::make_shared<const Data>(Data{scheme, static_cast<size_t>(common[0]), static_cast<int>(common[2]),
                                                   SpecialIds(ranges, static_cast<uint32_t>(common[1])), tokenizer, *normaliser,
                                                   std::move(params), sampler, TaggedHash("scheme-id", {AsBytes(canonical)}), digest,
                                                   std::move(bytes), scheme_object}));
}

Result<Profile> Profile::Parse(std::string_view bytes) {
  const auto as_malformed = [](Error error) {
    if (error.kind == ErrorKind::kInvalidArgument) error.kind = ErrorKind::kMalformed;
    return Unexpected(std::move(error));
  };
  if (bytes.size() > Json::kMaxBytes) return Fail(ErrorKind::kLimit, "profile above 64 MiB");
  if (!bytes.ends_with('\n')) return Fail(ErrorKind::kMalformed, "no line feed at the end");
  bytes.remove_suffix(1);
  VERDIGRIS_ASSIGN_OR_RETURN(const Json file, ParseCanonicalJson(bytes));
  const Json* schema = file.Find("schema");
  if (!schema || !schema->string()) return Fail(ErrorKind::kMalformed, "schema: missing");
  if (*schema->string() != kSchema) return Fail(ErrorKind::kUnsupported, "schema must be verdigris.profile/1, got " + Shown(*schema));
  if (auto names = CheckMemberNames(*file.object(), {"sampler", "schema", "scheme"}); !names) return as_malformed(names.error());
  // The sampler's members depend on the scheme, so the scheme object is read first, with any sampler.
  auto plain = Create(*file.Find("scheme"), {});
  if (!plain) return as_malformed(plain.error());
  auto sampler = ReadSampler(plain->scheme(), *file.Find("sampler"));
  if (!sampler) return as_malformed(sampler.error());
  auto profile = Create(*file.Find("scheme"), *sampler);
  if (!profile) return as_malformed(profile.error());
  return profile;
}

}  // namespace verdigris
