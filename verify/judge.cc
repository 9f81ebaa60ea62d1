// The judgement of one text: positions (context), distinct tuples (evidence), what each weighs (coefficient), scores under
// the keys (the scheme), the law's tail and the martingale's maximum. Nothing here knows a scheme by name.
//
// Tested by tests/verify/finding_test.cc (native.json `scored`; statistics.md P1, P16, P20).
#include "verify/judge.h"

#include <algorithm>
#include <cmath>

#include "verify/coefficient.h"
#include "verify/evidence.h"
#include "verify/law.h"
#include "verify/locate.h"
#include "verify/looking_power.h"
#include "verify/martingale.h"
#include "verify/multiplicity.h"
#include "verify/power.h"

namespace verdigris::verify {
namespace {

constexpr double kPowerForNotDetected = 0.9;  // statistics.md 10
constexpr double kLog10Two = 0.301029995663981195214;

// The tuples of one text with the layer that each window belongs to.
struct TextEvidence {
  std::vector<PositionState> states;
  Evidence evidence;
  std::vector<size_t> row_at;     // row founded at each position, or Evidence::kNone
  Coefficients coefficients;
  std::vector<const uint32_t*> windows;  // of each row
  std::vector<uint32_t> tokens;
  std::vector<Layer> layers;  // empty without selector

