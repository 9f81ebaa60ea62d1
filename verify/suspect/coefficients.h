// What each row of a suspect's evidence weighs (suspect-models.md M2.1, M4): integers, settled without a key. No number in
// here is a float, so two implementations make the same coefficients, to the last unit.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "verify/suspect/evidence.h"
#include "verify/weighted.h"
#include "watermark/result.h"

namespace verdigris::verify {

inline constexpr int32_t kMostCoefficient = 1023;

enum class CoefficientRule {
  kDistinct,         // every id answered after a window once: the literature's statistic
  kRoot,             // square root of the count
  kResidual,         // count minus what the references expect
  kDifference,       // the suspect's probability minus the references'
  kSoft,             // the suspect's probability
  kFirst,            // the most probable id at the first encounter: the literature's statistic of reading
  kFirstSoft,        // the suspect's probability at the first encounter
  kFirstDifference,  // minus the mean reference's
  kFirstScaled,      // the same in units of the reference's spread
};
std::string_view RuleName(CoefficientRule rule);  // "root", "first-scaled"
std::optional<CoefficientRule> FindRule(std::string_view name);

// Whether a test with this rule is sequential: its coefficients are settled window by window in the order of first
// encounter, and its p comes from an e-process (verify/suspect/process.h).
bool IsSequential(CoefficientRule rule);
// kSoft to kFirstScaled but kFirst ask for lists; kResidual, kDifference, kFirstDifference and kFirstScaled for a reference.
bool NeedsLists(CoefficientRule rule);
bool NeedsReference(CoefficientRule rule);

struct CoefficientOptions {
  // Windows of any prompt of the run are left out (statistics.md 3.3 strict).
  bool strict = false;
  // Which references are subtracted, as indices into those of the evidence; none given: all. Fixed rules fit a weight to
  // each, sequential ones take their mean, rounded down.
  std::optional<std::vector<size_t>> references;
  // The evidence itself stands as one more reference, the last (M4); fixed rules alone.
  bool self_reference = false;
};

struct RowCoefficients {
  std::vector<int32_t> values;  // one a row of the evidence, |a| <= 1023
  // B_k / 256 of the references, in [0, 512]; empty where no fit is made.
  std::vector<int32_t> weights;
};

// Coefficients of all rows: the largest numerator that scales them is taken over all rows, whatever layer or filter a test
// looks at later.
//
// Errors   kFailedPrecondition: a rule that needs a reference or lists, and there are none.
Result<RowCoefficients> MakeCoefficients(const SuspectEvidence& evidence, CoefficientRule rule, const CoefficientOptions& options);

// A numerator as an integer of at most 1023, `largest` being the greatest size of all numerators: as it is if that fits,
// else scaled by it, halves away from 0.
int32_t Quantise(Int128 numerator, Int128 largest);

// Least squares of y on up to three references without intercept, as exact rationals, from the sums of products: normal[i][j]
// of references i and j, right[i] of reference i and y, all values shifted right by 16. B_k = floor(256 b_k + 1/2), at most
// 512. The most negative weight is dropped and the rest solved again; a singular system drops its last.
struct NormalEquations {
  size_t references = 0;
  std::array<std::array<Int128, kMaxReferences>, kMaxReferences> normal{};
  std::array<Int128, kMaxReferences> right{};

  void Add(uint64_t y, std::span<const uint64_t> reference_values);
};
std::vector<int32_t> FitReferences(const NormalEquations& equations);

// The expected count of each answered row, from the answers themselves (M4, self-reference): n(w) times the next-token share
// of the window without its oldest id in the same answers, this window left out; h = 1: shares of the tokens. Units of
// 2^-32, rounded down; 0 in rows that were not answered.
std::vector<uint64_t> SelfReference(const SuspectEvidence& evidence);

}  // namespace verdigris::verify
