// The run object: all that decides the numbers of a scan beside its inputs (corpus.md C5). Equal in every shard, without
// time or host.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "verify/finding.h"  // kAsIs
#include "verify/multiplicity.h"
#include "watermark/context.h"  // Rule
#include "watermark/key.h"
#include "watermark/result.h"

namespace verdigris::verify {

inline constexpr size_t kMostTests = 4096;
inline constexpr int kMostTauHundredths = 3000;  // log10 tau from -30 on

// What decides findings (C10): e-BH is no rule over p, so it has no Control.
enum class CorpusControl { kBh, kBy, kEbh, kHolm, kNone };
std::string_view ControlName(CorpusControl control);  // "bh", "by", "ebh", "holm", "none"
std::optional<CorpusControl> ParseControl(std::string_view name);

struct RunTest {
  std::vector<std::string> kids;  // 1 or 2, ascending
  std::string variant{kAsIs};     // or kNormalised
  auto operator<=>(const RunTest&) const = default;
};

struct RunGroup {
  std::string by = "none";  // "host", "source", "path:N", "field:NAME"
  uint64_t keep = 65536;    // 0: all (--exact)
  int sample_log2 = 0;      // 0 to 64
  bool operator==(const RunGroup&) const = default;
};

struct RunObject {
  // In 1e-4 of a decade: -20000 is alpha .01. These two change no unit and are not in the digest.
  int64_t alpha_log10_e4 = -20000;
  CorpusControl control = CorpusControl::kBh;

  bool first_seen = false;  // `assign`; over the whole corpus, so without groups and with every tuple
  std::string dtype;        // "", "u8", "u16", ...
  int64_t eos = -1;         // an id, or -1
  uint64_t evidence = kEvidence;
  RunGroup group;
  uint64_t max_doc_bytes = uint64_t{16} << 20;
  uint64_t min_scored = 50;
  Digest profile{};
  Rule rule = Rule::kFirst;
  std::string selector;             // kid, or empty
  std::optional<Digest> stop_list;
  int tau_hundredths = 300;         // tau = 10^-(this / 100)
  std::vector<RunTest> tests;       // 1 to kMostTests, ascending by (kids, variant)
  std::optional<Digest> tokenizer;  // none where ids are read

  // Raised whenever an integer of a unit file could change for the same input.
  static constexpr uint64_t kEvidence = 1;

  double log10_alpha() const { return static_cast<double>(alpha_log10_e4) / 1e4; }
  double log10_tau() const { return -tau_hundredths / 100.0; }
  // Whether unit files hold tuples: of groups, or for a merge to assign.
  bool holds_tuples() const { return first_seen || group.by != "none"; }
  bool operator==(const RunObject&) const = default;
};

// Whether members are within their bounds; what Write and Parse demand. kInvalidArgument names the member.
Result<void> CheckRun(const RunObject& run);

// The file: one canonical line and LF. Precondition: CheckRun.
std::string RunJson(const RunObject& run);
// Errors   kMalformed naming the member; kUnsupported for another schema, or evidence above kEvidence.
Result<RunObject> ParseRun(std::string_view bytes);

// SHA-256 of the canonical object without alpha_log10 and control.
Digest RunDigest(const RunObject& run);

// kMismatch naming the first member in order of names, and its values in both: "tau_log10 is -3.0000 here, -2.0000 in DIR".
// alpha_log10 and control are not compared.
Result<void> CheckSameRun(const RunObject& here, const RunObject& there, std::string_view where);

}  // namespace verdigris::verify
