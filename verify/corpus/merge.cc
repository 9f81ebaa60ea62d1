// Two passes over the unit files. The first goes by unit id: it checks each file, compares copies, adds up summaries, grows the
// evidence tree and takes down the p of every row. Then everything is known that decides: completeness, m, the findings. The
// second goes by (uri, segment) and writes rows and errors as it reads them. Groups are merged in between (group_state.h).
//
// Under first-seen no unit knows the p of its documents. The tuples of all units are merged first, which leaves each with the
// first place that has it; what documents have first is added up (first_seen.h), and the rows are judged by that.
//
// Tested by tests/verify/corpus/merge_test.cc and first_seen_test.cc.
#include "verify/corpus/merge.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <set>
#include <system_error>
#include <tuple>
#include <unordered_set>

#include "verify/corpus/edges.h"
#include "verify/corpus/findings.h"
#include "verify/corpus/first_seen.h"
#include "verify/corpus/merge_sources.h"
#include "verify/corpus/unit_file.h"
#include "verify/file.h"
#include "verify/law.h"
#include "verify/martingale.h"
#include "verify/power.h"
#include "verify/record/merkle.h"

namespace verdigris::verify {
namespace {

std::string Quantity(uint64_t count, const char* what) { return std::to_string(count) + " " + what + (count == 1 ? "" : "s"); }

// A unit that was taken.
struct Done {
  uint32_t input;
  bool last, broken;
  uint64_t segment;
  size_t copy;
  UnitLayout layout;
};

Result<void> WriteLine(AtomicFile& file, std::string line) {
  file.Write(line += '\n');
  return file.fault();
}

std::string BaselineKey(const std::string& text, const std::vector<std::string>& kids, const std::string& variant) {
  std::string key = text;
  for (const std::string& kid : kids) key += "," + kid;
  return key + "," + variant;
}

class Merger {
 public:
  Merger(const MergeOptions& options, const MergeSources& sources) : options_(options), sources_(sources) {}

  Result<Merged> Run() {
    VERDIGRIS_RETURN_IF_ERROR(CountCalibration());
    VERDIGRIS_RETURN_IF_ERROR(TakeUnits());
    VERDIGRIS_RETURN_IF_ERROR(FindMissing());
    if (options_.calibration && merged_.missing_count == 0) {
      VERDIGRIS_RETURN_IF_ERROR(CheckRoot(*options_.calibration, EvidenceRoot(RunDigest(run_), tree_.Root(), tree_.leaves())));
    }
    const bool write = merged_.missing_count == 0 || options_.partial;
    if (run_.first_seen && write) {
      VERDIGRIS_RETURN_IF_ERROR(AssignTuples());
      VERDIGRIS_RETURN_IF_ERROR(JudgeFirstSeen());
    }
    Summarise();
    if (!write) return std::move(merged_);
    VERDIGRIS_RETURN_IF_ERROR(Decide());
    VERDIGRIS_RETURN_IF_ERROR(ReadBaseline());
    VERDIGRIS_RETURN_IF_ERROR(Write());
    merged_.written = true;
    return std::move(merged_);
  }

 private:
  Result<void> CountCalibration() {
    if (!options_.calibration) return {};
    const Calibration& calibration = *options_.calibration;
    CorpusSummary::Calibrated& out = merged_.summary.calibration.emplace(CorpusSummary::Calibrated());
    std::vector<std::string> kids;
    for (const RunTest& test : run_.tests) kids.insert(kids.end(), test.kids.begin(), test.kids.end());
    VERDIGRIS_ASSIGN_OR_RETURN(out.tests, TestsTried(calibration, sources_.profile(), kids));
    constexpr size_t kLevel = 1;
    out.alpha = std::pow(10, kCalibrationLevels[kLevel]);
    // Under first-seen no two documents share a tuple, however they overlap.
    out.rho = run_.first_seen ? 0 : calibration.overlap.rho();
    out.from = run_.first_seen ? out.alpha : calibration.predicted[kLevel].lower;
    out.to = run_.first_seen ? out.alpha : calibration.predicted[kLevel].upper;
    return {};
  }

