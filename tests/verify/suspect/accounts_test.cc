// Accounts: numbers of the second implementation, the rule of M12 case by case, and S14 of suspect-models.md: whole epochs
// of 10^4 accounts, their p and e drawn from the exact laws.
#include "verify/suspect/accounts.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <random>

#include "tests/bands.h"
#include "tests/verify/vectors.h"
#include "verify/law.h"
#include "verify/power.h"

using namespace verdigris;
using namespace verdigris::testing;
using namespace verdigris::verify;

namespace {

using Kind = AccountsFinding::Kind;


AccountTest Account(const std::string& label, double log10_p, double ln_e = 0) {
  AccountTest account;
  account.label = label;
  account.scored = 1000;
  account.log10_p = log10_p;
  account.ln_e = ln_e;
  account.tokens_served = 10000;
  return account;
}

AccountsFinding Judge(const std::vector<AccountTest>& accounts, const std::vector<Cluster>& clusters = {}, AccountsOptions options = {}) {
  const auto finding = JudgeAccounts(-20, accounts, clusters, options);
  REQUIRE_MESSAGE(finding.has_value(), finding.error().message);
  return *finding;
}

}  // namespace

TEST_CASE("Holm and clusters agree with the second implementation") {
  const auto vectors = ReadVectors("accounts.json", {"about", "holm", "cluster"});
  const auto& holm = vectors["holm"];
  std::vector<AccountTest> accounts;
  for (const double ln_e : holm["ln_e"]) accounts.push_back(Account("a" + std::to_string(accounts.size()), std::min(0.0, -ln_e / std::numbers::ln10), ln_e));
  AccountsOptions options;
  options.alpha = holm["alpha"];
  options.family = holm["accounts"];
  const AccountsFinding finding = Judge(accounts, {}, options);
  std::vector<size_t> named;
  for (size_t i = 0; i < finding.named; ++i) named.push_back(finding.rows[i].index);
  std::sort(named.begin(), named.end());
  CHECK(named == holm["named"].get<std::vector<size_t>>());
  for (const auto& row : vectors["cluster"]) {
    const auto ln_e = row["ln_e"].get<std::vector<double>>();
    CHECK(LnClusterMean(ln_e) == doctest::Approx(row["ln_average"].get<double>()).epsilon(1e-12));
    CHECK(LnClusterProduct(ln_e) == doctest::Approx(row["ln_product"].get<double>()).epsilon(1e-12));
  }
}

TEST_CASE("a cluster with a member of E = 0, and of hundreds of members, has a number") {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  CHECK(LnClusterMean(std::vector<double>{-kInfinity, 0}) == doctest::Approx(-std::log(2)));
  CHECK(LnClusterProduct(std::vector<double>{-kInfinity}) == doctest::Approx(std::log((0.99 + 0.9 + 0.5 + 0) / 4)));
  CHECK(LnClusterProduct(std::vector<double>(1000, 5.0)) == doctest::Approx(5000 - std::log(4)));
}

TEST_CASE("an account that cannot be tested counts in m and is never named") {
  std::vector<AccountTest> accounts = {Account("used", -7.6), Account("little", -30), Account("none", -30), Account("other", -0.4)};
  accounts[1].scored = 199;
  accounts[2].has_filter = false;
  AccountsFinding finding = Judge(accounts);
  CHECK(finding.m == 4);
  CHECK(finding.tested == 2);
  CHECK(finding.without_filter == 1);
  REQUIRE(finding.named == 1);
  REQUIRE(finding.rows.size() == 2);
  CHECK(finding.rows[0].index == 0);
  CHECK(finding.rows[0].log10_adjusted == doctest::Approx(-7.6 + std::log10(4.)));
  CHECK(finding.rows[1].index == 3);
  CHECK(!finding.rows[1].named);
  // With 40 accounts in the epoch, of which 36 gave nothing, it takes more.
  AccountsOptions options;
  options.family = 40;
  finding = Judge(accounts, {}, options);
  CHECK(finding.m == 40);
  CHECK(finding.named == 0);
}

TEST_CASE("Holm goes on where a record's factor stops") {
  // 100 accounts at 1e-6: the second needs 1e-6/99, a record 1e-8.
  std::vector<AccountTest> accounts = {Account("a", -9), Account("b", std::log10(1e-6 / 99.5))};
  AccountsOptions options;
  options.family = 100;
  const AccountsFinding finding = Judge(accounts, {}, options);
  REQUIRE(finding.named == 2);
  CHECK(finding.rows[0].in_record);
  CHECK(!finding.rows[1].in_record);
  CHECK(finding.rows[1].log10_family == doctest::Approx(std::log10(1e-6 / 99.5) + 2));
}

