// The result of a calibration as a file, `verdigris.calibration/1`: canonical JSON (E2), one value and LF. `detect
// --calibration` reads it, and refuses to test the texts that a key was chosen on.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "verify/multiplicity.h"
#include "verify/overlap.h"
#include "watermark/context.h"
#include "watermark/key.h"
#include "watermark/profile.h"
#include "watermark/result.h"

namespace verdigris::verify {

inline constexpr std::array<double, 4> kCalibrationLevels = {-1, -2, -3, -4};  // log10 alpha
inline constexpr size_t kMostCalibrationTexts = 1'000'000;
inline constexpr size_t kMostCalibrationGroups = 4096;  // what is beyond them is one group more, kOtherGroup
inline constexpr double kCalibrationBandLevel = 0.99;

enum class Assign { kDocument, kFirstSeen };  // statistics.md 3.2

// What is measured on documents: on all of a corpus, or on those of a group.
struct CalibrationPart {
  struct Rate {
    uint64_t count = 0;  // documents with p <= alpha
    Band band{0, 1};     // Clopper-Pearson, 99 %; a description where documents share tuples
  };
  // One test: the keys whose layers it adds up.
  struct Test {
    std::vector<std::string> kids;
    uint64_t tested = 0;  // documents
    std::array<Rate, kCalibrationLevels.size()> rates{};
  };

  uint64_t documents = 0;
  Overlap overlap;
  std::array<Band, kCalibrationLevels.size()> predicted{};  // rates that rho predicts between 5 and 95 % of keys
  std::vector<Test> tests;
  std::optional<uint64_t> stop_bound;  // greatest b of statistics.md 9.2, where rho is above .01 and sample_log2 is 0
};

struct Calibration : CalibrationPart {
  using Text = std::array<uint8_t, 16>;  // first half of a document's SHA-256

  // Random keys on the same documents.
  struct RandomKeys {
    uint64_t keys = 0;
    uint64_t tested = 0;  // documents under each
    std::array<Band, kCalibrationLevels.size()> rates{};  // between 5 and 95 % of the keys
    uint64_t pooled_n = 0;                                // distinct tuples of the corpus, or of a sample of them
    std::array<uint64_t, 3> pooled_counts{};              // keys with p <= .1, .01, .001 over all of them
    bool passed = true;                                   // the self-check of these counts
  };
  struct Group : CalibrationPart {
    std::string name;
    std::optional<std::array<Band, kCalibrationLevels.size()>> random_rates;  // as RandomKeys::rates
  };

  Digest scheme_id{}, profile{}, content{};
  std::optional<Digest> root;  // evidence root of the corpus (corpus.md C9)
  Rule rule = Rule::kFirst;
  Assign assign = Assign::kDocument;
  uint64_t min_scored = 0;
  uint64_t tokens = 0;
  int sample_log2 = 0;  // overlaps are of tuples below 2^(128 - sample_log2)
  std::optional<RandomKeys> random_keys;
  std::vector<Group> groups;  // by name
  std::vector<Text> texts;    // ascending
};

std::string WriteCalibration(const Calibration& calibration);

// Errors   kLimit, kUnsupported (another version), kMalformed for everything else; the message names the member.
Result<Calibration> ParseCalibration(std::string_view bytes);

// After this calibration, what may be tested under its keys (V1, statistics.md P19)? Not its own corpus, nor a text out of it.

// The number of tests that it chose among, by which p must be multiplied.
// Errors   kMismatch: another scheme; keys that the calibration did not try.
Result<uint64_t> TestsTried(const Calibration& calibration, const Profile& profile, std::span<const std::string> kids);
// kMismatch where a text with this SHA-256, of which the first half decides, is of its corpus.
Result<void> CheckText(const Calibration& calibration, std::span<const uint8_t> sha256);
// kMismatch where this is the evidence root of its corpus.
Result<void> CheckRoot(const Calibration& calibration, const Digest& root);

// All that is known of a text at once, by number of tests.
// `content`: digest of the corpus to be tested; `texts`: SHA-256 of each document of it. Either may stand alone.
Result<uint64_t> KeysTried(const Calibration& calibration, const Profile& profile, std::span<const std::string> kids,
                           const Digest& content, std::span<const Digest> texts);

}  // namespace verdigris::verify