  // The number of times that m is counted.
  uint64_t family() const { return options_.family * (merged_.summary.calibration ? merged_.summary.calibration->tests : 1); }

  // ---- first pass

  Result<void> TakeUnits() {
    totals_ = EmptySummary(run_, {});
    for (size_t at = 0; at < copies_.size();) {
      size_t end = at + 1;
      while (end < copies_.size() && copies_[end].unit == copies_[at].unit) ++end;
      VERDIGRIS_RETURN_IF_ERROR(TakeUnit(at));
      if (end > at + 1) VERDIGRIS_RETURN_IF_ERROR(CompareCopies(at, end));
      at = end;
    }
    std::sort(done_.begin(), done_.end(), [](const Done& a, const Done& b) { return std::tie(a.input, a.segment) < std::tie(b.input, b.segment); });
    return {};
  }

  Result<void> TakeUnit(size_t at) {
    const UnitCopy& copy = copies_[at];
    const std::string name = sources_.NameOf(copy);
    VERDIGRIS_ASSIGN_OR_RETURN(const UnitFile file, sources_.Open(copy));
    const UnitSummary& summary = file.summary();
    if (UnitId(summary.unit) != copy.unit) return Fail(ErrorKind::kMalformed, name + ": holds unit " + Hex(UnitId(summary.unit)));
    auto checked = file.Check(&run_, [&](const DocRow& row) -> Result<void> {
      VERDIGRIS_RETURN_IF_ERROR(CheckRow(row));
      if (run_.first_seen) return {};
      const double log10_p = Log10UpperTail(law_, row.n, row.s);
      if (!FindPlace(law_, row.n, row.s, log10_p, run_.tau_hundredths).row) return Fail(ErrorKind::kMalformed, "is of a p above tau");
      return TakeResult(row, log10_p);
    });
    if (!checked) return sources_.In(copy, checked.error());

    const auto input = std::lower_bound(inputs_.begin(), inputs_.end(), summary.unit.uri, [](const ListedInput& a, const std::string& uri) { return a.unit.uri < uri; });
    Unit listed = summary.unit;
    listed.segment = 0;
    if (input == inputs_.end() || !(input->unit == listed)) return Fail(ErrorKind::kMismatch, name + ": of an input that is not on the list of units");
    done_.push_back({static_cast<uint32_t>(input - inputs_.begin()), summary.last, summary.broken, summary.unit.segment, at, file.layout()});

    totals_.counts.Add(summary.counts);
    for (size_t i = 0; i < summary.results.size(); ++i) totals_.results[i].Add(summary.results[i]);
    tree_.Add(AsBytes(file.summary_bytes()));
    return {};
  }

  // Of a row with p <= tau.
  Result<void> TakeResult(const DocRow& row, double log10_p) {
    if (options_.calibration) VERDIGRIS_RETURN_IF_ERROR(CheckText(*options_.calibration, row.text));
    log10_p_.push_back(log10_p);
    if (control() == CorpusControl::kEbh) log10_e_.push_back(Log10Martingale(law_, row.n, row.s));
    return {};
  }

  // Asked in both passes: a file may be changed between them.
  Result<void> CheckRow(const DocRow& row) const {
    if (row.test >= run_.tests.size()) return Fail(ErrorKind::kMalformed, "test must be one of the " + std::to_string(run_.tests.size()) + " of the run");
    if (row.s > LargestStatistic(law_, row.n)) return Fail(ErrorKind::kMalformed, "s is more than " + Quantity(row.n, "score") + " can be");
    return {};
  }