TEST_CASE("the gate: at alpha or nobody, and on the boundary nobody") {
  const std::vector<AccountTest> accounts = {Account("a", -30)};
  const AccountsOptions options;
  for (const double gate : {0.0, -5.9, -6.0}) {
    CAPTURE(gate);
    CHECK(!GateOpens(gate, options.alpha));
    const AccountsFinding finding = *JudgeAccounts(gate, accounts, {}, options);
    CHECK(!finding.gate_open);
    CHECK(finding.named == 0);
    CHECK(finding.tested == 0);
    CHECK(finding.rows.empty());
    CHECK(finding.m == 1);
  }
  CHECK(GateOpens(-6.01, options.alpha));
  CHECK(JudgeAccounts(-6.01, accounts, {}, options)->named == 1);
}

TEST_CASE("clusters take an entry in m for each form, and members too small count with E = 1") {
  std::vector<AccountTest> accounts;
  for (int i = 0; i < 20; ++i) accounts.push_back(Account("a" + std::to_string(i), -1.2, 2.0));
  std::vector<size_t> all(20);
  for (size_t i = 0; i < 20; ++i) all[i] = i;
  const AccountsFinding own = Judge(accounts, {{"card 1", all, true}});
  CHECK(own.m == 22);
  // Twenty times e^2: nobody alone, the mean is no more, the product e^40 / 4.
  REQUIRE(own.named == 1);
  CHECK(own.rows[0].kind == Kind::kClusterProduct);
  CHECK(own.rows[0].log10_p == doctest::Approx(-(40 - std::log(4)) / std::numbers::ln10));
  CHECK(!own.rows[0].matched);
  const AccountsFinding shared = Judge(accounts, {{"card 1", all, false}});
  CHECK(shared.m == 21);
  CHECK(shared.named == 0);
  accounts[0].ln_e = 50;
  for (int i = 1; i < 20; ++i) accounts[static_cast<size_t>(i)].scored = 3;
  const AccountsFinding mean = Judge(accounts, {{"card 1", all, false}});
  REQUIRE(mean.named == 1);
  CHECK(mean.rows[0].kind == Kind::kClusterMean);
  CHECK(mean.rows[0].ln_e == doctest::Approx(50 - std::log(20)));
}

TEST_CASE("matched accounts are tested ones of like volume and time that are not named themselves") {
  std::vector<AccountTest> accounts = {Account("used", -20), Account("also used", -15), Account("a", -0.2), Account("b", -1.5),
                                       Account("large", -2), Account("small", -3), Account("before", -4), Account("little", -5)};
  accounts[4].tokens_served = 20001;
  accounts[5].tokens_served = 4999;
  accounts[0].first_served = "2027-01-01T00:00:00Z";
  accounts[0].last_served = "2027-02-01T00:00:00Z";
  accounts[3].first_served = "2027-01-31T00:00:00Z";
  accounts[3].last_served = "2027-03-01T00:00:00Z";
  accounts[6].first_served = "2026-01-01T00:00:00Z";
  accounts[6].last_served = "2026-12-31T00:00:00Z";
  accounts[7].scored = 5;
  const AccountsFinding finding = Judge(accounts);
  REQUIRE(finding.named == 2);
  REQUIRE(finding.rows[0].matched.has_value());
  CHECK(finding.rows[0].matched->count == 2);
  CHECK(finding.rows[0].matched->least_log10_p == -1.5);
  CHECK(finding.rows[0].matched->greatest_log10_p == -0.2);
  CHECK(!finding.rows[2].matched.has_value());
}

TEST_CASE("the next ten follow the named, and odds are those of the contract") {
  std::vector<AccountTest> accounts = {Account("used", -20)};
  for (int i = 0; i < 30; ++i) accounts.push_back(Account("a" + std::to_string(i), -0.05 * i));
  const AccountsFinding finding = Judge(accounts);
  REQUIRE(finding.rows.size() == 11);
  CHECK(finding.rows[1].index == 30);
  CHECK(finding.rows[10].index == 21);
  CHECK(std::pow(10, Log10PosteriorOdds(-8, 1e-4, 0.9)) == doctest::Approx(9000));
  CHECK(std::pow(10, Log10PosteriorOdds(-3, 1e-4, 0.9)) == doctest::Approx(0.09));
}

