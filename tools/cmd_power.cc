// verdigris power: what the test of a profile can show, before there is a text. Tested by tests/cli/power.sh.
#include <algorithm>
#include <cmath>
#include <cstdio>

#include <nlohmann/json.hpp>

#include "tools/inputs.h"
#include "tools/terminal/figures.h"
#include "tools/verbs.h"
#include "verify/law.h"
#include "verify/looking_power.h"
#include "verify/power.h"

namespace verdigris::tools {
namespace {

struct Options {
  std::string profile, alpha = "1e-6", effect, tokens = "100,200,400,1000,10000";
  bool json = false;
};

constexpr uint64_t kMostTokens = 100'000'000;

struct LengthRow {
  uint64_t n;
  double smallest_log10_p, power, power_anytime, power_located;
  std::optional<double> detectable;
};

Result<std::vector<uint64_t>> ParseLengths(std::string_view text) {
  std::vector<uint64_t> lengths;
  while (!text.empty()) {
    const size_t end = std::min(text.find(','), text.size());
    VERDIGRIS_ASSIGN_OR_RETURN(const uint64_t n, ParseInteger("--tokens", text.substr(0, end), 1, kMostTokens));
    lengths.push_back(n);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  if (lengths.empty()) return Fail(ErrorKind::kInvalidArgument, "--tokens must name a length");
  return lengths;
}

// Means of scores are shown in the unit that power.h takes: kGamma's in nats.
double ByChance(const NullLaw& law) { return law.kind == NullLaw::Kind::kGamma ? 1 : verify::MeanScore(law); }

Result<double> EffectOf(const Options& options, const Profile& profile, const NullLaw& law) {
  if (options.effect.empty()) return profile.scheme().reference_effect(profile);
  VERDIGRIS_ASSIGN_OR_RETURN(const double effect, ParseReal("--effect", options.effect));
  const double least = ByChance(law);
  const double most = law.kind == NullLaw::Kind::kGamma ? 22 : static_cast<double>(verify::LargestStatistic(law, 1));
  if (!(effect > least && effect < most)) {
    return Fail(ErrorKind::kInvalidArgument, "--effect must be in (" + PrintReal(least) + "," + PrintReal(most) + "), got " + Shown(options.effect));
  }
  return effect;
}

std::string Places(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.4g", value);
  return text;
}

Result<ExitCode> Power(const Options& options, Context& context) {
  VERDIGRIS_ASSIGN_OR_RETURN(const double alpha, ParseAlpha(options.alpha));
  VERDIGRIS_ASSIGN_OR_RETURN(const std::vector<uint64_t> lengths, ParseLengths(options.tokens));
  VERDIGRIS_ASSIGN_OR_RETURN(const Profile profile, LoadProfile(options.profile));
  const NullLaw law = profile.scheme().null_law(profile);
  VERDIGRIS_ASSIGN_OR_RETURN(const double effect, EffectOf(options, profile, law));
  const double log10_alpha = std::log10(alpha);
  const auto needed90 = verify::TokensNeeded(law, effect, log10_alpha, 0.9), needed99 = verify::TokensNeeded(law, effect, log10_alpha, 0.99);
  std::vector<LengthRow> rows;
  rows.reserve(lengths.size());
  for (const uint64_t n : lengths) {
    rows.push_back({n, verify::Log10SmallestP(law, n), verify::PowerAt(law, n, effect, log10_alpha), verify::PowerAtAnyTime(law, n, effect, log10_alpha),
                    verify::PowerLocated(law, n, effect, log10_alpha), verify::DetectableEffect(law, n, log10_alpha, 0.9)});
  }
  if (options.json) {
    nlohmann::ordered_json json = {{"schema", "verdigris.power/1"}, {"profile", Hex(profile.digest())}, {"scheme", profile.scheme().name},
                                   {"alpha", alpha}, {"effect", effect}, {"by_chance", ByChance(law)}, {"least_tokens", verify::LeastTokens(law, log10_alpha)}};
    if (needed90) json["tokens_needed"]["0.9"] = *needed90;
    if (needed99) json["tokens_needed"]["0.99"] = *needed99;
    json["lengths"] = nlohmann::ordered_json::array();
    for (const LengthRow& row : rows) {
      nlohmann::ordered_json line = {{"n", row.n}, {"smallest_attainable_log10_p", row.smallest_log10_p}, {"power", row.power},
                                     {"power_anytime_at_least", row.power_anytime}, {"power_located_at_least", row.power_located}};
      if (row.detectable) line["detectable"] = *row.detectable;
      json["lengths"].push_back(std::move(line));
    }
    context.out.Write(json.dump() + "\n");
    return kExitYes;
  }
  context.out.Write(std::string(profile.scheme().name) + " at alpha " + PrintReal(alpha) + ": mean score " + Places(effect) + " in marked text" +
                    (options.effect.empty() ? " of about 1.2 bit a token" : "") + ", " + Places(ByChance(law)) + " by chance\n");
  const auto tokens = [](const std::optional<uint64_t>& n) { return n ? std::to_string(*n) : "more than " + std::to_string(verify::kMostTokensNeeded); };
  context.out.Write("90 % of such texts are detected from " + tokens(needed90) + " scored tokens on, 99 % from " + tokens(needed99) + "\n\n");
  context.out.Write("   scored  smallest p     fixed  anytime  located  detectable\n");
  for (const LengthRow& row : rows) {
    context.out.Write(Cell(std::to_string(row.n), 9) + "  " + Cell("10^" + PrintReal(std::round(row.smallest_log10_p)), 10) + Cell(Percent(row.power), 10) +
                      Cell(Percent(row.power_anytime), 9) + Cell(Percent(row.power_located), 9) + Cell(row.detectable ? Places(*row.detectable) : "none", 12) + "\n");
  }
  context.out.Write("\nfixed, anytime, located: chance that such a text is detected, the last two at least that,\n"
                    "located for a text marked throughout; detectable: mean score found with chance 90 %\n");
  return kExitYes;
}

Command Add(CLI::App& app) {
  auto options = std::make_shared<Options>();
  app.add_option("--profile", options->profile, "profile of the mark")->type_name("FILE")->required();
  app.add_option("--alpha", options->alpha, "false-positive rate asked for (1e-6)")->type_name("P");
  app.add_option("--effect", options->effect, "mean score of marked text (that of 1.2 bit a token)")->type_name("X");
  app.add_option("--tokens", options->tokens, "scored tokens to show (100,200,400,1000,10000)")->type_name("N,...");
  app.add_flag("--json", options->json, "one JSON document");
  return [options](Context& context) { return Power(*options, context); };
}

}  // namespace

const Verb kPower = {"power",
                     "says how many tokens a detection takes",
                     "--profile FILE [options]",
                     "verdigris power --profile profile.json --alpha 1e-6 --tokens 200,400,800",
                     false,
                     Add};

}  // namespace verdigris::tools
