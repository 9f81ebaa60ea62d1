// Expected numbers: native.json `marks`, `words`, `scored` in scheme_tournament.json.
#include <random>

#include "tests/watermark/scheme_vectors.h"
#include "watermark/words.h"

using namespace verdigris;
using namespace verdigris::testing;

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// q of native-schemes.md N8.3, layer by layer.
std::vector<double> ByDefinition(std::vector<double> q, const std::vector<uint32_t>& words, unsigned layers) {
  for (unsigned i = 0; i < layers; ++i) {
    double ones = 0;
    for (size_t v = 0; v < q.size(); ++v) ones += words[v] >> i & 1 ? q[v] : 0;
    for (size_t v = 0; v < q.size(); ++v) q[v] *= 1 + (words[v] >> i & 1) - ones;
  }
  return q;
}

}  // namespace

TEST_CASE("tournament: P becomes the Q of the vectors") {
  const auto file = ReadJsonFile("scheme_tournament.json");
  REQUIRE(file["marks"].size() == 6);
  CheckMarks(file["marks"]);
}

TEST_CASE("tournament: scores of single tuples and whole corpora are those of the vectors") {
  const auto file = ReadJsonFile("scheme_tournament.json");
  REQUIRE(file["words"].size() == 32);
  for (const auto& row : file["words"]) {
    for (const auto& item : row["scores_by_layers"].items()) {
      CAPTURE(item.key());
      CHECK(ScoresOf(ProfileWith("tournament", "layers", std::stoi(item.key()), row["window"].size()), row) == item.value().get<std::vector<uint64_t>>());
    }
  }
  REQUIRE(file["scored"].size() == 2);
  CheckScored(file["scored"]);
}

TEST_CASE("every number of layers gives the q of the definition, played layer by layer") {
  const Prf prf = *Prf::Create(TestKey("tournament layers", 0));
  std::mt19937_64 random(31);
  std::normal_distribution<double> normal;
  for (unsigned layers = 1; layers <= 32; ++layers) {
    CAPTURE(layers);
    const Profile profile = ProfileWith("tournament", "layers", layers, 2);
    for (const size_t count : {size_t{2}, size_t{7}, size_t{300}}) {
      const uint32_t window[2] = {layers + 3, static_cast<uint32_t>(count)};
      const Tag tag = prf.mac().TagOf(window, 2);
      std::vector<uint32_t> ids(count), words(count);
      for (size_t i = 0; i < count; ++i) ids[i] = static_cast<uint32_t>(100 + 37 * i);
      WordsOfIds(prf, tag, ids, words.data());
      std::vector<double> p(count), ln;
      double total = 0;
      for (double& x : p) total += x = std::exp(2 * normal(random));
      for (double& x : p) ln.push_back(std::log(x /= total));
      const auto q = ByDefinition(p, words, layers);
      MarkValues(profile, prf, tag, ln, ids);
      for (size_t i = 0; i < count; ++i) CHECK(std::fabs(std::exp(ln[i]) - q[i]) <= 1e-13);
    }
  }
}

TEST_CASE("tournament: a row that is nearly decided keeps its sum, and what cannot come stays absent") {
  const Profile profile = ProfileWith("tournament", "layers", 30, 2);
  const Prf prf = *Prf::Create(TestKey("tournament edge", 0));
  for (uint32_t trial = 0; trial < 200; ++trial) {
    const uint32_t window[2] = {trial + 3, 5};
    const Tag tag = prf.mac().TagOf(window, 2);
    std::vector<double> ln{0, -40, -600, -1e5, -kInfinity, -1};
    const Masses masses = MarkValues(profile, prf, tag, ln, {10, 11, 12, 13, 14, 20000000});
    double total = 0;
    for (const double x : ln) {
      CHECK(!std::isnan(x));
      total += std::exp(x);
    }
    CHECK(std::fabs(total - 1) < 1e-14);
    CHECK(ln[4] == -kInfinity);
    CHECK(masses.kl_qp >= 0);
    CHECK(!std::isnan(masses.kl_pq));
  }
}

TEST_CASE("tournament: the price is right where a layer has only ones among what has mass") {
  // Of two candidates with mass about a quarter of the layers have two ones; absent entries beside them have zeros there.
  const Profile profile = ProfileWith("tournament", "layers", 30, 2);
  const Prf prf = *Prf::Create(TestKey("tournament ones", 0));
  for (uint32_t trial = 0; trial < 100; ++trial) {
    CAPTURE(trial);
    const uint32_t window[2] = {trial + 3, 6};
    std::vector<double> ln{-0.5, -1, -kInfinity, -1e5, -kInfinity, -kInfinity};
    const double all = std::exp(-0.5) + std::exp(-1.0);
    const Masses masses = MarkValues(profile, prf, prf.mac().TagOf(window, 2), ln, {10, 11, 12, 13, 14, 15});
    double kl_qp = 0, kl_pq = 0;
    for (size_t i = 0; i < 2; ++i) {
      const double ln_p = (i == 0 ? -0.5 : -1) - std::log(all);
      // The loser's share is squared by every layer that it loses, so a few times it is below all of binary64.
      if (ln[i] > -kInfinity) kl_qp += std::exp(ln[i]) * (ln[i] - ln_p);
      kl_pq += std::exp(ln_p) * (ln_p - ln[i]);
    }
    CHECK(std::fabs(masses.kl_qp - kl_qp) < 1e-12);
    const bool same = std::isinf(kl_pq) ? masses.kl_pq == kl_pq : std::fabs(masses.kl_pq - kl_pq) < 1e-12 * (1 + kl_pq);
    CHECK(same);
    CHECK(kl_qp > 0);
  }
}

TEST_CASE("tournament: reference effect and law") {
  for (const auto& [layers, heavy, light] : {std::tuple{30, 15u, 15u}, {31, 16u, 15u}, {1, 1u, 0u}}) {
    const Profile profile = ProfileWith("tournament", "layers", layers, 2);
    const NullLaw law = profile.scheme().null_law(profile);
    CHECK(law.kind == NullLaw::Kind::kTwoBernoulli);
    CHECK(law.heavy == heavy);
    CHECK(law.light == light);
  }
  // Mean 22.5, variance 18.75; by hand: 22.5 + .457 * 4.330127 = 24.478868.
  const Profile profile = ProfileWith("tournament", "layers", 30, 2);
  CHECK(std::fabs(profile.scheme().reference_effect(profile) - 24.478868) < 1e-6);
}