TEST_CASE("values that cannot be are refused") {
  const std::vector<AccountTest> two = {Account("a", -1), Account("b", -1)};
  const auto refusal = [](const std::vector<AccountTest>& accounts, const std::vector<Cluster>& clusters, const AccountsOptions& options, double gate = -20) {
    return JudgeAccounts(gate, accounts, clusters, options).error().message;
  };
  AccountsOptions options;
  CHECK(refusal(two, {}, options, 0.1).starts_with("log10 p of the gate must be at most 0"));
  CHECK(refusal(two, {}, options, std::nan("")).starts_with("log10 p of the gate must be at most 0"));
  CHECK(refusal({Account("a", 0.1)}, {}, options).starts_with("log10 p of account a must be at most 0"));
  CHECK(refusal({Account("a", 0, std::nan(""))}, {}, options) == "ln E of account a is no number");
  CHECK(refusal({Account("a", 0), Account("a", 0)}, {}, options) == "account a is listed twice");
  CHECK(refusal(two, {{"c", {}, true}}, options) == "cluster c has no member");
  CHECK(refusal(two, {{"c", {0, 2}, true}}, options) == "cluster c names account 2, there are 2");
  CHECK(refusal(two, {{"c", {1, 1}, true}}, options) == "cluster c names b twice");
  options.family = 1;
  CHECK(refusal(two, {}, options) == "family must be at least the 2 accounts given, got 1");
  options = {};
  options.alpha = 1;
  CHECK(refusal(two, {}, options).starts_with("alpha must be in (0,1)"));
  options = {};
  options.prior = 0;
  CHECK(refusal(two, {}, options).starts_with("prior must be in (0,1)"));
  options = {};
  options.power = 1.5;
  CHECK(refusal(two, {}, options).starts_with("power must be in (0,1]"));
}

// ---- S14

namespace {

// A test of kRows bits at chance 1/4, p exact, E the mixture of suspect-models.md M2.4 for a fixed test: what each of the
// kRows + 1 outcomes gives, and outcomes drawn at any rate of ones.
class BitTest {
 public:
  static constexpr uint64_t kRows = 4000;

  BitTest() : log10_p(kRows + 1), ln_e(kRows + 1) {
    const double n = static_cast<double>(kRows), sd = std::sqrt(n * 3 / 16);
    for (uint64_t k = 0; k <= kRows; ++k) {
      log10_p[k] = Log10UpperTail(kLaw, kRows, k);
      double sum = 0;
      for (int j = 0; j <= 16; ++j) {
        const double l = std::pow(2, j / 2.0) / sd;
        sum += std::exp(l * (static_cast<double>(k) - n / 4) - n * std::log(0.25 * std::exp(0.75 * l) + 0.75 * std::exp(-0.25 * l)) - 500);
      }
      ln_e[k] = sum > 0 ? std::log(sum / 17) + 500 : -std::numeric_limits<double>::infinity();
    }
    for (uint64_t k = 0; k <= kRows; ++k) null_below_.push_back(1 - std::pow(10, k < kRows ? log10_p[k + 1] : -std::numeric_limits<double>::infinity()));
  }

  // Ones under H0, by inversion: good to 1e-16 of chance, 1e-7 of the smallest that decides anything here.
  uint64_t Null(std::mt19937_64& random) const {
    const double u = static_cast<double>(random() >> 11) * 0x1p-53;
    return static_cast<uint64_t>(std::upper_bound(null_below_.begin(), null_below_.end() - 1, u) - null_below_.begin());
  }
  // Rate of ones of an account of which so many tokens were used: z = .1 sqrt(tokens), as M12 measured.
  static double Rate(double tokens) { return 0.25 + 0.1 * std::sqrt(tokens) * std::sqrt(3.0 / 16 / static_cast<double>(kRows)); }
  static uint64_t Used(double tokens, std::mt19937_64& random) { return std::binomial_distribution<uint64_t>(kRows, Rate(tokens))(random); }

  static constexpr NullLaw kLaw = NullLaw::Bernoulli(1, 4);
  std::vector<double> log10_p, ln_e;