  Result<void> CompareCopies(size_t begin, size_t end) const {
    VERDIGRIS_ASSIGN_OR_RETURN(const auto first, sources_.SourceOf(copies_[begin]));
    for (size_t at = begin + 1; at < end; ++at) {
      VERDIGRIS_ASSIGN_OR_RETURN(const auto other, sources_.SourceOf(copies_[at]));
      VERDIGRIS_ASSIGN_OR_RETURN(const bool same, HoldSameBytes(*first, *other));
      if (!same) return Conflict("unit " + Hex(copies_[begin].unit) + " is not the same in " + sources_.NameOf(copies_[begin]) + " and " + sources_.NameOf(copies_[at]));
    }
    return {};
  }

  // A list may state any number of segments, so what is missing goes to its file as it is found.
  Result<void> FindMissing() {
    std::optional<AtomicFile> file;
    if (!options_.missing.empty()) {
      VERDIGRIS_ASSIGN_OR_RETURN(file, AtomicFile::Create(options_.missing));
    }
    size_t at = 0;
    for (uint32_t input = 0; input < inputs_.size(); ++input) {
      const uint64_t listed = inputs_[input].segments;
      uint64_t expected = 0;  // the next segment
      std::optional<Done> last;
      const auto miss = [&](uint64_t up_to) -> Result<void> {
        merged_.missing_count += std::max(up_to, expected) - expected;
        for (; expected < up_to; ++expected) {
          const bool named = merged_.missing.size() < kMostNamedMissing;
          if (!named && !file) break;
          Unit unit = inputs_[input].unit;
          unit.segment = expected;
          if (file) VERDIGRIS_RETURN_IF_ERROR(WriteLine(*file, UnitJson(unit)));
          if (named) merged_.missing.push_back(std::move(unit));
        }
        return {};
      };
      for (; at < done_.size() && done_[at].input == input; ++at) {
        if (last && !last->broken) return Contradiction(inputs_[input], last->segment, done_[at].segment);
        VERDIGRIS_RETURN_IF_ERROR(miss(done_[at].segment));
        expected = done_[at].segment + 1;
        if (done_[at].last) last = done_[at];
      }
      if (last && !last->broken && listed > last->segment + 1) return Contradiction(inputs_[input], last->segment, listed - 1);
      // Where nobody has seen the end, one more segment at least is missing.
      if (listed > 0) {
        VERDIGRIS_RETURN_IF_ERROR(miss(listed));
      } else if (!last) {
        VERDIGRIS_RETURN_IF_ERROR(miss(expected + 1));
      }
    }
    return file ? file->Commit() : Result<void>();
  }

  static Unexpected Contradiction(const ListedInput& input, uint64_t last, uint64_t other) {
    return Conflict("input '" + input.unit.uri + "' ends in segment " + std::to_string(last) + " and has a segment " + std::to_string(other));
  }

  // ---- first-seen

  Result<void> AssignTuples() {
    std::vector<std::pair<Digest, uint32_t>> places;  // in done_, by unit id
    for (size_t i = 0; i < done_.size(); ++i) places.emplace_back(copies_[done_[i].copy].unit, static_cast<uint32_t>(i));
    std::sort(places.begin(), places.end());
    first_seen_.emplace(options_.output, options_.memory_bytes);
    VERDIGRIS_RETURN_IF_ERROR(MergeTuples(
        [&](const GroupHead& head, const GroupRow& row) -> Result<void> {
          const auto at = std::lower_bound(places.begin(), places.end(), std::pair(row.first.unit, uint32_t{0}));
          if (at == places.end() || at->first != row.first.unit) {
            return Fail(ErrorKind::kMalformed, "a tuple was met first in unit " + Hex(row.first.unit) + ", which is none of these");
          }
          return first_seen_->Add({at->second, row.first.ordinal, row.first.part, head.test}, row.score);
        },
        [](const MergedState&) -> Result<void> { return {}; }));
    return first_seen_->Finish();
  }

