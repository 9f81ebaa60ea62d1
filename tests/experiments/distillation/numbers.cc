// Every number of the reference experiment that docs/investigating_a_model.md quotes, from the stored answers and readings of
// the students (datasets/distilled): log10 p of our tests and of the literature's statistic on the same answers, and a line
// for each goal.
//
//   distillation_numbers DIR [--slow] > numbers.txt
//
// DIR: datasets/distilled. --slow: every one of 10,000 accounts has a log of 4,000 tokens, instead of about 1,000 rows.
// References: T, the teacher without its mark; B, the base that students were trained from. Both run here, over the stored
// ids. p: exact where it says closed, anytime where it says reading.
#include <chrono>
#include <cstdio>
#include <cstring>
#include <algorithm>

#include "tests/experiments/distillation/suspect_world.h"
#include "tests/experiments/distillation/table.h"
#include "verify/multiplicity.h"
#include "verify/suspect/trial.h"

using namespace verdigris;
using namespace verdigris::testing;
using namespace verdigris::verify;

namespace {

using Rule = CoefficientRule;
using References = std::optional<std::vector<size_t>>;  // which of T (0) and B (1); none: both
const References kT = std::vector<size_t>{0}, kB = std::vector<size_t>{1}, kBoth = std::nullopt;

struct World {
  PocketWorld pocket = LoadPocketWorld();
  SpecialIds special{pocket.tokenizer->special_ids(), pocket.tokenizer->vocab()};
  std::string folder;
  verify::ReferenceModel teacher, base;

  explicit World(const std::string& from)
      : folder(from), teacher(ReferenceModelOf(pocket, VERDIGRIS_SOURCE_DIR "/datasets/pocket_lm")), base(ReferenceModelOf(pocket, from + "/base")) {}
};

// One student's stored answers or reading, and what the references make of them.
struct Stored {
  std::vector<DumpRecord> records;
  std::vector<Lists> t, b;
};

Stored LoadStored(const World& world, const std::string& name, size_t t_tokens, size_t b_tokens) {
  Stored stored{ReadDump(world.folder + "/" + name + ".zst"), {}, {}};
  stored.t = ReferencesOf(world.teacher, stored.records, t_tokens);
  stored.b = ReferencesOf(world.base, stored.records, b_tokens);
  return stored;
}

// The provider's key of a seed, on a profile.
struct Provider {
  Profile profile;
  std::vector<KeyFile> keys;
  Layers layers;

  Provider(const World& world, int64_t window, uint32_t seed)
      : profile(DistillationProfile(world.pocket, window, false)), keys(DistillationKeys(profile, seed, {})), layers(LayersOf()) {}
  std::span<const uint8_t, kKeyBytes> secret() const { return keys[0].key.secret(); }

