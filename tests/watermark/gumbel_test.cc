// Expected numbers: native.json `marks`, `words`, `scored` in scheme_gumbel.json.
#include <random>

#include "tests/watermark/scheme_vectors.h"
#include "watermark/words.h"

using namespace verdigris;
using namespace verdigris::testing;

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

Profile GumbelProfile(uint32_t vocab) { return *MakeProfile(SchemeObject(*FindScheme("gumbel"), vocab)); }

// The rule as it is written, over every entry.
size_t WinnerByDefinition(const Profile& profile, const Prf& prf, const Tag& tag, const std::vector<double>& ln, const std::vector<uint32_t>& ids) {
  const double max = *std::max_element(ln.begin(), ln.end());
  size_t winner = ln.size();
  double best = -kInfinity;
  for (size_t i = 0; i < ln.size(); ++i) {
    const uint32_t id = ids.empty() ? static_cast<uint32_t>(i) : ids[i];
    if (profile.special_ids().Contains(id) || !(std::exp(ln[i] - max) > 0)) continue;
    uint32_t word;
    WordsOfIds(prf, tag, {&id, 1}, &word);
    const double value = (ln[i] - max) - std::log(-std::log((word + 0.5) / 4294967296.0));
    if (value > best) {
      best = value;
      winner = i;
    }
  }
  return winner;
}

}  // namespace

TEST_CASE("gumbel: P becomes the Q of the vectors") {
  const auto file = ReadJsonFile("scheme_gumbel.json");
  REQUIRE(file["marks"].size() == 6);
  CheckMarks(file["marks"]);
}

TEST_CASE("gumbel: scores of single tuples and whole corpora are those of the vectors") {
  const auto file = ReadJsonFile("scheme_gumbel.json");
  REQUIRE(file["words"].size() == 32);
  for (const auto& row : file["words"]) {
    CHECK(ScoresOf(ProfileWith("gumbel", "", 0, row["window"].size()), row) == row["scores"].get<std::vector<uint64_t>>());
  }
  REQUIRE(file["scored"].size() == 2);
  CheckScored(file["scored"]);
}

TEST_CASE("the winner is that of the definition, for flat, peaked, rising and falling rows, lists and equal entries") {
  constexpr uint32_t kVocab = 3000;
  const Profile profile = GumbelProfile(kVocab);
  const Prf prf = *Prf::Create(TestKey("gumbel winner", 0));
  std::mt19937_64 random(30);
  std::normal_distribution<double> normal;
  int trials = 0;
  for (uint32_t trial = 0; trial < 400; ++trial) {
    CAPTURE(trial);
    const uint32_t window[2] = {trial + 3, 77};
    const Tag tag = prf.mac().TagOf(window, 2);
    const size_t count = trial % 5 == 0 ? 2 + trial % 70 : 2500 + trial * 3;  // to 3,697: above the vocabulary
    std::vector<double> ln(count);
    for (size_t i = 0; i < count; ++i) {
      const auto x = static_cast<double>(i);
      switch (trial % 8) {
        case 0: ln[i] = 0; break;                                   // all equal
        case 1: ln[i] = normal(random) * 3; break;
        case 2: ln[i] = x * 0.05; break;                            // each entry likelier than the one before
        case 3: ln[i] = -x * 0.05; break;
        case 4: ln[i] = i == count / 2 ? 30 : normal(random); break;  // one that nearly always wins
        case 5: ln[i] = i % 3 ? normal(random) : -kInfinity; break;
        case 6: ln[i] = normal(random) * 1000 - 1e4; break;         // most below e^-700
        default: ln[i] = normal(random) * 1e-3; break;
      }
    }
    std::vector<uint32_t> ids;
    if (trial % 5 < 2) {  // a list in some order
      ids.resize(count);
      for (size_t i = 0; i < count; ++i) ids[i] = static_cast<uint32_t>((i * 7919 + trial) % 4001);
    }
    const size_t expected = WinnerByDefinition(profile, prf, tag, ln, ids);
    if (expected == count) continue;
    ++trials;
    const std::vector<double> before = ln;
    const Masses masses = MarkValues(profile, prf, tag, ln, ids);
    for (size_t i = 0; i < count; ++i) {
      const uint32_t id = ids.empty() ? static_cast<uint32_t>(i) : ids[i];
      if (profile.special_ids().Contains(id)) continue;
      if ((ln[i] > -kInfinity) != (i == expected)) FAIL(i);
    }
    CHECK(std::fabs(std::exp(ln[expected]) - (1 - masses.special)) < 1e-12);
  }
  CHECK(trials > 390);
}