  // What units counted by what documents have themselves is counted anew.
  Result<void> JudgeFirstSeen() {
    totals_.results = EmptySummary(run_, {}).results;
    uint64_t documents = 0;
    FirstSeenReader reader = first_seen_->Read();
    for (size_t at = 0; at < done_.size(); ++at) {
      std::optional<std::pair<uint64_t, uint64_t>> before;  // ordinal and part
      VERDIGRIS_RETURN_IF_ERROR(ForEachFirstSeen(at, reader, [&](const DocRow& row) -> Result<void> {
        if (before != std::pair(row.ordinal, row.part)) ++documents;
        before = {row.ordinal, row.part};
        const double log10_p = Log10UpperTail(law_, row.n, row.s);
        const PlaceOfP place = FindPlace(law_, row.n, row.s, log10_p, run_.tau_hundredths);
        Counts counts;
        counts.scored = row.n;
        totals_.results[row.test].Add(counts, place);
        return place.row ? TakeResult(row, log10_p) : Result<void>();
      }));
    }
    totals_.counts.untested += totals_.counts.tested - documents;
    totals_.counts.tested = documents;
    return {};
  }

  // The rows of a unit with n and s of what the document has first, where that is enough to be tested. `reader` stands at the unit.
  Result<void> ForEachFirstSeen(size_t unit, FirstSeenReader& reader, const std::function<Result<void>(const DocRow&)>& on_row) const {
    const UnitCopy& copy = copies_[done_[unit].copy];
    VERDIGRIS_ASSIGN_OR_RETURN(const auto source, sources_.SourceOf(copy));
    const auto malformed = [](const TestedDocument& of, const std::string& why) {
      return Fail(ErrorKind::kMalformed, "ordinal " + std::to_string(of.ordinal) + ", part " + std::to_string(of.part) + ", test " + std::to_string(of.test) + ": " + why);
    };
    const auto without_row = [&](const TestedDocument& of) { return malformed(of, "has tuples and no row"); };
    auto read = ForEachRow(*source, done_[unit].layout, [&](const DocRow& row) -> Result<void> {
      VERDIGRIS_RETURN_IF_ERROR(CheckRow(row));
      const TestedDocument document{static_cast<uint32_t>(unit), static_cast<uint32_t>(row.ordinal), static_cast<uint32_t>(row.part), static_cast<uint32_t>(row.test)};
      VERDIGRIS_ASSIGN_OR_RETURN(const std::optional<FirstSeen> first, reader.Peek());
      if (first && first->document < document) return without_row(first->document);
      if (!first || first->document != document) return {};
      reader.Next();
      if (first->n > row.n) return malformed(document, "has " + Quantity(first->n, "tuple") + ", its n is " + std::to_string(row.n));
      if (first->s > row.s || first->s > LargestStatistic(law_, first->n) || row.s - first->s > LargestStatistic(law_, row.n - first->n)) {
        return malformed(document, "the scores of its tuples are not part of its s");
      }
      if (first->n < run_.min_scored) return {};
      DocRow judged = row;
      judged.n = first->n;
      judged.s = first->s;
      return on_row(judged);
    });
    if (!read) return sources_.In(copy, read.error());
    VERDIGRIS_ASSIGN_OR_RETURN(const std::optional<FirstSeen> next, reader.Peek());
    if (next && next->document.unit == unit) return sources_.In(copy, without_row(next->document).value());
    return {};
  }

  // ---- findings

  CorpusControl control() const { return options_.control.value_or(run_.control); }
  int64_t alpha_e4() const { return options_.alpha_log10_e4.value_or(run_.alpha_log10_e4); }
  double log10_alpha() const { return static_cast<double>(alpha_e4()) / 1e4; }

