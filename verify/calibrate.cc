// Each document is judged alone: its tuples once each, or, under first-seen, those that no document before it had, which
// makes documents independent under one key. Beside that it is counted in how many of them each tuple lies: from those counts
// follow the overlap and the stop tuples. Random keys are a function of all documents, so that these wait for them.
//
// Tested by tests/verify/calibrate_test.cc (P9, P10, P19; built overlaps).
#include "verify/calibrate.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <string>

#include <openssl/crypto.h>

#include "verify/law.h"
#include "verify/other_group.h"

namespace verdigris::verify {
namespace {

constexpr uint32_t kMostRandomKeys = 10000;
constexpr std::string_view kRandomKeys = "calibrate";
constexpr size_t kPieceTuples = size_t{1} << 16;   // scored together under one key after another
constexpr size_t kPooledTuples = size_t{1} << 20;  // for the self-check: more would not make it sharper in any way that matters
constexpr uint32_t kTaken = uint32_t{1} << 31;     // ids lie below 2^24

std::array<bool, kCalibrationLevels.size()> LevelsReached(double log10_p) {
  std::array<bool, kCalibrationLevels.size()> reached;
  for (size_t i = 0; i < reached.size(); ++i) reached[i] = log10_p <= kCalibrationLevels[i];
  return reached;
}

bool Reaches(const ExactSize& size, Statistic statistic) { return size.attainable && statistic >= size.critical; }

}  // namespace

const std::array<ExactSize, kCalibrationLevels.size()>& CriticalValues::At(uint64_t n) {
  auto [entry, added] = sizes_.try_emplace(n);
  if (added) {
    for (size_t i = 0; i < kCalibrationLevels.size(); ++i) entry->second[i] = SizeOf(law_, n, kCalibrationLevels[i]);
  }
  return entry->second;
}

Result<KeysOnText> CalibrateOnText(KeyScorer& scorer, const DecoyKeys& keys, uint32_t count) {
  if (count == 0 || count > kMostDecoys) {
    return Fail(ErrorKind::kInvalidArgument, "keys must be in [1," + std::to_string(kMostDecoys) + "], got " + std::to_string(count));
  }
  KeysOnText out;
  out.n = scorer.size();
  out.keys = count;
  CriticalValues critical(scorer.law());
  const auto& sizes = critical.At(out.n);
  for (size_t i = 0; i < out.levels.size(); ++i) out.levels[i] = {kCalibrationLevels[i], sizes[i].log10_size, 0, {}};
  uint8_t key[kKeyBytes];
  for (uint32_t i = 0; i < count; ++i) {
    keys.Get(i, key);
    const Statistic statistic = scorer.Score(key).statistic;
    for (size_t a = 0; a < out.levels.size(); ++a) out.levels[a].count += Reaches(sizes[a], statistic);
  }
  for (auto& level : out.levels) level.band = ClopperPearson(count, level.count, kCalibrationBandLevel);
  out.law = CheckLaw(scorer.law(), out.n, count, {out.levels[0].count, out.levels[1].count, out.levels[2].count});
  return out;
}

CorpusCalibrator::CorpusCalibrator(const JudgeKeys& keys, const CalibrateOptions& options, DocumentCounts counts)
    : keys_(keys),
      options_(options),
      law_(keys.profile().scheme().null_law(keys.profile())),
      counts_(std::move(counts)),
      seen_(keys.profile().window()),
      critical_(law_),
      all_(NewTally()) {
  if (!options.groups) GroupOf({});
}

Result<CorpusCalibrator> CorpusCalibrator::Create(const JudgeKeys& keys, const CalibrateOptions& options) {
  if (options.min_scored == 0) return Fail(ErrorKind::kInvalidArgument, "min_scored must be at least 1, got 0");
  if (options.random_keys > kMostRandomKeys) {
    return Fail(ErrorKind::kInvalidArgument, "random keys must be at most " + std::to_string(kMostRandomKeys) + ", got " + std::to_string(options.random_keys));
  }
  const size_t rows = std::max<size_t>(1, static_cast<size_t>(options.memory_bytes) / DocumentCounts::kRowBytes);
  VERDIGRIS_ASSIGN_OR_RETURN(DocumentCounts counts, DocumentCounts::Create(keys.profile().window(), options.sample_log2, rows));
  return CorpusCalibrator(keys, options, std::move(counts));
}

CorpusCalibrator::Tally CorpusCalibrator::NewTally() const {
  Tally tally;
  for (const JudgeKeys::Test& test : keys_.tests()) {
    CalibrationPart::Test& out = tally.tests.emplace_back();
    if (test.provider) out.kids.push_back(test.layers.kid(Layer::kProvider));
    if (test.account) out.kids.push_back(test.layers.kid(Layer::kAccount));
  }
  for (auto& of_key : tally.of_keys) of_key.assign(options_.random_keys, 0);
  return tally;
}

uint32_t CorpusCalibrator::GroupOf(std::string_view name) {
  auto found = group_of_.find(name);
  if (found == group_of_.end()) {
    const uint64_t bytes = sizeof(uint32_t) * kCalibrationLevels.size() * options_.random_keys;  // of a group's Tally
    const size_t most = bytes == 0 ? kMostCalibrationGroups : static_cast<size_t>(std::min<uint64_t>(kMostCalibrationGroups, options_.memory_bytes / bytes));
    if (groups_.size() >= most && name != kOtherGroup) return GroupOf(kOtherGroup);
    found = group_of_.emplace(name, static_cast<uint32_t>(groups_.size())).first;
    groups_.push_back(NewTally());
  }
  return found->second;
}

void CorpusCalibrator::TestDocument(std::span<const uint32_t> ids, std::span<const size_t> positions, Tally& group) {
  const Profile& profile = keys_.profile();
  std::vector<const uint32_t*> windows;
  for (const size_t t : positions) windows.push_back(&ids[t - profile.window()]);
  std::vector<Layer> assigned(windows.size());
  if (!keys_.without_selector()) keys_.tests().front().layers.Assign(profile, windows.data(), windows.size(), assigned.data());
  std::vector<const uint32_t*> of_layer;
  std::vector<uint32_t> tokens;
  std::vector<uint64_t> scores;
  for (size_t i = 0; i < all_.tests.size(); ++i) {
    const JudgeKeys::Test& test = keys_.tests()[i];
    uint64_t n = 0;
    Statistic statistic = 0;
    for (const auto& [layer, used] : {std::pair{Layer::kProvider, test.provider}, std::pair{Layer::kAccount, test.account}}) {
      if (!used) continue;
      of_layer.clear();
      tokens.clear();
      for (size_t j = 0; j < positions.size(); ++j) {
        if (!keys_.without_selector() && assigned[j] != layer) continue;
        of_layer.push_back(windows[j]);
        tokens.push_back(ids[positions[j]]);
      }
      scores.resize(tokens.size());
      test.layers.Score(profile, layer, of_layer.data(), tokens.data(), tokens.size(), scores.data());
      n += tokens.size();
      for (const uint64_t score : scores) statistic += score;
    }
    if (n < options_.min_scored) continue;
    const auto reached = LevelsReached(Log10UpperTail(law_, n, statistic));
    for (Tally* tally : {&all_, &group}) {
      ++tally->tests[i].tested;
      for (size_t a = 0; a < reached.size(); ++a) tally->tests[i].rates[a].count += reached[a];
    }
  }
}

Result<void> CorpusCalibrator::Add(std::span<const uint8_t> content, std::span<const uint32_t> ids, std::string_view group_name) {
  VERDIGRIS_RETURN_IF_ERROR(CheckIds(ids));
  if (texts_.size() == kMostCalibrationTexts) {
    return Fail(ErrorKind::kLimit, "more than " + std::to_string(kMostCalibrationTexts) + " documents");
  }
  const Profile& profile = keys_.profile();
  content_.Add(content);
  const Digest digest = Sha256(content);
  Calibration::Text text;
  std::copy_n(digest.begin(), text.size(), text.begin());
  texts_.push_back(text);
  tokens_ += ids.size();
  const uint32_t group_number = options_.groups ? GroupOf(group_name) : 0;
  Tally& group = groups_[group_number];

  std::vector<PositionState> states;
  ClassifyPositions(ids, profile.window(), profile.special_ids(), options_.rule, states);
  Evidence own(profile.window());
  std::vector<size_t> row_at;
  own.AddText(ids, states, 0, &row_at);
  std::vector<size_t> distinct;
  for (size_t t = 0; t < ids.size(); ++t) {
    if (row_at[t] != Evidence::kNone) distinct.push_back(t);
  }
  const bool long_enough = distinct.size() >= options_.min_scored;
  for (Tally* tally : {&all_, &group}) {
    ++tally->documents;
    tally->long_enough += long_enough;
  }
  // What is too short to be tested claims no tuples and shares none.
  if (!long_enough) return {};
  std::vector<const uint32_t*> windows;
  std::vector<uint32_t> tokens;
  for (const size_t t : distinct) {
    windows.push_back(&ids[t - profile.window()]);
    tokens.push_back(ids[t]);
  }
  counts_.Add(group_number, windows, tokens);
  if (options_.assign == Assign::kFirstSeen) {
    seen_.AddText(ids, states, all_.long_enough, &row_at);
    std::erase_if(distinct, [&](size_t t) { return row_at[t] == Evidence::kNone; });
  }
  TestDocument(ids, distinct, group);
  if (options_.random_keys > 0) {
    const size_t begin = kept_ids_.size();
    kept_ids_.insert(kept_ids_.end(), ids.begin(), ids.end());
    for (const size_t t : distinct) kept_ids_[begin + t] |= kTaken;
    kept_.push_back({kept_ids_.size(), group_number, distinct.size()});
  }
  return {};
}

Result<void> CorpusCalibrator::TryPiece(std::span<const Kept> documents, std::span<const uint32_t> flagged, const DecoyKeys& keys) {
  std::vector<uint32_t> ids(flagged.begin(), flagged.end());
  for (uint32_t& id : ids) id &= ~kTaken;
  Tuples tuples;
  for (size_t t = 0; t < ids.size(); ++t) {
    if ((flagged[t] & kTaken) == 0) continue;
    tuples.windows.push_back(&ids[t - keys_.profile().window()]);
    tuples.ids.push_back(ids[t]);
  }
  VERDIGRIS_ASSIGN_OR_RETURN(KeyScorer scorer, KeyScorer::Create(keys_.profile(), tuples));
  std::vector<uint64_t> scores(tuples.size());
  uint8_t key[kKeyBytes];
  for (uint32_t i = 0; i < options_.random_keys; ++i) {
    keys.Get(i, key);
    scorer.ScoreEach(key, scores.data());
    const uint64_t* at = scores.data();
    for (const Kept& document : documents) {
      Statistic statistic = 0;
      for (size_t j = 0; j < document.tuples; ++j) statistic += *at++;
      if (document.tuples < options_.min_scored) continue;
      const auto& sizes = critical_.At(document.tuples);
      for (size_t a = 0; a < sizes.size(); ++a) {
        if (!Reaches(sizes[a], statistic)) continue;
        ++all_.of_keys[a][i];
        ++groups_[document.group].of_keys[a][i];
      }
    }
  }
  return {};
}

Evidence CorpusCalibrator::Pooled() {
  const size_t h = keys_.profile().window();
  const int sample_log2 = counts_.SampleOf(kPooledTuples);
  Evidence pooled(h);
  std::vector<uint32_t> ids;
  std::vector<PositionState> states;
  size_t begin = 0;
  for (const Kept& document : kept_) {
    ids.assign(kept_ids_.begin() + static_cast<std::ptrdiff_t>(begin), kept_ids_.begin() + static_cast<std::ptrdiff_t>(document.end));
    states.assign(ids.size(), PositionState::kRepeated);
    begin = document.end;
    for (size_t t = 0; t < ids.size(); ++t) {
      if ((ids[t] & kTaken) != 0) states[t] = PositionState::kEligible;
      ids[t] &= ~kTaken;
    }
    for (size_t t = h; sample_log2 > 0 && t < ids.size(); ++t) {
      if (states[t] != PositionState::kEligible) continue;
      const uint32_t* window = &ids[t - h];
      Fingerprint fingerprint;
      counts_.fingerprinter().Of(&window, &ids[t], h, 1, &fingerprint);
      if (!IsSampled(fingerprint, sample_log2)) states[t] = PositionState::kRepeated;
    }
    pooled.AddText(ids, states, 0, nullptr);
  }
  return pooled;
}

std::array<Band, kCalibrationLevels.size()> CorpusCalibrator::SpreadOf(Tally& tally) const {
  std::array<Band, kCalibrationLevels.size()> rates;
  for (size_t a = 0; a < rates.size(); ++a) {
    std::vector<uint32_t>& counts = tally.of_keys[a];
    std::sort(counts.begin(), counts.end());
    const auto at = [&](double share) {
      const auto place = static_cast<size_t>(std::lround(share * static_cast<double>(counts.size() - 1)));
      return static_cast<double>(counts[place]) / static_cast<double>(std::max<uint64_t>(1, tally.of_keys_tested));
    };
    rates[a] = {at(.05), at(.95)};
  }
  return rates;
}

Result<Calibration::RandomKeys> CorpusCalibrator::TryRandomKeys() {
  const DecoyKeys keys(TaggedHash("decoy-seed", {AsBytes(kRandomKeys), content_.Value()}));
  const auto start_of = [&](size_t document) { return document == 0 ? 0 : kept_[document - 1].end; };
  for (size_t first = 0, last; first < kept_.size(); first = last) {
    size_t tuples = 0;
    for (last = first; last < kept_.size() && (last == first || tuples + kept_[last].tuples <= kPieceTuples); ++last) {
      tuples += kept_[last].tuples;
      if (kept_[last].tuples < options_.min_scored) continue;
      ++all_.of_keys_tested;
      ++groups_[kept_[last].group].of_keys_tested;
    }
    VERDIGRIS_RETURN_IF_ERROR(TryPiece(std::span(kept_).subspan(first, last - first),
                                       std::span(kept_ids_).subspan(start_of(first), kept_[last - 1].end - start_of(first)), keys));
  }
  Calibration::RandomKeys out;
  out.keys = options_.random_keys;
  out.tested = all_.of_keys_tested;
  out.rates = SpreadOf(all_);

  const Evidence pooled = Pooled();
  out.pooled_n = pooled.size();
  VERDIGRIS_ASSIGN_OR_RETURN(KeyScorer scorer, KeyScorer::Create(keys_.profile(), TuplesOf(pooled)));
  const auto& sizes = critical_.At(out.pooled_n);
  uint8_t key[kKeyBytes];
  for (uint32_t i = 0; i < options_.random_keys; ++i) {
    keys.Get(i, key);
    const Statistic statistic = scorer.Score(key).statistic;
    for (size_t a = 0; a < out.pooled_counts.size(); ++a) out.pooled_counts[a] += Reaches(sizes[a], statistic);
  }
  out.passed = CheckLaw(law_, out.pooled_n, out.keys, out.pooled_counts).passed;
  return out;
}

void CorpusCalibrator::Measure(const Tally& tally, const Spectrum& spectrum, CalibrationPart& out) {
  out.documents = tally.documents;
  out.overlap = OverlapOf(spectrum, tally.long_enough);
  const double rho = std::min(out.overlap.rho(), 1 - 1e-9);
  for (size_t a = 0; a < kCalibrationLevels.size(); ++a) {
    const double alpha = std::pow(10, kCalibrationLevels[a]);
    out.predicted[a] = {RateOfKey(rho, alpha, -kKeyQuantile), RateOfKey(rho, alpha, kKeyQuantile)};
  }
  out.tests = tally.tests;
  for (CalibrationPart::Test& test : out.tests) {
    for (CalibrationPart::Rate& rate : test.rates) {
      if (test.tested > 0) rate.band = ClopperPearson(test.tested, rate.count, kCalibrationBandLevel);
    }
  }
  if (counts_.sample_log2() == 0) out.stop_bound = StopBound(spectrum, tally.long_enough);
}

Result<Calibration> CorpusCalibrator::Finish() {
  uint64_t tested = 0;
  for (const CalibrationPart::Test& test : all_.tests) tested = std::max(tested, test.tested);
  if (tested < 2) {
    return Fail(ErrorKind::kFailedPrecondition, "at least 2 documents with " + std::to_string(options_.min_scored) + " scored tuples are needed, got " + std::to_string(tested));
  }
  const Profile& profile = keys_.profile();
  Calibration out;
  out.scheme_id = profile.scheme_id();
  out.profile = profile.digest();
  out.content = content_.Value();
  out.rule = options_.rule;
  out.assign = options_.assign;
  out.min_scored = options_.min_scored;
  out.tokens = tokens_;
  out.sample_log2 = counts_.sample_log2();
  if (options_.random_keys > 0) {
    VERDIGRIS_ASSIGN_OR_RETURN(out.random_keys, TryRandomKeys());
  }
  const DocumentCounts::Spectra spectra = counts_.SpectraOf(groups_.size());
  Measure(all_, spectra.all, out);
  if (options_.groups) {
    for (const auto& [name, number] : group_of_) {
      Calibration::Group& group = out.groups.emplace_back();
      group.name = name;
      Measure(groups_[number], spectra.of_group[number], group);
      if (options_.random_keys > 0) group.random_rates = SpreadOf(groups_[number]);
    }
  }
  out.texts = texts_;
  std::sort(out.texts.begin(), out.texts.end());
  out.texts.erase(std::unique(out.texts.begin(), out.texts.end()), out.texts.end());
  return out;
}

Result<StopList> CorpusCalibrator::MakeStopList(const Calibration& calibration) {
  if (calibration.sample_log2 != 0) {
    return Fail(ErrorKind::kFailedPrecondition, "a stop list needs all tuples, and only 1 in 2^" + std::to_string(calibration.sample_log2) + " were counted");
  }
  return StopList::Of(counts_.Above(calibration.stop_bound.value_or(UINT64_MAX)), keys_.profile());
}

}  // namespace verdigris::verify