  explicit TextEvidence(size_t h) : evidence(h) {}
};

TextEvidence Collect(const JudgeKeys& keys, std::span<const uint32_t> ids, const JudgeOptions& options) {
  const Profile& profile = keys.profile();
  TextEvidence text(profile.window());
  text.states = PositionsOf(profile, ids, options);
  text.evidence.AddText(ids, text.states, /*record=*/0, &text.row_at);
  text.coefficients = CountEachOnce(text.evidence);
  for (size_t row = 0; row < text.evidence.size(); ++row) {
    text.windows.push_back(text.evidence.window_of(row));
    text.tokens.push_back(text.evidence.id_of(row));
  }
  if (!keys.without_selector()) {
    text.layers.resize(text.windows.size());
    keys.tests().front().layers.Assign(profile, text.windows.data(), text.windows.size(), text.layers.data());
  }
  return text;
}

// Scores of one layer's rows; other rows stay kUnscored.
constexpr uint64_t kUnscored = ~uint64_t{0};
std::vector<uint64_t> ScoreLayer(const Profile& profile, const Layers& layers, Layer layer, const TextEvidence& text) {
  std::vector<const uint32_t*> windows;
  std::vector<uint32_t> tokens;
  std::vector<size_t> rows;
  for (size_t row = 0; row < text.windows.size(); ++row) {
    if (!text.layers.empty() && text.layers[row] != layer) continue;
    rows.push_back(row);
    windows.push_back(text.windows[row]);
    tokens.push_back(text.tokens[row]);
  }
  std::vector<uint64_t> dense(rows.size());
  layers.Score(profile, layer, windows.data(), tokens.data(), rows.size(), dense.data());
  std::vector<uint64_t> scores(text.windows.size(), kUnscored);
  for (size_t i = 0; i < rows.size(); ++i) scores[rows[i]] = dense[i];
  return scores;
}

struct Deciding {
  std::string_view name;  // the member of the finding's JSON
  double log10_p;
};
Deciding DecidingP(const Finding& finding, JudgeOptions::Test test) {
  switch (test) {
    case JudgeOptions::Test::kFixed: return {"log10_p", finding.log10_p};
    case JudgeOptions::Test::kAnytime: return {"log10_p_anytime", finding.log10_p_anytime};
    case JudgeOptions::Test::kLocalized: return {"localized.log10_p", finding.localized->log10_p};
    case JudgeOptions::Test::kProxy: return {"proxy.log10_p", finding.proxy->log10_p};
    case JudgeOptions::Test::kCombined: return {"log10_p_combined", *finding.log10_p_combined};
  }
  return {"log10_p", 0};
}

// Of the deciding test. For a weighing by a proxy, that of the plain count stands in: a proxy worth its name has more.
double PowerOfTest(const Finding& finding, JudgeOptions::Test test, double log10_alpha) {
  const double effect = finding.power.effect;
  switch (test) {
    case JudgeOptions::Test::kFixed:
    case JudgeOptions::Test::kProxy:
      return PowerAt(finding.law, finding.n, effect, log10_alpha);
    case JudgeOptions::Test::kAnytime: return PowerAtAnyTime(finding.law, finding.n, effect, log10_alpha);
    case JudgeOptions::Test::kLocalized: return PowerLocated(finding.law, finding.n, effect, log10_alpha);
    case JudgeOptions::Test::kCombined: return PowerAt(finding.law, finding.n, effect, log10_alpha - kLog10Two);
  }
  return 0;
}

void Decide(Finding& finding, double deciding, double log10_alpha) {
  finding.boundary = IsBoundary(deciding, log10_alpha);
  // Nothing scored has p = 1 and power 0, and so is inconclusive.
  if (Detects(deciding, log10_alpha)) {
    finding.verdict = Verdict::kDetected;
  } else if (finding.power.at_this_length >= kPowerForNotDetected) {
    finding.verdict = Verdict::kNotDetected;
  } else {
    finding.verdict = Verdict::kInconclusive;
  }
}

// Where the mark is, and in `trace`, if not null, how the evidence for it grows.
Localized Localize(const NullLaw& law, std::span<const uint64_t> scores, std::span<const size_t> positions, double log10_alpha,
                   std::vector<TokenState>* trace) {
  std::vector<double> log10_e;
  const Located located = Locate(law, scores, log10_alpha, trace != nullptr ? &log10_e : nullptr);
  Localized localized{located.log10_p, {}};
  for (const Segment& segment : located.segments) {
    localized.segments.push_back({positions[segment.first], positions[segment.last - 1] + 1, std::nullopt, segment.log10_p});
  }
  if (trace == nullptr) return localized;
  double now = 0;
  for (size_t t = 0, i = 0; t < trace->size(); ++t) {
    for (; i < positions.size() && positions[i] == t; ++i) now = log10_e[i];
    (*trace)[t].log10_e = now;
  }
  return localized;
}

// The proxy's test of the tuples of `used` layers, whose scores are `scores`.
Result<ProxyResult> TestByProxy(const Profile& profile, const Layers& layers, std::span<const Layer> used, const TextEvidence& text,
                                const std::vector<std::vector<uint64_t>>& scores, std::span<const double> proxy_ln_q) {
  std::vector<uint32_t> draws;
  std::vector<double> ln_q;
  std::vector<std::vector<uint32_t>> draws_of;
  if (profile.scheme().draws == nullptr) {
    return Fail(ErrorKind::kNotSupported, "scheme " + std::string(profile.scheme().name) + " has no test by proxy");
  }
  for (const Layer layer : used) {
    draws_of.emplace_back(text.windows.size());
    layers.DrawsOf(profile, layer, text.windows.data(), text.tokens.data(), text.windows.size(), draws_of.back().data());
  }
  for (size_t t = 0; t < text.row_at.size(); ++t) {
    const size_t row = text.row_at[t];
    for (size_t i = 0; row != Evidence::kNone && i < used.size(); ++i) {
      if (scores[i][row] == kUnscored) continue;
      draws.push_back(draws_of[i][row]);
      ln_q.push_back(proxy_ln_q[t]);
    }
  }
  ProxyOptions options;
  if (!profile.scheme().unbiased) options.delta_nats = profile.delta_nats();
  return JudgeByProxy(profile, draws, ln_q, options);
}

Result<Finding> RunTest(const JudgeKeys& keys, const JudgeKeys::Test& test, size_t family, const TextEvidence& text,
                std::span<const uint32_t> ids, const JudgeOptions& options, std::vector<TokenState>* trace) {
  const Profile& profile = keys.profile();
  Finding finding;
  finding.alpha = options.alpha;
  finding.scheme = profile.scheme().name;
  finding.scheme_id = profile.scheme_id();
  finding.profile_digest = profile.digest();
  finding.rule = options.rule;
  if (options.stop_list != nullptr) finding.stop_list = options.stop_list->digest();
  finding.law = profile.scheme().null_law(profile);

  std::vector<Layer> used;
  if (test.provider) used.push_back(Layer::kProvider);
  if (test.account) used.push_back(Layer::kAccount);
  std::vector<std::vector<uint64_t>> scores;
  for (const Layer layer : used) {
    scores.push_back(ScoreLayer(profile, test.layers, layer, text));
    LayerResult result{layer, test.layers.kid(layer), layer == Layer::kAccount ? test.layers.account_label() : "", 0, 0, 0};
    for (size_t row = 0; row < scores.back().size(); ++row) {
      if (scores.back()[row] == kUnscored) continue;
      ++result.n;
      result.statistic += static_cast<Statistic>(text.coefficients[row]) * scores.back()[row];
    }
    result.log10_p = Log10UpperTail(finding.law, result.n, result.statistic);
    finding.n += result.n;
    finding.statistic += result.statistic;
    finding.layers.push_back(std::move(result));
  }

  RunningMaximum running(finding.law);
  std::vector<uint64_t> in_order;   // scores
  std::vector<size_t> positions;    // of each
  if (trace != nullptr) trace->assign(ids.size(), {TokenState::Kind::kShort, Layer::kNone, 0});
  finding.counts.tokens = ids.size();
  uint64_t above_vocab = 0;
  for (size_t t = 0; t < ids.size(); ++t) {
    above_vocab += ids[t] >= profile.vocab();
    TokenState state{};
    switch (text.states[t]) {
      case PositionState::kShort:
        state.kind = TokenState::Kind::kShort;
        ++finding.counts.short_;
        break;
      case PositionState::kSpecial:
        state.kind = TokenState::Kind::kSpecial;
        ++finding.counts.special;
        break;
      case PositionState::kRepeated:
        state.kind = TokenState::Kind::kRepeated;
        ++finding.counts.repeated;
        break;
      case PositionState::kEligible: {
        const size_t row = text.row_at[t];
        if (row == Evidence::kNone) {
          state.kind = TokenState::Kind::kDuplicate;
          ++finding.counts.duplicate;
          break;
        }
        state.kind = TokenState::Kind::kOtherLayer;
        for (size_t i = 0; i < used.size(); ++i) {
          if (scores[i][row] == kUnscored) continue;
          running.Push(scores[i][row]);
          in_order.push_back(scores[i][row]);
          positions.push_back(t);
          state.kind = TokenState::Kind::kScored;
          state.layer = used[i];
          state.score += scores[i][row];
        }
        if (state.kind == TokenState::Kind::kScored) {
          ++finding.counts.scored;
        } else {
          ++finding.counts.other_layer;
        }
        break;
      }
    }
    if (trace != nullptr) (*trace)[t] = state;
  }

  const double log10_alpha = std::log10(options.alpha);
  finding.log10_p = Log10UpperTail(finding.law, finding.n, finding.statistic);
  finding.log10_p_anytime = 0.0 - running.log10_max();
  const double log10_family = std::log10(static_cast<double>(family));
  const double decision_alpha = log10_alpha - log10_family;  // level that a single test has to meet
  finding.localized = Localize(finding.law, in_order, positions, decision_alpha, trace);
  finding.log10_p_combined = Log10TwiceTheSmaller(finding.log10_p, finding.localized->log10_p);
  if (!options.proxy_ln_q.empty() || options.test == JudgeOptions::Test::kProxy) {
    VERDIGRIS_ASSIGN_OR_RETURN(finding.proxy, TestByProxy(profile, test.layers, used, text, scores, options.proxy_ln_q));
  }
  const Deciding single = DecidingP(finding, options.test);
  finding.verdict_by = single.name;
  double deciding = single.log10_p;
  if (family > 1) {
    deciding = std::min(0.0, deciding + log10_family);
    finding.log10_p_family = deciding;
    finding.verdict_by = "log10_p_family";
  }
  finding.smallest_attainable_log10_p = Log10SmallestP(finding.law, finding.n);
  finding.power.effect = profile.scheme().reference_effect(profile);
  finding.power.at_this_length = PowerOfTest(finding, options.test, decision_alpha);
  finding.power.tokens_needed = TokensNeeded(finding.law, finding.power.effect, decision_alpha, kPowerForNotDetected);
  finding.detectable = DetectableEffect(finding.law, finding.n, decision_alpha, kPowerForNotDetected);
  Decide(finding, deciding, log10_alpha);

  finding.warnings.assign(keys.warnings().begin(), keys.warnings().end());
  if (above_vocab > 0) {
    finding.warnings.push_back({"ids_above_vocab", above_vocab, "ids at or above the vocabulary size are counted as special"});
  }
  if (finding.smallest_attainable_log10_p > decision_alpha) {
    const uint64_t least = LeastTokens(finding.law, decision_alpha);
    finding.warnings.push_back({"short_text", finding.n, "at least " + std::to_string(least) + " scored tokens are needed at this alpha"});
  }
  return finding;
}

}  // namespace

double DecidingLog10P(const Finding& finding, JudgeOptions::Test test) { return DecidingP(finding, test).log10_p; }

std::string_view TokenStateName(TokenState::Kind kind) {
  switch (kind) {
    case TokenState::Kind::kScored: return "scored";
    case TokenState::Kind::kShort: return "short";
    case TokenState::Kind::kSpecial: return "special";
    case TokenState::Kind::kRepeated: return "repeated";
    case TokenState::Kind::kDuplicate: return "duplicate";
    case TokenState::Kind::kOtherLayer: return "other_layer";
  }
  return "";
}

std::vector<PositionState> PositionsOf(const Profile& profile, std::span<const uint32_t> ids, const JudgeOptions& options) {
  std::vector<PositionState> states;
  ClassifyPositions(ids, profile.window(), profile.special_ids(), options.rule, states);
  if (options.stop_list != nullptr) options.stop_list->Drop(ids, states);
  return states;
}

Result<std::vector<Finding>> JudgeText(const JudgeKeys& keys, std::span<const uint32_t> ids, const JudgeOptions& options,
                                       std::vector<std::vector<TokenState>>* traces) {
  if (!(options.alpha > 0 && options.alpha < 1)) {
    return Fail(ErrorKind::kInvalidArgument, "alpha must be in (0,1), got " + std::to_string(options.alpha));
  }
  VERDIGRIS_RETURN_IF_ERROR(CheckIds(ids));
  if (options.proxy_ln_q.empty() ? options.test == JudgeOptions::Test::kProxy && !ids.empty() : options.proxy_ln_q.size() != ids.size()) {
    return Fail(ErrorKind::kInvalidArgument, "the proxy must give " + std::to_string(ids.size()) + " log-probabilities, one a token, got " +
                                                 std::to_string(options.proxy_ln_q.size()));
  }
  const TextEvidence text = Collect(keys, ids, options);
  std::vector<Finding> findings;
  if (traces != nullptr) traces->resize(keys.tests().size());
  for (size_t i = 0; i < keys.tests().size(); ++i) {
    VERDIGRIS_ASSIGN_OR_RETURN(Finding finding, RunTest(keys, keys.tests()[i], keys.tests().size() * options.tried, text, ids, options,
                                                        traces ? &(*traces)[i] : nullptr));
    findings.push_back(std::move(finding));
  }
  return findings;
}

}  // namespace verdigris::verify