  void Summarise() {
    CorpusSummary& summary = merged_.summary;
    summary.run = Hex(RunDigest(run_));
    if (merged_.missing_count == 0) summary.root = Hex(EvidenceRoot(RunDigest(run_), tree_.Root(), tree_.leaves()));
    summary.profile = Hex(run_.profile);
    summary.scheme = std::string(sources_.profile().scheme().name);
    summary.alpha_log10 = log10_alpha();
    summary.tau_log10 = run_.log10_tau();
    summary.control = std::string(ControlName(control()));
    summary.first_seen = run_.first_seen;
    summary.units = tree_.leaves();
    summary.partial = merged_.missing_count > 0;
    const UnitCounts& counts = totals_.counts;
    summary.counts = {{"documents", counts.documents}, {"failed", counts.failed}, {"ids_above_vocab", counts.ids_above_vocab},
                      {"invalid_utf8", counts.invalid_utf8}, {"not_text", counts.not_text}, {"parts", counts.parts}, {"tested", counts.tested},
                      {"text_bytes", counts.text_bytes}, {"tokens", counts.tokens}, {"untested", counts.untested}};
    summary.errors = {counts.errors.begin(), counts.errors.end()};
    for (size_t i = 0; i < run_.tests.size(); ++i) {
      const UnitResult& result = totals_.results[i];
      TestSummary test;
      test.kids = run_.tests[i].kids;
      test.variant = run_.tests[i].variant;
      test.m = result.tested;
      test.rows = result.rows;
      test.histogram = result.histogram;
      test.uniform.assign(result.uniform.begin(), result.uniform.end());
      test.lengths = result.lengths;
      summary.tests.push_back(std::move(test));
    }
  }

  Result<void> Decide() {
    std::vector<uint64_t> histogram(static_cast<size_t>(run_.tau_hundredths));
    for (const UnitResult& result : totals_.results) {
      for (size_t bin = 0; bin < histogram.size(); ++bin) histogram[bin] += result.histogram[bin];
    }
    VERDIGRIS_ASSIGN_OR_RETURN(Findings findings, Findings::Decide(control(), TailOf(std::move(log10_p_), histogram, family()), std::move(log10_e_), log10_alpha()));
    findings_.emplace(std::move(findings));
    for (size_t i = 0; i < merged_.summary.tests.size(); ++i) merged_.summary.tests[i].power = PowerOf(totals_.results[i]);
    return {};
  }

  // At the median number of scored tuples, to the power of two below it.
  std::optional<TestSummary::AtMedian> PowerOf(const UnitResult& result) const {
    if (result.tested == 0) return std::nullopt;
    uint64_t below = 0;
    size_t bin = 0;
    while (below + result.lengths[bin] < (result.tested + 1) / 2) below += result.lengths[bin++];
    TestSummary::AtMedian power;
    power.length = uint64_t{1} << bin;
    power.effect = sources_.profile().scheme().reference_effect(sources_.profile());
    power.log10_alpha = findings_->log10_level();
    power.power = PowerAt(law_, power.length, power.effect, power.log10_alpha);
    power.tokens_needed = TokensNeeded(law_, power.effect, power.log10_alpha, .9);
    return power;
  }

  Result<void> ReadBaseline() {
    if (options_.baseline.empty()) return {};
    VERDIGRIS_ASSIGN_OR_RETURN(auto reader, ResultReader<DocumentResult>::Open(options_.baseline));
    DocumentResult row;
    for (;;) {
      VERDIGRIS_ASSIGN_OR_RETURN(const bool more, reader.Next(row));
      if (!more) return {};
      if (row.finding) baseline_.insert(BaselineKey(row.text, row.kids, row.variant));
    }
  }

  // ---- second pass

