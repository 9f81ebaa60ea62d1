// What an investigation comes to before any key is used: its tests with their keys and filters, and the evidence that they look
// at. verify/suspect/verdict.cc judges it.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "verify/suspect/verdict.h"

namespace verdigris::verify {

inline constexpr double kLog10Marked = -3;  // p of a reference model or a prompt that counts as marked
inline constexpr size_t kMostDomains = 16;  // of the sensitivity rows

// Which texts a test looks at.
enum class TextScope { kAnswers, kUnmarked, kMarked, kLog };

TextScope ScopeOf(bool reading, CoefficientRule rule, Order order);

// "residual, account layer of acct-7"
std::string TestName(std::string_view rule, Layer layer, const std::string& label);

// A test as it is run: those of the plan, and the literature's statistic beside them.
struct TestRun {
  InvestigationTest test;
  TextScope scope;
  const KeyFile* key;
  Layers layers;
  const Filter* filter = nullptr;
};

struct Gathered {
  std::map<TextScope, SuspectEvidence> whole;
  std::map<std::pair<size_t, bool>, SuspectEvidence> parts;  // of the scope of answers or unmarked texts: domain, odd
  std::optional<SuspectEvidence> unexcluded;                 // without the exclusion of prompts
  bool has_parts = false;
  RecordTallies tallies;
  uint64_t records = 0;
  Counts counts;
  uint64_t prompt_positions = 0;
  Digest corpus{};

  const SuspectEvidence& Of(TextScope scope) const { return whole.at(scope); }
};

class Case {
 public:
  // Windows of all prompts are left out where the plan says so, or where prompts carry the mark (M9.4).
  struct Strictness {
    bool strict = false, prompts_marked = false;
  };
  static Result<Case> Create(const InvestigationInputs& inputs);

  const InvestigationContent& content() const { return in_->records.files->investigation.content(); }
  const Plan& plan() const { return in_->records.files->plan; }
  const Profile& profile() const { return *in_->records.profile; }
  const std::vector<TestRun>& runs() const { return runs_; }

  Result<Gathered> Gather(const std::vector<std::string>& elsewhere, uint64_t lines, bool parts, const std::string& corpus_path) const;
  // Every test under its real key; log10 of the smallest 1000 p / share.
  Result<double> SmallestP(const Gathered& gathered, const Strictness& strictness) const;
  // Prompts read as text, under each key.
  struct PromptResult {
    const KeyFile* key;
    Layer layer;
    uint64_t scored;
    double log10_p;
  };
  Result<std::vector<PromptResult>> ScorePrompts() const;
  Strictness StrictnessOf(const std::vector<PromptResult>& prompts) const {
    const bool marked = std::any_of(prompts.begin(), prompts.end(), [](const PromptResult& result) { return result.log10_p <= kLog10Marked; });
    return {content().controls.strict || marked, marked};
  }

  Result<TrialOptions> Options(const InvestigationTest& test, bool strict) const;
  Result<Trial> TrialOf(const TestRun& run, const SuspectEvidence& evidence, bool strict) const;
  // Tests of unmarked texts that turn out to be marked have nothing left to look at.
  static bool Barred(const TestRun& run, const Strictness& strictness) { return strictness.prompts_marked && run.scope == TextScope::kUnmarked; }
  bool Decides(const TestRun& run, uint64_t scored) const { return run.test.share > 0 && scored >= plan()->min_scored; }

  // Expected z of the plan at `tokens` answer tokens, or at the texts that were read, and the power of the first test there.
  double Effect(const Gathered& gathered) const;
  double Power(double effect) const;

 private:
  explicit Case(const InvestigationInputs& inputs) : in_(&inputs) {}
  SuspectEvidence Empty(uint64_t memory_bytes) const;

  const InvestigationInputs* in_;
  std::vector<TestRun> runs_;
  std::vector<ReferenceModel> references_;
  std::map<std::string, size_t, std::less<>> reference_places_;
  std::set<std::string, std::less<>> self_references_;
};

}  // namespace verdigris::verify