 private:
  std::vector<double> null_below_;  // P(ones <= k)
};

constexpr double kAlpha = 0.01;
constexpr size_t kUsed = 10;
double TokensUsed(size_t i) { return 4000.0 * static_cast<double>(i + 1); }  // 4,000 to 40,000

struct Epochs {
  uint64_t runs = 0;
  uint64_t gate_opened = 0;
  uint64_t with_innocent = 0;       // runs in which an innocent account or a cluster of innocents was named
  uint64_t with_innocent_each = 0;  // control: an innocent account has p <= alpha
  uint64_t named[kUsed] = {}, in_record[kUsed] = {};
};

// Accounts 0..used-1 are used; the last half of the epoch stands in clusters of 50. gate: log10 p of the provider layer,
// or drawn under H0.
Epochs Simulate(const BitTest& test, size_t accounts, size_t used, std::optional<double> gate, uint64_t runs, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<AccountTest> epoch;
  for (size_t i = 0; i < accounts; ++i) epoch.push_back(Account("acct-" + std::to_string(i), 0));
  std::vector<Cluster> clusters;
  for (size_t i = accounts / 2; i < accounts; ++i) {
    if (i % 50 == 0 || clusters.empty()) clusters.push_back({"card " + std::to_string(clusters.size()), {}, true});
    clusters.back().members.push_back(i);
  }
  AccountsOptions options;
  options.alpha = kAlpha;
  options.next = 0;
  Epochs out;
  out.runs = runs;
  for (uint64_t run = 0; run < runs; ++run) {
    bool innocent = false, innocent_each = false;
    for (size_t i = 0; i < accounts; ++i) {
      const uint64_t ones = i < used ? BitTest::Used(TokensUsed(i), random) : test.Null(random);
      epoch[i].log10_p = test.log10_p[ones];
      epoch[i].ln_e = test.ln_e[ones];
      innocent_each |= i >= used && epoch[i].log10_p <= std::log10(kAlpha);
    }
    const double gate_log10_p = gate ? *gate : test.log10_p[test.Null(random)];
    const AccountsFinding finding = *JudgeAccounts(gate_log10_p, epoch, clusters, options);
    out.gate_opened += finding.gate_open;
    for (size_t i = 0; i < finding.named; ++i) {
      const AccountsFinding::Row& row = finding.rows[i];
      const bool guilty = row.kind == Kind::kAccount && row.index < used;
      innocent |= !guilty;
      if (!guilty) continue;
      ++out.named[row.index];
      out.in_record[row.index] += row.in_record;
    }
    out.with_innocent += innocent;
    out.with_innocent_each += innocent_each;
  }
  return out;
}

// 4 counts of 1e-6 and 10 bands of used accounts of 1e-7: 5e-6.
void CheckS14(size_t accounts, uint64_t runs, uint64_t seed) {
  const BitTest test;
  const Epochs unused = Simulate(test, accounts, 0, {}, runs, seed);
  CHECK(AtMostBinomial(unused.gate_opened, runs, kAlpha, 1e-6));
  CHECK(AtMostBinomial(unused.with_innocent, runs, kAlpha, 1e-6));
  // The provider was used, but through none of these accounts: Holm alone has to hold.
  const Epochs open = Simulate(test, accounts, 0, -50, runs, seed + 1);
  CHECK(open.gate_opened == runs);
  CHECK(AtMostBinomial(open.with_innocent, runs, kAlpha, 1e-6));
  const Epochs used = Simulate(test, accounts, kUsed, -50, runs, seed + 2);
  CHECK(AtMostBinomial(used.with_innocent, runs, kAlpha, 1e-6));
  // Control: each account at alpha by itself.
  CHECK(!AtMostBinomial(used.with_innocent_each, runs, kAlpha, 1e-6));
  // Behind a shut gate nobody is named, used or not.
  const Epochs shut = Simulate(test, accounts, kUsed, -1.9, runs, seed + 3);
  CHECK(shut.gate_opened == 0);
  CHECK(shut.with_innocent == 0);
  for (const uint64_t named : shut.named) CHECK(named == 0);
  // Who is named: a record's share is the exact power at alpha/m, Holm's at least that.
  const double m = static_cast<double>(accounts) + 2 * std::ceil(static_cast<double>(accounts) / 2 / 50);
  for (size_t i = 0; i < kUsed; ++i) {
    const double power = PowerAt(BitTest::kLaw, BitTest::kRows, BitTest::Rate(TokensUsed(i)), std::log10(kAlpha / m));
    CAPTURE(i);
    CAPTURE(power);
    CAPTURE(used.named[i]);
    CHECK(WithinBinomialBand(used.in_record[i], runs, power, 1e-7));
    CHECK(used.named[i] >= used.in_record[i]);
  }
}

}  // namespace

// False alarm: 5e-6.
TEST_CASE("S14 in small: 1,000 accounts, 0 and 10 used, 200 runs") { CheckS14(1000, 200, 41); }
// False alarm: 5e-6.
TEST_CASE("slow: S14, 10^4 accounts, 0 and 10 used, 1,000 runs") { CheckS14(10'000, 1000, 42); }

TEST_CASE("of 10^4 accounts those with 8,000 used tokens are named, most of those with 4,000, few with 2,000") {
  const double log10_level = std::log10(kAlpha / 1e4);
  const auto power = [&](double tokens) { return PowerAt(BitTest::kLaw, BitTest::kRows, BitTest::Rate(tokens), log10_level); };
  CHECK(power(1000) < 0.07);
  CHECK(power(2000) == doctest::Approx(0.39).epsilon(0.15));
  CHECK(power(4000) > 0.9);
  CHECK(power(8000) > 0.998);
  CHECK(power(12000) > 0.9999);
}