 private:
  Layers LayersOf() const {
    const KeyFile* pointer = &keys[0];
    return Must(Layers::Create(profile, {&pointer, 1}));
  }
};

Trial TrialOf(const Provider& provider, const SuspectEvidence& evidence, Rule rule, const References& references) {
  TrialOptions options;
  options.rule = rule;
  options.coefficients.references = references;
  return Must(Trial::Create(provider.profile, provider.layers, evidence, options));
}

double Log10P(const Provider& provider, const SuspectEvidence& evidence, Rule rule, const References& references = kT) {
  return TrialOf(provider, evidence, rule, references).Run(provider.secret()).log10_p;
}

void Closed10(const World& world, uint32_t seed, Table& table, std::vector<double>& tokens_needed) {
  const Provider provider(world, 2, seed);
  const Stored stored = LoadStored(world, "h2_10_s" + std::to_string(seed) + ".answers", 205'000, 41'000);
  {
    const auto evidence = EvidenceOf(world.special, stored.records, 2, Showing::kClosed, 205'000, 0, {&stored.t});
    table.Add("closed h2 10% 205k: distinct (literature)", Log10P(provider, evidence, Rule::kDistinct));
    table.Add("closed h2 10% 205k: root", Log10P(provider, evidence, Rule::kRoot));
    table.Add("closed h2 10% 205k: residual T", Log10P(provider, evidence, Rule::kResidual));
  }
  const auto listed = [&](size_t tokens, size_t k) { return EvidenceOf(world.special, stored.records, 2, Showing::kClosed, tokens, k, {&stored.t, &stored.b}); };
  {
    const auto evidence = listed(41'000, 20);
    table.Add("closed h2 10% 41k top 20: distinct (literature)", Log10P(provider, evidence, Rule::kDistinct));
    table.Add("closed h2 10% 41k top 20: soft", Log10P(provider, evidence, Rule::kSoft));
    table.Add("closed h2 10% 41k top 20: residual T+B", Log10P(provider, evidence, Rule::kResidual, kBoth));
    table.Add("closed h2 10% 41k top 20: difference T", Log10P(provider, evidence, Rule::kDifference, kT));
    table.Add("closed h2 10% 41k top 20: difference B", Log10P(provider, evidence, Rule::kDifference, kB));
    table.Add("closed h2 10% 41k top 20: difference T+B", Log10P(provider, evidence, Rule::kDifference, kBoth));
  }
  table.Add("closed h2 10% 41k top 5: difference T+B", Log10P(provider, listed(41'000, 5), Rule::kDifference, kBoth));
  std::vector<double> looks;
  double needed = 82'000;  // not within what is stored
  for (const size_t size : {2'500, 5'000, 10'000, 20'000, 41'000}) {
    const double log10_p = Log10P(provider, listed(size, 20), Rule::kDifference, kBoth);
    table.Add("closed h2 10% " + std::to_string(size) + " tokens top 20: difference T+B", log10_p);
    looks.push_back(log10_p);
    if (Log10AfterLooks(looks) <= -6) needed = std::min<double>(needed, size);
  }
  tokens_needed.push_back(needed);
}

void Reading(const World& world, uint32_t seed, const std::string& share, size_t window, Table& table) {
  const Provider provider(world, static_cast<int64_t>(window), seed);
  const std::string name = "h" + std::to_string(window) + "_" + share + "_s" + std::to_string(seed), cell = "reading h" + std::to_string(window) + " " + share + "% ";
  const Stored stored = LoadStored(world, name + ".reading", ~size_t{0} >> 1, ~size_t{0} >> 1);
  const auto listed = std::find_if(stored.records.begin(), stored.records.end(), [](const DumpRecord& record) { return !record.lists.empty(); });
  const size_t stored_ids = listed->lists.front().size();
  for (const size_t k : {stored_ids, size_t{20}, size_t{5}}) {
    if (k > stored_ids) continue;
    const auto evidence = EvidenceOf(world.special, stored.records, window, Showing::kReading, ~size_t{0} >> 1, k, {&stored.t, &stored.b});
    const std::string top = cell + "top " + std::to_string(k) + ": ";
    if (k == stored_ids) {
      table.Add(cell + "windows", static_cast<double>(TrialOf(provider, evidence, Rule::kFirst, kT).windows()));
      table.Add(cell + "argmax (literature)", Log10P(provider, evidence, Rule::kFirst));
      table.Add(cell + "first-soft", Log10P(provider, evidence, Rule::kFirstSoft));
      table.Add(cell + "first-difference T+B", Log10P(provider, evidence, Rule::kFirstDifference, kBoth));
      table.Add(top + "first-scaled T", Log10P(provider, evidence, Rule::kFirstScaled, kT));
      table.Add(top + "first-scaled B", Log10P(provider, evidence, Rule::kFirstScaled, kB));
    }
    table.Add(top + "first-scaled T+B", Log10P(provider, evidence, Rule::kFirstScaled, kBoth));
  }
}

void ClosedWithLists(const World& world, const std::string& name, int64_t window, uint32_t seed, const std::string& cell, Table& table) {
  const Provider provider(world, window, seed);
  const Stored stored = LoadStored(world, name + ".answers", 41'000, 41'000);
  const auto answers = EvidenceOf(world.special, stored.records, static_cast<size_t>(window), Showing::kClosed, 41'000, 0, {&stored.t, &stored.b});
  table.Add(cell + ": distinct (literature)", Log10P(provider, answers, Rule::kDistinct));
  table.Add(cell + ": residual T", Log10P(provider, answers, Rule::kResidual, kT));
  table.Add(cell + ": residual T+B", Log10P(provider, answers, Rule::kResidual, kBoth));
  if (!stored.records.front().listed) return;
  const auto lists = EvidenceOf(world.special, stored.records, static_cast<size_t>(window), Showing::kClosed, 41'000, 20, {&stored.t, &stored.b});
  table.Add(cell + " top 20: difference T", Log10P(provider, lists, Rule::kDifference, kT));
  table.Add(cell + " top 20: difference T+B", Log10P(provider, lists, Rule::kDifference, kBoth));
}

// G7. A student that saw nothing marked, under the key of its seed and 1,000 decoys: does each test keep its null? The
// chance that a true null fails one of these is 3e-6 a test (three levels, two-sided for exact laws).
bool Nothing(const World& world, Table& table) {
  const Provider provider(world, 2, 1);
  const DecoyKeys decoys(Digest{7}, Digest{7});
  bool held = true;
  const auto judge = [&](const std::string& cell, Trial trial) {
    const TrialLineUp line_up = Must(RunTrialLineUp(trial, provider.keys[0].key, decoys, 1000));
    table.Add(cell, line_up.real.log10_p);
    std::printf("null, 1,000 keys: %-44s p <= .1 .01 .001: %llu %llu %llu  mean z %.3f sd %.3f  %s\n", cell.c_str(),
                static_cast<unsigned long long>(line_up.law.levels[0].count), static_cast<unsigned long long>(line_up.law.levels[1].count),
                static_cast<unsigned long long>(line_up.law.levels[2].count), line_up.mean_z, line_up.sd_z, line_up.law.passed ? "holds" : "FAILS");
    held = held && line_up.law.passed;
  };
  {
    const Stored stored = LoadStored(world, "h2_0_s1.answers", 205'000, 41'000);
    const auto many = EvidenceOf(world.special, stored.records, 2, Showing::kClosed, 205'000, 0, {&stored.t});
    judge("closed h2 0% 205k: distinct (literature)", TrialOf(provider, many, Rule::kDistinct, kT));
    judge("closed h2 0% 205k: root", TrialOf(provider, many, Rule::kRoot, kT));
    judge("closed h2 0% 205k: residual T", TrialOf(provider, many, Rule::kResidual, kT));
    const auto lists = EvidenceOf(world.special, stored.records, 2, Showing::kClosed, 41'000, 20, {&stored.t, &stored.b});
    judge("closed h2 0% 41k top 20: difference T", TrialOf(provider, lists, Rule::kDifference, kT));
    judge("closed h2 0% 41k top 20: difference T+B", TrialOf(provider, lists, Rule::kDifference, kBoth));
  }
  const Stored stored = LoadStored(world, "h2_0_s1.reading", ~size_t{0} >> 1, ~size_t{0} >> 1);
  const auto reading = EvidenceOf(world.special, stored.records, 2, Showing::kReading, ~size_t{0} >> 1, 20, {&stored.t, &stored.b});
  judge("reading h2 0%: argmax (literature)", TrialOf(provider, reading, Rule::kFirst, kT));
  judge("reading h2 0% top 20: first-scaled T", TrialOf(provider, reading, Rule::kFirstScaled, kT));
  judge("reading h2 0% top 20: first-scaled T+B", TrialOf(provider, reading, Rule::kFirstScaled, kBoth));
  return held;
}

// Innocents that fool others: the base, prompted with marked text, and a base that copies what followed the same window with
// weight .3. Naive counting takes every token of every answer as a trial of its own.
void Prompted(const World& world, int64_t window, const std::string& name) {
  const Provider provider(world, window, 1);
  const Stored stored = LoadStored(world, name + ".answers", 41'000, 0);
  uint64_t n = 0, green = 0;
  for (const DumpRecord& record : stored.records) {
    for (size_t t = static_cast<size_t>(window); t < record.output.size(); ++t) {
      const uint32_t* at = record.output.data() + t - window;
      uint64_t score = 0;
      provider.layers.Score(provider.profile, Layer::kProvider, &at, &record.output[t], 1, &score);
      green += score;
      ++n;
    }
  }
  const double naive = (static_cast<double>(green) - static_cast<double>(n) / 4) / std::sqrt(static_cast<double>(n) * 3 / 16);
  const auto evidence = EvidenceOf(world.special, stored.records, static_cast<size_t>(window), Showing::kClosed, 41'000, 0, {&stored.t});
  TrialOptions options;
  options.rule = Rule::kResidual;
  options.coefficients.strict = true;
  const TrialOutcome ours = Must(Trial::Create(provider.profile, provider.layers, evidence, options)).Run(provider.secret());
  std::printf("innocent %-24s h%lld: naive counting z %.1f of %llu tokens (log10 p %.1f), ours z %.2f log10 p %.2f\n", name.c_str(), static_cast<long long>(window),
              naive, static_cast<unsigned long long>(n), Log10UpperTail(NullLaw::Bernoulli(1, 4), n, green), ours.z, ours.log10_p);
}

// G8. Ten accounts whose answers the student was trained on, among 10,000, each tested under its own key on its own log.
// Those of the others are pieces of another seed's log, read by the same student; their keys are their own.
bool Accounts(const World& world, bool slow) {
  constexpr uint32_t kAccounts = 10'000, kUsed = 10;
  constexpr size_t kTokens[kUsed] = {4'000, 6'000, 8'000, 10'000, 12'000, 16'000, 20'000, 24'000, 32'000, 40'000};
  const Profile profile = DistillationProfile(world.pocket, 2, true);
  const Stored used = LoadStored(world, "accounts.reading", ~size_t{0} >> 1, ~size_t{0} >> 1);
  const Stored other = LoadStored(world, "accounts_other.reading", ~size_t{0} >> 1, ~size_t{0} >> 1);
  const auto judge = [&](const Stored& stored, size_t first, size_t last, uint32_t account, size_t lists) {
    Stored part;
    const auto cut = [&](const auto& all) { return std::decay_t<decltype(all)>(all.begin() + static_cast<std::ptrdiff_t>(first), all.begin() + static_cast<std::ptrdiff_t>(last)); };
    part.records = cut(stored.records);
    part.t = cut(stored.t);
    part.b = cut(stored.b);
    const auto evidence = EvidenceOf(world.special, part.records, 2, Showing::kReading, ~size_t{0} >> 1, lists, {&part.t, &part.b});
    const auto keys = DistillationKeys(profile, 1, account);
    std::vector<const KeyFile*> pointers;
    for (const KeyFile& key : keys) pointers.push_back(&key);
    TrialOptions options;
    options.rule = Rule::kFirstScaled;
    options.layer = Layer::kAccount;
    return Must(Trial::Create(profile, Must(Layers::Create(profile, pointers)), evidence, options)).Run(keys.back().key.secret()).log10_p;
  };
  std::vector<double> log10_p(kAccounts);
  size_t first = 0;
  for (uint32_t account = 0; account < kUsed; ++account) {
    size_t last = first, tokens = 0;
    for (; last < used.records.size() && tokens < kTokens[account]; ++last) tokens += used.records[last].output.size();
    log10_p[account] = judge(used, first, last, account, 20);
    first = last;
  }
  const size_t share = slow ? 20 : 2;  // answers a log, of 5 ids a position; 2: some 1,000 rows
  for (uint32_t account = kUsed; account < kAccounts; ++account) {
    const size_t start = account * share % (other.records.size() - share);
    log10_p[account] = judge(other, start, start + share, account, 5);
  }
  const Rejections holm = Reject(Control::kHolm, log10_p, kAccounts, -2);
  const std::vector<size_t> named(holm.order.begin(), holm.order.begin() + static_cast<std::ptrdiff_t>(holm.rejected));
  bool all_of_8000 = true;
  for (uint32_t account = 0; account < kUsed; ++account) {
    const bool is_named = std::find(named.begin(), named.end(), account) != named.end();
    std::printf("account %u, %zu tokens used: log10 p %.1f, %s\n", account, kTokens[account], log10_p[account], is_named ? "named" : "not named");
    all_of_8000 = all_of_8000 && (is_named || kTokens[account] < 8'000);
  }
  const auto innocent = std::count_if(named.begin(), named.end(), [](size_t account) { return account >= kUsed; });
  std::printf("of %u accounts that were not used: %td named, least log10 p %.2f\n", kAccounts - kUsed, innocent,
              *std::min_element(log10_p.begin() + kUsed, log10_p.end()));
  return all_of_8000 && innocent == 0;
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc < 2) return std::fprintf(stderr, "distillation_numbers DIR [--slow]\n"), 2;
  const bool slow = argc > 2 && std::strcmp(argv[2], "--slow") == 0;
  const World world(argv[1]);
  const auto exists = [&](const std::string& name) { return std::ifstream(world.folder + "/" + name + ".zst").good(); };
  Table table;
  std::vector<double> tokens_needed;
  for (uint32_t seed = 1; seed <= 5; ++seed) {
    const std::string s = "_s" + std::to_string(seed);
    if (exists("h2_10" + s + ".answers")) Closed10(world, seed, table, tokens_needed);
    if (exists("h1_10" + s + ".answers")) ClosedWithLists(world, "h1_10" + s, 1, seed, "closed h1 10% 41k", table);
    if (exists("h2_10" + s + ".reading")) Reading(world, seed, "10", 2, table);
    if (exists("h2_1" + s + ".reading")) Reading(world, seed, "1", 2, table);
    if (seed > 1 && exists("h2_0" + s + ".answers")) ClosedWithLists(world, "h2_0" + s, 2, seed, "closed h2 0% 41k", table);  // 1: below
    std::fprintf(stderr, "seed %u read\n", seed);
  }
  for (const char* share : {"5", "50", "100"}) {
    const std::string name = std::string("h2_") + share + "_s6";
    if (exists(name + ".answers")) ClosedWithLists(world, name, 2, 6, std::string("closed h2 ") + share + "% 41k", table);
  }
  if (exists("h3_10_s1.answers")) ClosedWithLists(world, "h3_10_s1", 3, 1, "closed h3 10% 41k", table);
  if (exists("scratch_h1_10_s1.answers")) ClosedWithLists(world, "scratch_h1_10_s1", 1, 1, "closed h1 10% 41k, without a base", table);
  if (exists("h3_10_s1.reading")) Reading(world, 1, "10", 3, table);
  const bool nothing = Nothing(world, table);
  for (const int64_t window : {1, 2}) {
    for (const char* kind : {"prompted", "copying"}) {
      const std::string name = std::string(kind) + "_h" + std::to_string(window);
      if (exists(name + ".answers")) Prompted(world, window, name);
    }
  }
  const bool accounts = Accounts(world, slow);
  std::puts("");
  table.Print();
  std::puts("");

  Missed missed;
  missed.Goal("G1", table, "closed h2 10% 205k: residual T", std::min(-4.5, table.Median("closed h2 10% 205k: distinct (literature)") - 2), -2,
              "closed h2 10% 205k: distinct (literature)");
  missed.Goal("G2 T+B", table, "closed h2 10% 41k top 20: difference T+B", -14, -10, "closed h2 10% 41k top 20: distinct (literature)");
  missed.Goal("G2 T", table, "closed h2 10% 41k top 20: difference T", -7, -4, "closed h2 10% 41k top 20: distinct (literature)");
  std::sort(tokens_needed.begin(), tokens_needed.end());
  const double median = tokens_needed[(tokens_needed.size() - 1) / 2];
  const bool g3 = median <= 40'000 && tokens_needed.back() <= 80'000;
  missed.count += !g3;
  std::printf("G3 median %.0f tokens (goal 40000) worst %.0f (goal 80000) %s\n", median, tokens_needed.back(), g3 ? "met" : "missed");
  missed.Goal("G4 no lists", table, "closed h1 10% 41k: residual T", -30, -20, "closed h1 10% 41k: distinct (literature)");
  missed.Goal("G4 top 20", table, "closed h1 10% 41k top 20: difference T+B", -120, -80, "closed h1 10% 41k: distinct (literature)");
  missed.Goal("G5 10%", table, "reading h2 10% top 32: first-scaled T+B", -105, -90, "reading h2 10% argmax (literature)");
  missed.Goal("G5 1%", table, "reading h2 1% top 32: first-scaled T+B", -12, -8, "reading h2 1% argmax (literature)");
  missed.Goal("G6 T", table, "reading h2 10% top 32: first-scaled T", -36, -30, "reading h2 10% argmax (literature)");
  missed.Goal("G6 top 20", table, "reading h2 10% top 20: first-scaled T+B", -95, -80, "reading h2 10% argmax (literature)");
  std::printf("G7 nothing marked, 1,000 keys: each test within its null %s\n", nothing ? "met" : "missed");
  std::printf("G8 10 of 10,000 accounts used: all with 8,000 tokens named, no other %s\n", accounts ? "met" : "missed");
  missed.count += !nothing + !accounts;
  return missed.count == 0 ? 0 : 1;
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 2;
}