  Result<void> Write() {
    const std::string folder = options_.output + "/";
    VERDIGRIS_ASSIGN_OR_RETURN(AtomicFile results, AtomicFile::Create(folder + std::string(kResultsFile)));
    VERDIGRIS_ASSIGN_OR_RETURN(AtomicFile errors, AtomicFile::Create(folder + std::string(kErrorsFile)));
    VERDIGRIS_ASSIGN_OR_RETURN(AtomicFile groups, AtomicFile::Create(folder + std::string(kGroupsFile)));
    std::optional<FirstSeenReader> reader;
    if (first_seen_) reader.emplace(first_seen_->Read());
    for (size_t at = 0; at < done_.size(); ++at) {
      const Done& unit = done_[at];
      VERDIGRIS_ASSIGN_OR_RETURN(const auto source, sources_.SourceOf(copies_[unit.copy]));
      const std::string& uri = inputs_[unit.input].unit.uri;
      const auto write = [&](const DocRow& row) { return WriteLine(results, ToJson(ResultOf(row, uri, unit.segment))); };
      if (reader) {
        VERDIGRIS_RETURN_IF_ERROR(ForEachFirstSeen(at, *reader, [&](const DocRow& row) -> Result<void> {
          return FindPlace(law_, row.n, row.s, Log10UpperTail(law_, row.n, row.s), run_.tau_hundredths).row ? write(row) : Result<void>();
        }));
      } else {
        VERDIGRIS_RETURN_IF_ERROR(ForEachRow(*source, unit.layout, [&](const DocRow& row) -> Result<void> {
          if (auto checked = CheckRow(row); !checked) return checked;
          return write(row);
        }));
      }
      VERDIGRIS_RETURN_IF_ERROR(ForEachError(*source, unit.layout, [&](const ErrorEntry& entry) {
        return WriteLine(errors, ToJson(ErrorResult{uri, entry.code, unit.segment, entry.offset, entry.ordinal}));
      }));
    }
    for (size_t i = 0; i < texts_.size(); ++i) merged_.summary.tests[i].distinct_texts = texts_[i].size();
    VERDIGRIS_RETURN_IF_ERROR(WriteGroups(groups));
    VERDIGRIS_RETURN_IF_ERROR(results.Commit());
    VERDIGRIS_RETURN_IF_ERROR(errors.Commit());
    VERDIGRIS_RETURN_IF_ERROR(groups.Commit());
    return WriteFileAtomic(folder + std::string(kSummaryFile), ToJson(merged_.summary));
  }

  DocumentResult ResultOf(const DocRow& row, const std::string& uri, uint64_t segment) {
    const RunTest& test = run_.tests[row.test];
    TestSummary& sum = merged_.summary.tests[row.test];
    DocumentResult out;
    out.uri = uri;
    out.segment = segment;
    out.offset = row.offset;
    out.length = row.length;
    out.ordinal = row.ordinal;
    out.part = row.part;
    out.test = row.test;
    out.id = row.id;
    out.group = row.group;
    out.kids = test.kids;
    out.variant = test.variant;
    out.text = Hex(row.text);
    out.counts = row.counts;
    out.n = row.n;
    out.s = DecimalText(row.s);
    for (const auto& span : row.spans) out.spans.push_back({{span[0], span[1]}, {span[2], span[3]}});
    out.log10_p = Log10UpperTail(law_, row.n, row.s);
    out.log10_q = findings_->Log10Adjusted(out.log10_p);
    out.log10_e = Log10Martingale(law_, row.n, row.s);
    out.finding = findings_->Rejects(out.log10_p, out.log10_e);
    if (out.finding) {
      ++sum.findings;
      texts_.resize(run_.tests.size());
      texts_[row.test].insert(row.text);
      out.baseline = baseline_.contains(BaselineKey(out.text, out.kids, out.variant));
      if (out.baseline) {
        ++sum.baseline;
      } else {
        ++merged_.new_findings;
      }
    }
    if (run_.group.by != "none") ++documents_[{row.group, row.test}];
    return out;
  }

  // The groups of all units, as MergeGroups gives them.
  Result<void> MergeTuples(const std::function<Result<void>(const GroupHead&, const GroupRow&)>& on_row,
                           const std::function<Result<void>(const MergedState&)>& on_state) const {
    std::vector<GroupInput> inputs;
    for (const Done& unit : done_) {
      VERDIGRIS_ASSIGN_OR_RETURN(auto source, sources_.SourceOf(copies_[unit.copy]));
      inputs.push_back(GroupsOf(std::move(source), unit.layout, sources_.NameOf(copies_[unit.copy])));
    }
    auto merged = MergeGroups(std::move(inputs), run_.group, run_.first_seen, options_.output, on_row, on_state);
    if (!merged && merged.error().kind == ErrorKind::kMismatch) return Conflict(merged.error().message);
    return merged;
  }

