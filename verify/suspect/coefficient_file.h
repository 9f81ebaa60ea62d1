// Coefficient files: what each row of a test weighed, so that others can repeat the test without the answers
// (keys-and-evidence.md E7 `weighted`, suspect-models.md M11). JSON lines, each canonical:
//
//   {"a":-3,"id":17,"w":[4,9]}      a not 0; ascending by w and then id, compared as lists of numbers
//
// A sequential test has its rows in the order in which windows entered, ascending by id within one, and says first how it
// bets: {"grid":"step"}, or {"grid":"sd","sum_sq":"52"} with the sum of a^2 before the filter. Where E is the mean over several
// sets of coefficients (M4), that line has also "sets":3, and "a" is a list of so many, not all 0.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "verify/suspect/plan.h"
#include "verify/suspect/trial.h"
#include "watermark/key.h"
#include "watermark/profile.h"
#include "watermark/result.h"

namespace verdigris::verify {

// Gives the lines of a trial's file to `write`, in pieces of about a megabyte.
Result<void> WriteCoefficients(const Trial& trial, size_t window, const std::function<Result<void>(std::string_view)>& write);

class CoefficientRows {
 public:
  // `sequential`: method process; else count or weighted. `window`: h of the profile.
  CoefficientRows(size_t window, bool sequential) : window_(window), sequential_(sequential) {}

  // The rows of a trial, but for those of windows that are left out: one entry a window, in its order; empty: none.
  static CoefficientRows Of(const Trial& trial, size_t window, const std::vector<bool>& left_out);

  // The next line, without its line feed.
  // Errors   kMalformed, naming the member or what is out of order; kUnsupported: a grid that is not known.
  Result<void> AddLine(std::string_view line);
  // After the last. Errors: kMalformed: no grid line, a window twice.
  Result<void> Finish();

  size_t rows() const { return ids_.size(); }
  bool sequential() const { return sequential_; }
  size_t window() const { return window_; }

 private:
  friend Result<TrialOutcome> OutcomeOf(const Profile& profile, const CoefficientRows& rows, std::span<const uint8_t, kKeyBytes> layer_key);
  Result<void> AddGrid(const Json& json);
  void AddRow(const uint32_t* w, uint32_t id, std::span<const int32_t> values);

  size_t window_;
  bool sequential_;
  bool has_grid_ = false, steps_ = false;
  uint64_t sum_squares_ = 0;
  size_t sets_ = 1;
  std::vector<uint32_t> windows_;        // h ids a row
  std::vector<uint32_t> ids_;
  std::vector<std::vector<int32_t>> coefficients_;  // of each set
  std::vector<size_t> window_ends_;      // sequential
};

// Reads a file. Errors: those above with the line; kNotFound, kIo, kLimit.
Result<CoefficientRows> ReadCoefficients(const std::string& path, size_t window, bool sequential);

// Statistic and p of the test under a key, from its coefficients alone: those that the trial has.
// Errors   kMalformed: rows that have no score under this profile: special ids, or ids out of the vocabulary.
Result<TrialOutcome> OutcomeOf(const Profile& profile, const CoefficientRows& rows, std::span<const uint8_t, kKeyBytes> layer_key);

}  // namespace verdigris::verify
