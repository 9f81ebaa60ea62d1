// Every number of docs/investigating_a_model.md about students of a real model, from their stored answers and readings: log10 p
// of our tests and of the literature's statistics on the same data, and a line for each goal.
//
//   distillation_real_numbers DIR        DIR: datasets/distilled_real
//
// NAME.answers.zst and NAME.reading.zst are a student's, NAME.answers.base.zst and NAME.reading.base.zst what the base says at
// the same positions: the one reference. The base is the teacher without its mark and where the student began.
#include <cmath>
#include <cstdio>
#include <fstream>

#include "tests/experiments/distillation/stored_evidence.h"
#include "tests/experiments/distillation/table.h"
#include "verify/suspect/trial.h"

using namespace verdigris;
using namespace verdigris::testing;
using namespace verdigris::verify;

namespace {

using Rule = CoefficientRule;
constexpr size_t kAll = ~size_t{0} >> 1;

std::string Bytes(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw std::runtime_error(path + ": cannot be read");
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

// A student's stored records and the reference's lists for them.
struct Stored {
  std::vector<DumpRecord> records;
  std::vector<Lists> base;

  Stored(const std::string& folder, const std::string& name) : records(ReadDump(folder + "/" + name + ".zst")) {
    const std::vector<DumpRecord> reference = ReadDump(folder + "/" + name + ".base.zst");
    if (reference.size() != records.size()) throw std::runtime_error(name + ": the reference has other records");
    for (size_t r = 0; r < records.size(); ++r) {
      if (reference[r].output != records[r].output) throw std::runtime_error(name + ": the reference has other outputs");
      Lists& lists = base.emplace_back();
      for (const auto& list : reference[r].lists) lists.Add(KeepTopK(list, list.size(), std::nullopt));
    }
  }
};

class World {
 public:
  explicit World(std::string folder)
      : folder_(std::move(folder)),
        profile_(Must(Profile::Parse(Bytes(folder_ + "/profile.json")))),
        key_(Must(ParseKeyFile(Bytes(folder_ + "/provider.key"), std::nullopt))),
        layers_(Must(Layers::Create(profile_, {&pointer_, 1}))) {}

  bool Has(const std::string& name) const { return std::ifstream(folder_ + "/" + name + ".zst").good(); }

  void Closed(const std::string& student, Table& table) const {
    const Stored stored(folder_, student + ".answers");
    for (const size_t tokens : {size_t{4'000}, size_t{16'000}, kAll}) {
      const std::string cell = "closed " + student + (tokens == kAll ? " all" : " " + std::to_string(tokens / 1000) + "k");
      const auto answers = Evidence(stored, Showing::kClosed, tokens, 0);
      table.Add(cell + ": distinct (literature)", Log10P(answers, Rule::kDistinct));
      table.Add(cell + ": root", Log10P(answers, Rule::kRoot));
      table.Add(cell + ": residual", Log10P(answers, Rule::kResidual));
      for (const size_t k : {20, 5}) {
        table.Add(cell + " top " + std::to_string(k) + ": difference", Log10P(Evidence(stored, Showing::kClosed, tokens, k), Rule::kDifference));
      }
    }
  }

  void Reading(const std::string& student, Table& table) const {
    const Stored stored(folder_, student + ".reading");
    for (const size_t tokens : {size_t{1'000}, size_t{4'000}, size_t{10'000}, kAll}) {
      const std::string cell = "reading " + student + (tokens == kAll ? " all" : " " + std::to_string(tokens / 1000) + "k");
      const auto evidence = Evidence(stored, Showing::kReading, tokens, 20);
      table.Add(cell + ": argmax (literature)", Log10P(evidence, Rule::kFirst));
      table.Add(cell + " top 20: first-difference", Log10P(evidence, Rule::kFirstDifference));
      table.Add(cell + " top 20: first-scaled", Log10P(evidence, Rule::kFirstScaled));
      table.Add(cell + " top 5: first-scaled", Log10P(Evidence(stored, Showing::kReading, tokens, 5), Rule::kFirstScaled));
    }
  }

  // The same tests under 1,000 keys that marked nothing. The chance that a true null fails one of these is 3e-6 a test (three
  // levels, two-sided for exact laws).
  bool Nulls(const std::string& student) const {
    const DecoyKeys decoys(Digest{7}, Digest{7});
    bool held = true;
    const auto judge = [&](const SuspectEvidence& evidence, Rule rule, const char* how) {
      Trial trial = TrialOf(evidence, rule);
      const TrialLineUp line_up = Must(RunTrialLineUp(trial, key_.key, decoys, 1000));
      std::printf("null, 1,000 other keys: %s %s %-17s p <= .1 .01 .001: %llu %llu %llu  %s\n", how, student.c_str(), std::string(RuleName(rule)).c_str(),
                  static_cast<unsigned long long>(line_up.law.levels[0].count), static_cast<unsigned long long>(line_up.law.levels[1].count),
                  static_cast<unsigned long long>(line_up.law.levels[2].count), line_up.law.passed ? "holds" : "FAILS");
      held = held && line_up.law.passed;
    };
    const Stored answers(folder_, student + ".answers"), reading(folder_, student + ".reading");
    judge(Evidence(answers, Showing::kClosed, kAll, 0), Rule::kDistinct, "closed");
    judge(Evidence(answers, Showing::kClosed, kAll, 0), Rule::kResidual, "closed");
    judge(Evidence(answers, Showing::kClosed, kAll, 20), Rule::kDifference, "closed");
    judge(Evidence(reading, Showing::kReading, kAll, 20), Rule::kFirst, "reading");
    judge(Evidence(reading, Showing::kReading, kAll, 20), Rule::kFirstScaled, "reading");
    return held;
  }

 private:
  SuspectEvidence Evidence(const Stored& stored, Showing showing, size_t tokens, size_t lists) const {
    return EvidenceOf(profile_.special_ids(), stored.records, static_cast<size_t>(profile_.window()), showing, tokens, lists, {&stored.base});
  }
  Trial TrialOf(const SuspectEvidence& evidence, Rule rule) const {
    TrialOptions options;
    options.rule = rule;
    return Must(Trial::Create(profile_, layers_, evidence, options));
  }
  double Log10P(const SuspectEvidence& evidence, Rule rule) const { return TrialOf(evidence, rule).Run(key_.key.secret()).log10_p; }

  std::string folder_;
  Profile profile_;
  KeyFile key_;
  const KeyFile* pointer_ = &key_;
  Layers layers_;
};

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 2) return std::fprintf(stderr, "distillation_real_numbers DIR\n"), 2;
  const World world(argv[1]);
  Table table;
  bool held = true;
  for (const std::string student : {"s100", "s50", "s10"}) {
    if (!world.Has(student + ".answers.base")) continue;
    world.Closed(student, table);
    world.Reading(student, table);
    held = world.Nulls(student) && held;
  }
  std::puts("");
  table.Print();
  std::puts("");
  Missed missed;
  const auto goal = [&](const char* name, const std::string& student, const std::string& cell, double log10_p, const std::string& literature) {
    if (world.Has(student + ".answers.base")) {
      missed.Goal(name, table, cell, log10_p, log10_p, literature);
    } else {
      ++missed.count;
      std::printf("%s not run\n", name);
    }
  };
  goal("reading 100%", "s100", "reading s100 all top 20: first-scaled", -300, "reading s100 all: argmax (literature)");
  goal("reading 10%", "s10", "reading s10 all top 20: first-scaled", -80, "reading s10 all: argmax (literature)");
  goal("closed 100% top 20 16k", "s100", "closed s100 16k top 20: difference", -8, "closed s100 16k: distinct (literature)");
  std::printf("1,000 other keys: each test within its null %s\n", held ? "met" : "missed");
  return missed.count == 0 && held ? 0 : 1;
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 2;
}
