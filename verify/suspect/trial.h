// One test of a suspect under one key: which rows count, what they weigh, and the p (suspect-models.md M1, M2, M8). What is
// settled without a key is made once; keys, the real one and decoys alike, then go through the same numbers.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "verify/decoy.h"
#include "verify/many_keys.h"
#include "verify/suspect/coefficients.h"
#include "verify/suspect/evidence.h"
#include "verify/suspect/exact.h"
#include "verify/suspect/process.h"
#include "watermark/layers.h"
#include "watermark/profile.h"
#include "watermark/result.h"

namespace verdigris::verify {

// Rank of a window's first appearance in an account's log, none where the account was not served it.
using LogRank = std::function<std::optional<uint32_t>(const uint32_t* window)>;

struct TrialOptions {
  CoefficientRule rule = CoefficientRule::kRoot;
  CoefficientOptions coefficients;
  Layer layer = Layer::kProvider;
  // Supervised: windows outside the log drop out after scaling, and the test is sequential in the order of the log.
  LogRank log_rank;
};

// exact, bound: of a fixed test. anytime: of a sequential one.
enum class TrialStatus { kExact, kBound, kAnytime };
std::string_view TrialStatusName(TrialStatus status);

struct TrialOutcome {
  Int128 statistic = 0;  // fixed tests: sum of coefficient times score
  double log10_p = 0;
  double ln_e = 0;       // an e-value: of fixed coefficients, or the last E of the process
  double z = 0;          // fixed tests: (statistic - mean) / sd, for tables; it decides nothing
};

// The rows of a trial in the order in which they enter, windows and ids of which live elsewhere.
struct TrialRows {
  enum class Kind {
    kFixed,
    kSteps,  // sequential, coefficients of first encounters
    kLog,    // sequential, coefficients that no draw has shaped, in the order of a log
  };
  Kind kind = Kind::kFixed;
  Tuples tuples;
  std::vector<size_t> window_ends;         // one past the last row of each window
  std::vector<std::vector<int32_t>> sets;  // coefficients, one a row; fixed tests and kLog have one set
  uint64_t sum_squares = 0;                // kLog: sum of a^2 before the filter
};

class Trial {
 public:
  // `layers` assigns windows (selector); keys of draws come later. Precondition: as Layers::Assign. The evidence must outlive
  // the trial.
  // Errors   those of MakeCoefficients.
  static Result<Trial> Create(const Profile& profile, const Layers& layers, const SuspectEvidence& evidence, const TrialOptions& options);

  // The same of rows that are already chosen and weighed, such as those of a coefficient file.
  // Errors   kInternal where the library has no AES-256.
  static Result<Trial> OfRows(const Profile& profile, TrialRows rows);

  // What a line-up orders keys by: the statistic of a fixed test, ln max E of a sequential one.
  struct Scored {
    Int128 statistic;
    EProcess::Outcome process;
  };
  // `layer_key`: provider or account. One user at a time.
  Scored Score(std::span<const uint8_t, kKeyBytes> layer_key);
  TrialOutcome Judge(const Scored& scored) const;
  TrialOutcome Run(std::span<const uint8_t, kKeyBytes> layer_key) { return Judge(Score(layer_key)); }
  bool sequential() const { return kind_ != TrialRows::Kind::kFixed; }
  TrialStatus status() const;
  size_t scored() const { return tuples().size(); }       // rows that count
  size_t windows() const { return windows_; }            // with such a row
  std::span<const Level> levels() const { return levels_; }
  std::span<const int32_t> weights() const { return weights_; }  // of references, in 1/256
  const NullLaw& law() const { return law_; }
  double mean() const { return mean_; }  // of the statistic of a fixed test under the null hypothesis, and its deviation
  double deviation() const { return deviation_; }

  // Rows that count, in their order: h ids of window, id, coefficient (of the first set where a process has several). For
  // coefficient files.
  const uint32_t* window(size_t i) const { return tuples().windows[i]; }
  uint32_t id(size_t i) const { return tuples().ids[i]; }
  int32_t coefficient(size_t i) const { return coefficients_[i]; }
  // Sum of a^2 before a filter, for the grid line of coefficient files.
  uint64_t sum_squares() const { return sum_squares_; }
  // Of a sequential test; null for a fixed one. Whether its grid is one of steps, or by the deviation of sum_squares().
  const EProcess* process() const { return process_.get(); }
  bool grid_of_steps() const { return kind_ == TrialRows::Kind::kSteps; }

 private:
  Trial(const NullLaw& law, KeyScorer scorer) : law_(law), scorer_(std::move(scorer)) {}
  const Tuples& tuples() const { return scorer_.tuples(); }

  NullLaw law_;
  KeyScorer scorer_;
  std::vector<int32_t> coefficients_;
  std::vector<Level> levels_;
  std::vector<int32_t> weights_;
  std::shared_ptr<const EProcess> process_;
  std::vector<uint64_t> scores_;  // sequential: scratch
  size_t windows_ = 0;
  uint64_t sum_squares_ = 0;
  TrialRows::Kind kind_ = TrialRows::Kind::kFixed;
  double mean_ = 0, deviation_ = 0;
};

// The line-up of a trial: the real key among decoys, the same rows and coefficients for all (M9.1).
struct TrialLineUp {
  TrialOutcome real;
  DecoyRank rank;
  double mean_z = 0, sd_z = 0;  // of the decoys; fixed tests
  // Self-check of statistics.md 9.1: exact tests two-sided, others at most their level.
  LawCheck law{};
};
// Errors   as RunLineUp.
Result<TrialLineUp> RunTrialLineUp(Trial& trial, const Key& real, const DecoyKeys& decoys, uint32_t count);

}  // namespace verdigris::verify