  // Holm over all groups and tests, so all sums are needed before the first is written.
  Result<void> WriteGroups(AtomicFile& file) {
    if (run_.group.by == "none") return {};
    std::vector<double> log10_p;
    VERDIGRIS_RETURN_IF_ERROR(MergeTuples({}, [&](const MergedState& state) -> Result<void> {
      const uint64_t n = state.sums.n;
      if (state.sums.statistic > LargestStatistic(law_, n)) {
        return Fail(ErrorKind::kMalformed, "group '" + state.head.name + "': the scores are more than " + Quantity(n, "score") + " can be");
      }
      log10_p.push_back(Log10UpperTail(law_, n, state.sums.statistic));
      return {};
    }));
    const Rejections holm = Reject(Control::kHolm, log10_p, log10_p.size() * family(), log10_alpha());
    std::vector<double> adjusted(log10_p.size());
    std::vector<bool> rejected(log10_p.size());
    for (size_t i = 0; i < holm.order.size(); ++i) {
      adjusted[holm.order[i]] = holm.log10_adjusted[i];
      rejected[holm.order[i]] = i < holm.rejected;
    }
    size_t at = 0;
    VERDIGRIS_RETURN_IF_ERROR(MergeTuples({}, [&](const MergedState& state) -> Result<void> {
      GroupResult out;
      out.name = state.head.name;
      out.test = state.head.test;
      out.n = state.sums.n;
      out.s = DecimalText(state.sums.statistic);
      out.full = state.head.full;
      out.sample_log2 = static_cast<uint64_t>(run_.group.sample_log2);
      out.inflation = state.sums.inflation();
      const auto rows = documents_.find({out.name, out.test});
      out.documents = rows == documents_.end() ? 0 : rows->second;
      out.log10_p = log10_p[at];
      out.log10_q = adjusted[at];
      out.finding = rejected[at];
      ++at;
      ++merged_.summary.groups;
      merged_.summary.group_findings += out.finding;
      merged_.new_findings += out.finding;
      return WriteLine(file, ToJson(out));
    }));
    return {};
  }

  const MergeOptions& options_;
  const MergeSources& sources_;
  const RunObject& run_ = sources_.run();
  const NullLaw& law_ = sources_.law();
  const std::vector<ListedInput>& inputs_ = sources_.inputs();
  const std::vector<UnitCopy>& copies_ = sources_.copies();
  Merged merged_;
  std::vector<Done> done_;  // by input and segment
  UnitSummary totals_;
  MerkleTree tree_;
  std::optional<FirstSeenCounts> first_seen_;  // units as they are in done_
  std::vector<double> log10_p_, log10_e_;      // of results
  std::optional<Findings> findings_;
  std::unordered_set<std::string> baseline_;
  std::vector<std::set<std::array<uint8_t, 16>>> texts_;            // of findings, by test
  std::map<std::pair<std::string, uint64_t>, uint64_t> documents_;  // rows of each group and test
};

}  // namespace

Digest EvidenceRoot(const Digest& run, const Digest& tree, uint64_t units) {
  return Sha256(AsBytes(WriteJson(Json::FromMembers(
      {{"run", Hex(run)}, {"schema", "verdigris.evidence-root/1"}, {"tree", Hex(tree)}, {"units", static_cast<int64_t>(units)}}))));
}

Result<Merged> MergeCorpus(const MergeOptions& options) {
  std::error_code error;
  std::filesystem::create_directories(options.output, error);
  if (error) return Fail(ErrorKind::kIo, options.output + ": " + error.message());
  VERDIGRIS_ASSIGN_OR_RETURN(const MergeSources sources, MergeSources::Read(options.directories, options.rows, options.output));
  return Merger(options, sources).Run();
}

}  // namespace verdigris::verify
