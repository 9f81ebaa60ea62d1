// The four files in which a scan or a merge leaves its results (corpus.md C13): results.jsonl, groups.jsonl, errors.jsonl and
// summary.json. What their members are called, how they are written and how they are read stands here and nowhere else.
//
// A row is one line of JSON. p, q and e are JSON numbers, in the shortest form that reads back (command-line.md L4); everything
// else is whole numbers and strings. Readers take what they know and pass over members that they do not: fields are added,
// never renamed. A known member that is absent, stands twice, or is of another type or out of its bounds is an error.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "verify/file.h"
#include "verify/finding.h"  // Counts
#include "watermark/result.h"

namespace verdigris::verify {

inline constexpr std::string_view kResultsFile = "results.jsonl";
inline constexpr std::string_view kGroupsFile = "groups.jsonl";
inline constexpr std::string_view kErrorsFile = "errors.jsonl";
inline constexpr std::string_view kSummaryFile = "summary.json";

// A document that scored p <= tau in one test. `verdigris.document/1`, ordered by (uri, segment, ordinal, part, test).
struct DocumentResult {
  // Tokens [tokens[0], tokens[1]) of the document, and their bytes.
  struct Span {
    std::array<uint64_t, 2> tokens, bytes;
  };

  std::string uri;
  uint64_t segment = 0, offset = 0, length = 0, ordinal = 0, part = 0;
  uint64_t test = 0;  // place in CorpusSummary::tests
  std::string id, group;
  std::vector<std::string> kids;
  std::string variant;
  std::string text;  // first 16 bytes of the document's SHA-256, as 32 hex digits
  Counts counts;
  uint64_t n = 0;  // that the test judged: under first-seen fewer than counts.scored
  std::string s;   // a decimal number; it may pass 2^53
  std::vector<Span> spans;
  double log10_p = 0;
  std::optional<double> log10_q;  // adjusted p; none where the stored tail does not settle it, or nothing is controlled
  double log10_e = 0;
  bool finding = false;   // rejected by the control
  bool baseline = false;  // and known before
};

// `verdigris.group/1`.
struct GroupResult {
  std::string name;
  uint64_t test = 0, n = 0;
  std::string s;
  bool full = false;  // more tuples were there than were kept
  uint64_t sample_log2 = 0;
  double inflation = 1;  // sum c^2 / sum c
  uint64_t documents = 0;
  double log10_p = 0;
  std::optional<double> log10_q;
  bool finding = false;
};

// A record, or with `segment`, `offset` and `ordinal` none an input as a whole, that was not tested.
struct ErrorResult {
  std::string uri, code;
  std::optional<uint64_t> segment, offset, ordinal;
};

struct TestSummary {
  std::vector<std::string> kids;
  std::string variant;
  uint64_t m = 0;           // documents tested, with which the control reckons
  uint64_t rows = 0;        // of them in results.jsonl
  uint64_t findings = 0;    // of them rejected, those of the baseline included
  uint64_t baseline = 0;    // of them known before
  uint64_t distinct_texts = 0;  // among the findings
  std::vector<uint64_t> histogram;  // p above tau: entry i counts p in (10^-((i+1)/100), 10^-(i/100)]
  std::vector<uint64_t> uniform;    // 20 bins (j/20, (j+1)/20] of all p
  std::vector<uint64_t> lengths;    // documents with [2^j, 2^(j+1)) scored tuples
  // At the median length and the level that a document needed to be a finding.
  struct AtMedian {
    uint64_t length = 0;
    double effect = 0, log10_alpha = 0, power = 0;
    std::optional<uint64_t> tokens_needed;
  };
  std::optional<AtMedian> power;  // none where nothing was tested
};

// `verdigris.corpus/1`.
struct CorpusSummary {
  std::string run;      // run digest, 64 hex digits
  std::string root;     // evidence root, 64 hex digits; empty where the results are partial
  std::string profile;  // SHA-256 of the profile
  std::string scheme;   // its scheme, such as "green"
  double alpha_log10 = 0, tau_log10 = 0;
  std::string control;  // "bh", ...
  bool first_seen = false;  // `assign`, where it is that: each tuple counts in the first document that has it alone
  uint64_t units = 0;
  bool partial = false;
  // By name: documents failed ids_above_vocab invalid_utf8 not_text parts tested text_bytes tokens untested.
  std::map<std::string, uint64_t> counts;
  std::map<std::string, uint64_t> errors;  // by code
  std::vector<TestSummary> tests;
  uint64_t groups = 0, group_findings = 0;
  // What a calibration with the same keys says: how many tests it chose among, which m counts, and how far a key's rate of p <= alpha
  // strays from alpha where documents overlap as they did there: 5 to 95 % of keys (statistics.md 9.2).
  struct Calibrated {
    uint64_t tests = 1;
    double rho = 0, alpha = 0, from = 0, to = 0;
  };
  std::optional<Calibrated> calibration;
};

// One line each, without the line feed.
std::string ToJson(const DocumentResult& row);
std::string ToJson(const GroupResult& row);
std::string ToJson(const ErrorResult& row);
// The whole file, line feed included.
std::string ToJson(const CorpusSummary& summary);

// Errors   kMalformed with the member at fault; kUnsupported for another schema.
Result<DocumentResult> ParseDocumentResult(std::string_view line);
Result<GroupResult> ParseGroupResult(std::string_view line);
Result<ErrorResult> ParseErrorResult(std::string_view line);
Result<CorpusSummary> ParseCorpusSummary(std::string_view bytes);

// The rows of one result file, one after another, in memory that does not grow.
template <class Row>
class ResultReader {
 public:
  static Result<ResultReader> Open(const std::string& path);
  // False at the end. Errors name file and line.
  Result<bool> Next(Row& row);

 private:
  explicit ResultReader(LineReader lines) : lines_(std::move(lines)) {}
  LineReader lines_;
};

}  // namespace verdigris::verify
