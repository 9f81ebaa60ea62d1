// Holm's step i needs only the i smallest p and the number of tests, so a bounded list of the best accounts is all that is
// kept. Accounts are compared by their statistic, which orders them as p does since all have the same tuples; of equal ones
// the earlier stands first.
//
// Tested by tests/verify/attribute_test.cc.
#include "verify/attribute.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <memory>
#include <set>

#include <openssl/crypto.h>

#include "verify/law.h"
#include "verify/multiplicity.h"

namespace verdigris::verify {
namespace {

// Best first: larger statistic, then earlier.
struct Kept {
  Statistic statistic;
  uint64_t number;
  std::string label;
  std::string kid;

  bool operator<(const Kept& other) const {
    return statistic != other.statistic ? statistic > other.statistic : number < other.number;
  }
};

struct Wiped {
  uint8_t bytes[kKeyBytes];
  ~Wiped() { OPENSSL_cleanse(bytes, sizeof bytes); }
};

}  // namespace

AccountSource AccountsOf(const Key& epoch_key, std::span<const std::string> labels) {
  // A std::function is copied, a Deriver holds secrets and is not.
  return [deriver = std::make_shared<const Deriver>(epoch_key), labels, next = size_t{0}](
             std::string& label, std::span<uint8_t, kKeyBytes> key) mutable -> Result<bool> {
    if (next == labels.size()) return false;
    label = labels[next++];
    if (!IsAccountLabel(label)) return Fail(ErrorKind::kInvalidArgument, "account " + std::to_string(next - 1) + " has no valid label");
    deriver->Derive("account", AsBytes(label), key);
    return true;
  };
}

AccountKeys::~AccountKeys() {
  for (auto& key : keys_) OPENSSL_cleanse(key.data(), key.size());
}

AccountKeys& AccountKeys::operator=(AccountKeys&& other) noexcept {
  // What stood here is wiped with `other`.
  labels_.swap(other.labels_);
  keys_.swap(other.keys_);
  seen_.swap(other.seen_);
  std::swap(epoch_, other.epoch_);
  return *this;
}

Result<void> AccountKeys::Add(const KeyFile& key) {
  if (key.role != KeyRole::kAccount) return Fail(ErrorKind::kMismatch, "an account key is needed, got one of role " + std::string(RoleName(key.role)));
  if (!labels_.empty() && key.epoch != epoch_) {
    return Fail(ErrorKind::kMismatch, "account keys of epochs " + std::to_string(epoch_) + " and " + std::to_string(key.epoch));
  }
  if (!seen_.insert(key.account).second) return Fail(ErrorKind::kMismatch, "account " + key.account + " is named twice");
  epoch_ = key.epoch;
  labels_.push_back(key.account);
  if (keys_.size() == keys_.capacity()) {
    // Grown by hand, so that no copy of a key is left behind unwiped.
    std::vector<std::array<uint8_t, kKeyBytes>> larger;
    larger.reserve(std::max<size_t>(64, 2 * keys_.size()));
    larger.assign(keys_.begin(), keys_.end());
    keys_.swap(larger);
    for (auto& old : larger) OPENSSL_cleanse(old.data(), old.size());
  }
  keys_.emplace_back();
  std::ranges::copy(key.key.secret(), keys_.back().begin());
  return {};
}

AccountSource AccountKeys::Source() const {
  return [this, next = size_t{0}](std::string& label, std::span<uint8_t, kKeyBytes> key) mutable -> Result<bool> {
    if (next == labels_.size()) return false;
    label = labels_[next];
    std::ranges::copy(keys_[next], key.begin());
    ++next;
    return true;
  };
}

Result<Attribution> Attribute(const Profile& profile, const KeyFile* provider, const KeyFile* selector,
                              const AccountSource& accounts, std::span<const uint32_t> ids, const AttributeOptions& options) {
  VERDIGRIS_RETURN_IF_ERROR(CheckIds(ids));
  std::vector<PositionState> states;
  ClassifyPositions(ids, profile.window(), profile.special_ids(), options.rule, states);
  Evidence evidence(profile.window());
  evidence.AddText(ids, states, 0, nullptr);
  return Attribute(profile, provider, selector, accounts, evidence, options);
}

Result<Attribution> Attribute(const Profile& profile, const KeyFile* provider, const KeyFile* selector,
                              const AccountSource& accounts, const Evidence& evidence, const AttributeOptions& options) {
  if (!(options.alpha > 0 && options.alpha < 1)) {
    return Fail(ErrorKind::kInvalidArgument, "alpha must be in (0,1), got " + std::to_string(options.alpha));
  }
  if (!(options.drop_chance >= 0 && options.drop_chance < 1)) {
    return Fail(ErrorKind::kInvalidArgument, "drop_chance must be in [0,1), got " + std::to_string(options.drop_chance));
  }
  if (!profile.has_account_layer()) return Fail(ErrorKind::kMismatch, "the profile has no account layer");
  std::vector<const KeyFile*> shared;
  if (provider != nullptr) shared.push_back(provider);
  if (selector != nullptr) shared.push_back(selector);
  VERDIGRIS_ASSIGN_OR_RETURN(const Layers layers, Layers::Create(profile, shared));
  if (profile.needs_selector() && !layers.has_selector()) {
    return Fail(ErrorKind::kFailedPrecondition, "the selector key is missing: both layers share this profile's positions");
  }

  const NullLaw law = profile.scheme().null_law(profile);
  const double log10_alpha = std::log10(options.alpha);

  Attribution out;
  if (layers.Has(Layer::kProvider)) {
    const Tuples tuples = TuplesOf(evidence, profile, layers, Layer::kProvider);
    std::vector<uint64_t> scores(tuples.size());
    layers.Score(profile, Layer::kProvider, tuples.windows.data(), tuples.ids.data(), tuples.size(), scores.data());
    ProviderTest test;
    test.n = tuples.size();
    for (const uint64_t score : scores) test.statistic += score;
    test.log10_p = Log10UpperTail(law, test.n, test.statistic);
    test.detected = Detects(test.log10_p, log10_alpha);
    out.provider = test;
    if (!test.detected && !options.without_provider) return out;
  }

  out.accounts_tested = true;
  const Tuples tuples = TuplesOf(evidence, profile, layers, Layer::kAccount);
  out.n = tuples.size();
  std::optional<Futility> futility;
  if (options.drop_chance > 0) futility = Futility{options.effect.value_or(profile.scheme().reference_effect(profile)), options.drop_chance};
  VERDIGRIS_ASSIGN_OR_RETURN(KeyScorer scorer, KeyScorer::Create(profile, tuples, futility));

  std::set<Kept> best;
  Wiped key;
  std::string label;
  uint64_t scored = 0;
  for (;; ++out.accounts) {
    VERDIGRIS_ASSIGN_OR_RETURN(const bool more, accounts(label, key.bytes));
    if (!more) break;
    const KeyScorer::Outcome outcome = scorer.Score(key.bytes);
    scored += outcome.scored;
    out.dropped += outcome.dropped;
    if (outcome.dropped) continue;
    if (best.size() == options.report && (best.empty() || outcome.statistic <= best.rbegin()->statistic)) continue;
    best.insert({outcome.statistic, out.accounts, label, KeyId(KeyRole::kAccount, Key(key.bytes))});
    if (best.size() > options.report) best.erase(std::prev(best.end()));
  }
  if (out.accounts == 0) return Fail(ErrorKind::kInvalidArgument, "no account key was given");
  if (options.family != 0 && options.family < out.accounts) {
    return Fail(ErrorKind::kInvalidArgument, "family must be at least the " + std::to_string(out.accounts) + " accounts given, got " + std::to_string(options.family));
  }
  out.family = std::max(options.family, out.accounts);
  out.mean_scored = static_cast<double>(scored) / static_cast<double>(out.accounts);

  std::vector<double> log10_p;
  log10_p.reserve(best.size());
  for (const Kept& kept : best) log10_p.push_back(Log10UpperTail(law, out.n, kept.statistic));
  const Rejections holm = Reject(Control::kHolm, log10_p, out.family, log10_alpha);
  std::set<std::string_view> kids, labels;
  size_t i = 0;
  for (const Kept& kept : best) {
    if (!labels.insert(kept.label).second) return Fail(ErrorKind::kMismatch, "account " + kept.label + " is named twice");
    if (!kids.insert(kept.kid).second) return Fail(ErrorKind::kMismatch, "two accounts have the key " + kept.kid);
    const double adjusted = holm.log10_adjusted[i];
    // Holm stops at the first that fails; the boundary of statistics.md 5 is no detection.
    const bool named = out.named == i && Detects(adjusted, log10_alpha);
    out.named += named;
    out.least.push_back({kept.label, kept.kid, kept.statistic, log10_p[i], adjusted, named});
    ++i;
  }
  return out;
}

}  // namespace verdigris::verify
