// Numbers are taken exactly, never rounded: a gamma of 0.3 or a delta of 0.0005 is refused instead of becoming another.
// Parameters are those of the scheme's row in the table; no scheme is known by name.
// Tested by tests/cli/profile*.sh.
#include "tools/profile_options.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <numeric>
#include <optional>
#include <vector>

#include "tools/cli.h"
#include "tools/tokenizer_files.h"
#include "verify/text/normalize.h"
#include "watermark/schemes.h"

namespace verdigris::tools {
namespace {

struct Fraction {
  int64_t planes, threshold;
};
// a/b with b a power of two up to 256 and 0 < a < b, in lowest terms: threshold / 2^planes.
Result<Fraction> ParseGamma(std::string_view text) {
  const size_t slash = std::min(text.find('/'), text.size());
  const auto bad = [&] { return Usage("--gamma must be A/B, 0 < A < B, B a power of two up to 256, got " + Shown(text)); };
  const auto a = ParseInteger("", text.substr(0, slash), 1, 255);
  const auto b = ParseInteger("", text.substr(std::min(slash + 1, text.size())), 2, 256);
  if (!a || !b || *a >= *b || !std::has_single_bit(*b)) return bad();
  const uint64_t divisor = std::gcd(*a, *b);
  return Fraction{std::countr_zero(*b / divisor), static_cast<int64_t>(*a / divisor)};
}

// Nats in steps of 0.001, as thousandths.
Result<uint32_t> ParseDelta(std::string_view text) {
  const size_t dot = std::min(text.find('.'), text.size());
  const std::string_view whole = text.substr(0, dot);
  std::string places(text.substr(std::min(dot + 1, text.size())));
  const bool form = !whole.empty() && (dot == text.size() || !places.empty()) && places.size() <= 3;
  places.resize(3, '0');
  const auto milli = ParseInteger("", std::string(whole) + places, 1, 20000);
  if (!form || !milli) return Usage("--delta must be in [0.001,20] in steps of 0.001, got " + Shown(text));
  return static_cast<uint32_t>(*milli);
}

Result<int64_t> ParseAccountShare(std::string_view text) {
  const auto share = ParseReal("--account-share", text);
  const double provider = share ? kFullShare * (1 - *share) : -1;
  if (!(provider >= 0 && provider <= kFullShare && provider == static_cast<double>(static_cast<int64_t>(provider)))) {
    return Usage("--account-share must be a multiple of 1/256 in [0,1], got " + Shown(text));
  }
  return static_cast<int64_t>(provider);
}

// "0-2,5"
Result<std::vector<IdRange>> ParseRanges(const std::string& option, std::string_view text) {
  std::vector<IdRange> ranges;
  while (!text.empty()) {
    const size_t end = std::min(text.find(','), text.size());
    const std::string_view range = text.substr(0, end);
    const size_t dash = std::min(range.find('-'), range.size());
    const auto first = ParseInteger("", range.substr(0, dash), 0, kIdLimit - 1);
    const auto last = dash == range.size() ? first : ParseInteger("", range.substr(dash + 1), 0, kIdLimit - 1);
    if (!first || !last || end + 1 == text.size()) return Usage(option + " must be ids and ranges such as 0-2,5, got " + Shown(text));
    // 0-2,3 and 0-3 are one.
    if (!ranges.empty() && ranges.back().last + 1 == *first) {
      ranges.back().last = static_cast<uint32_t>(*last);
    } else {
      ranges.push_back({static_cast<uint32_t>(*first), static_cast<uint32_t>(*last)});
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return ranges;
}

struct Vocabulary {
  int64_t size;
  std::string sha256;
  std::vector<IdRange> special;
  std::string descriptor;
};
Result<Vocabulary> ReadVocabulary(const ProfileOptions& options) {
  const bool described = !options.pattern.empty() || !options.merges.empty() || !options.special_ids.empty();
  if (!options.tokenizer.empty()) {
    if (!options.tokenizer_sha256.empty() || !options.unmarked_ids.empty() || (!described && !options.vocab.empty())) {
      return Usage("--tokenizer says what --vocab, --tokenizer-sha256 and --unmarked-ids say: give one or the other");
    }
    VERDIGRIS_ASSIGN_OR_RETURN(std::vector<IdRange> given, ParseRanges("--special-ids", options.special_ids));
    VERDIGRIS_ASSIGN_OR_RETURN(ChosenTokenizer chosen,
                               ChooseTokenizer({options.tokenizer, options.merges, options.pattern, options.vocab, std::move(given)}));
    const auto special = chosen.tokenizer->special_ids();
    return Vocabulary{chosen.tokenizer->vocab(), Hex(chosen.tokenizer->digest()), {special.begin(), special.end()}, std::move(chosen.descriptor)};
  }
  if (described) return Usage("--pattern, --merges and --special-ids describe the file of --tokenizer");
  if (options.vocab.empty() || options.tokenizer_sha256.empty()) return Usage("give --tokenizer FILE, or --vocab N and --tokenizer-sha256 HEX");
  VERDIGRIS_ASSIGN_OR_RETURN(const uint64_t size, ParseInteger("--vocab", options.vocab, 1, kIdLimit));
  VERDIGRIS_ASSIGN_OR_RETURN(std::vector<IdRange> special, ParseRanges("--unmarked-ids", options.unmarked_ids));
  return Vocabulary{static_cast<int64_t>(size), options.tokenizer_sha256, std::move(special), ""};
}

// The scheme's own members of the scheme object.
Result<void> AddParams(const Scheme& scheme, const ProfileOptions& options, Json::Object& members) {
  const auto has = [&](std::string_view name) {
    return std::any_of(scheme.params.begin(), scheme.params.end(), [&](const ParamSpec& spec) { return spec.name == name; });
  };
  std::optional<Fraction> gamma;
  if (!options.gamma.empty()) {
    if (!has(kPlanes) || !has(kThreshold)) return Usage("--gamma: scheme " + std::string(scheme.name) + " has none");
    VERDIGRIS_ASSIGN_OR_RETURN(gamma, ParseGamma(options.gamma));
  }
  for (const auto& [name, value] : options.params) {
    if (!value.empty() && !has(name)) return Usage("--" + name + ": scheme " + std::string(scheme.name) + " has none");
  }
  for (const ParamSpec& spec : scheme.params) {
    int64_t value = spec.default_value;
    if (gamma && spec.name == kPlanes) value = gamma->planes;
    if (gamma && spec.name == kThreshold) value = gamma->threshold;
    if (const auto given = options.params.find(std::string(spec.name)); given != options.params.end() && !given->second.empty()) {
      VERDIGRIS_ASSIGN_OR_RETURN(const uint64_t number, ParseInteger("--" + std::string(spec.name), given->second,
                                                                     static_cast<uint64_t>(spec.min), static_cast<uint64_t>(spec.max)));
      value = static_cast<int64_t>(number);
    }
    members.emplace_back(std::string(spec.name), value);
  }
  return {};
}

Result<SamplerSettings> ParseSampler(const Scheme& scheme, const ProfileOptions& options) {
  SamplerSettings sampler;
  const auto one_of = [](std::string_view name, const std::string& value, std::string_view first, std::string_view second) -> Result<bool> {
    if (value.empty() || value == first) return false;
    if (value == second) return true;
    return Usage(std::string(name) + " must be " + std::string(first) + " or " + std::string(second) + ", got " + Shown(value));
  };
  if (scheme.unbiased && (!options.delta.empty() || !options.zero_temperature.empty())) {
    return Usage("--delta and --zero-temperature: scheme " + std::string(scheme.name) + " has none");
  }
  VERDIGRIS_ASSIGN_OR_RETURN(const bool plain, one_of("--specials", options.specials, "preserve", "plain"));
  if (plain) sampler.specials = SamplerSettings::Specials::kPlain;
  VERDIGRIS_ASSIGN_OR_RETURN(sampler.argmax_at_zero_temperature, one_of("--zero-temperature", options.zero_temperature, "off", "argmax"));
  if (!options.delta.empty()) {
    VERDIGRIS_ASSIGN_OR_RETURN(sampler.delta_milli, ParseDelta(options.delta));
  }
  return sampler;
}

}  // namespace

Result<MadeProfile> MakeProfile(const ProfileOptions& options) {
  const Scheme* scheme = FindScheme(options.scheme);
  if (scheme == nullptr) return Usage("--scheme must be one of " + SchemeNames() + ", got " + Shown(options.scheme));
  VERDIGRIS_ASSIGN_OR_RETURN(const uint64_t window, ParseInteger("--window", options.window, 1, kMaxWindow));
  VERDIGRIS_ASSIGN_OR_RETURN(const int64_t provider_share, ParseAccountShare(options.account_share));
  if (options.normaliser != verify::kNoNormaliser && options.normaliser != verify::kTextNormaliser) {
    return Usage("--normaliser must be none/1 or verdigris-text/1, got " + Shown(options.normaliser));
  }
  Json::Object members{{"scheme", options.scheme},
                       {"prf", "verdigris/1/aes256"},
                       {"normaliser", options.normaliser},
                       {"window", static_cast<int64_t>(window)},
                       {"provider_share", provider_share}};
  VERDIGRIS_RETURN_IF_ERROR(AddParams(*scheme, options, members));
  VERDIGRIS_ASSIGN_OR_RETURN(const SamplerSettings sampler, ParseSampler(*scheme, options));
  VERDIGRIS_ASSIGN_OR_RETURN(const Vocabulary vocabulary, ReadVocabulary(options));
  Json::Array ranges;
  for (const IdRange& range : vocabulary.special) ranges.push_back(Json::Array{int64_t{range.first}, int64_t{range.last}});
  members.emplace_back("vocab", vocabulary.size);
  members.emplace_back("tokenizer_sha256", vocabulary.sha256);
  members.emplace_back("unmarked_ids", std::move(ranges));
  VERDIGRIS_ASSIGN_OR_RETURN(Profile profile, Profile::Create(Json::FromMembers(std::move(members)), sampler));
  return MadeProfile{std::move(profile), vocabulary.descriptor};
}

}  // namespace verdigris::tools