TEST_CASE("of two ids that tie the smaller wins, wherever it stands") {
  // Logits that undo the draws to the last bit; where rounding allows it, the two have one value.
  const Profile profile = GumbelProfile(1000);
  const Prf prf = *Prf::Create(TestKey("gumbel tie", 0));
  int ties = 0;
  for (uint32_t trial = 0; trial < 200; ++trial) {
    const uint32_t window[2] = {trial + 3, 78};
    const Tag tag = prf.mac().TagOf(window, 2);
    const std::vector<uint32_t> ids{10 + trial, 500 + trial};
    uint32_t words[2];
    WordsOfIds(prf, tag, ids, words);
    const auto gumbel = [](uint32_t word) { return -std::log(-std::log((word + 0.5) / 4294967296.0)); };
    std::vector<double> ln{0, gumbel(words[0]) - gumbel(words[1])};
    if (ln[1] > 0) ln = {-ln[1], 0};
    if (ln[0] + gumbel(words[0]) != ln[1] + gumbel(words[1])) continue;  // rounding broke the tie
    ++ties;
    std::vector<double> reversed{ln[1], ln[0]};
    MarkValues(profile, prf, tag, ln, ids);
    MarkValues(profile, prf, tag, reversed, {ids[1], ids[0]});
    CHECK(ln[0] == 0);
    CHECK(ln[1] == -kInfinity);
    CHECK(reversed[1] == 0);
    CHECK(reversed[0] == -kInfinity);
  }
  CHECK(ties > 20);
}

TEST_CASE("gumbel: the winner has what special ids leave, and the price says so") {
  const Profile profile = GumbelProfile(1000);
  const Prf prf = *Prf::Create(TestKey("gumbel price", 0));
  const uint32_t window[2] = {10, 11};
  const Tag tag = prf.mac().TagOf(window, 2);
  std::vector<double> ln{std::log(0.3), std::log(0.5), std::log(0.2)};  // 2000 is above the vocabulary, so special
  const Masses masses = MarkValues(profile, prf, tag, ln, {5, 6, 2000});
  const size_t winner = ln[0] > ln[1] ? 0 : 1;
  CHECK(std::fabs(std::exp(ln[winner]) - 0.8) < 1e-15);
  CHECK(ln[1 - winner] == -kInfinity);
  CHECK(std::fabs(std::exp(ln[2]) - 0.2) < 1e-15);
  const double p = winner == 0 ? 0.375 : 0.625;
  CHECK(std::fabs(masses.green - p) < 1e-15);
  CHECK(std::fabs(masses.special - 0.2) < 1e-15);
  CHECK(std::fabs(masses.kl_qp - 0.8 * -std::log(p)) < 1e-15);
  CHECK(masses.kl_pq == kInfinity);
  CHECK(std::fabs(masses.tv - 0.8 * (1 - p)) < 1e-15);
  // Special ids have all that binary64 can say: Q is P.
  std::vector<double> end{-900, -901, 0};
  const Masses none = MarkValues(profile, prf, tag, end, {5, 6, 2000});
  CHECK(end == std::vector<double>{-900, -901, 0});
  CHECK(none.special == 1);
  CHECK(none.kl_qp + none.kl_pq + none.tv + none.green == 0);
}

TEST_CASE("gumbel: reference effect and law") {
  const Profile profile = GumbelProfile(1000);
  CHECK(profile.scheme().reference_effect(profile) == 1.70);
  CHECK(profile.scheme().null_law(profile).kind == NullLaw::Kind::kGamma);
}
