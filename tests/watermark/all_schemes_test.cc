// Walks the table, so that a new scheme is tested before its author writes a line (docs/adding_a_scheme.md).
//
// The two statements on random keys are counts against the scheme's own law with |z| < 5, 5.7e-7 each.
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <random>

#include "tests/watermark/scheme_vectors.h"
#include "watermark/sampler.h"
#include "watermark/schemes.h"

using namespace verdigris;
using namespace verdigris::testing;

namespace {

struct Fixture {
  Profile profile;
  Marker marker;
};

Fixture Make(const Scheme& scheme, uint32_t vocab, const std::string& id, uint32_t i = 0) {
  const auto profile = *MakeProfile(SchemeObject(scheme, vocab));
  const KeyFile key = LayerKeyFile(profile, KeyRole::kProvider, TestKey(id, i));
  const KeyFile* pointer = &key;
  return {profile, *Marker::Create(profile, {&pointer, 1})};
}

// A text drawn by the sampler from random logits that change with the position.
std::vector<uint32_t> Generate(const Marker* marker, uint32_t vocab, size_t tokens, uint64_t seed) {
  std::mt19937_64 random(seed);
  SamplerBuffers buffers;
  std::vector<uint32_t> output;
  std::vector<float> logits(vocab);
  while (output.size() < tokens) {
    for (float& x : logits) x = static_cast<float>(random() % 4096) / 1024;
    const double uniform = static_cast<double>(random() >> 11) / 9007199254740992.0;
    const auto drawn = DrawToken(logits, {}, marker, output, Repeat::kFind, uniform, buffers);
    REQUIRE(drawn.has_value());
    output.push_back(drawn->id);
  }
  return output;
}

// Mean and variance of one score under the null hypothesis.
std::pair<double, double> Moments(const NullLaw& law) {
  switch (law.kind) {
    case NullLaw::Kind::kBernoulli: {
      const double g = static_cast<double>(law.numerator) / law.denominator;
      return {g, g * (1 - g)};
    }
    case NullLaw::Kind::kGamma: return {0x1p32, 0x1p64};
    case NullLaw::Kind::kTwoBernoulli: return {law.heavy + law.light / 2.0, law.heavy + law.light / 4.0};
  }
  FAIL("a law that this test does not know");
  return {};
}

// Random logits in nats, some entries absent.
std::vector<double> RandomRow(size_t count, double spread, std::mt19937_64& random) {
  std::normal_distribution<double> normal(0, spread);
  std::vector<double> ln(count);
  for (double& x : ln) x = random() % 16 ? normal(random) : -std::numeric_limits<double>::infinity();
  return ln;
}

}  // namespace

TEST_CASE("every scheme has a vector file and says what it is") {
  REQUIRE(!Schemes().empty());
  for (const Scheme* scheme : Schemes()) {
    CAPTURE(scheme->name);
    CHECK(std::filesystem::exists(VERDIGRIS_SOURCE_DIR "/tests/vectors/scheme_" + std::string(scheme->name) + ".json"));
    CHECK(!scheme->paper.empty());
    CHECK(!scheme->summary.empty());
    CHECK(FindScheme(scheme->name) == scheme);
  }
}

TEST_CASE("registered bounds are enforced, and defaults are within them") {
  for (const Scheme* scheme : Schemes()) {
    CAPTURE(scheme->name);
    CHECK(MakeProfile(SchemeObject(*scheme, 100)).has_value());
    for (const ParamSpec& param : scheme->params) {
      CAPTURE(param.name);
      for (const int64_t bad : {param.min - 1, param.max + 1}) {
        auto object = SchemeObject(*scheme, 100);
        object[std::string(param.name)] = bad;
        const auto profile = MakeProfile(object);
        REQUIRE(!profile.has_value());
        CHECK(profile.error().message.find(std::string(param.name)) == 0);
      }
    }
  }
}

TEST_CASE("the same key gives the same mark and scores, another key does not") {
  for (const Scheme* scheme : Schemes()) {
    CAPTURE(scheme->name);
    const auto a = Make(*scheme, 400, "all same", 0), b = Make(*scheme, 400, "all same", 0), c = Make(*scheme, 400, "all same", 1);
    const auto text = Generate(&a.marker, 400, 60, 1);
    CHECK(Generate(&b.marker, 400, 60, 1) == text);
    CHECK(Generate(&c.marker, 400, 60, 1) != text);
  }
}

TEST_CASE("marked text scores above its null mean by far, unmarked text and another key do not") {
  constexpr size_t kTokens = 1500;
  for (const Scheme* scheme : Schemes()) {
    CAPTURE(scheme->name);
    const auto f = Make(*scheme, 400, "all found", 0), other = Make(*scheme, 400, "all found", 1);
    const auto [mean, variance] = Moments(scheme->null_law(f.profile));
    const auto z_of = [&, mean = mean, variance = variance](const Marker& marker, const std::vector<uint32_t>& text) {
      const auto total = marker.ScoreSequence(text, Rule::kFirst, nullptr)->front();
      return (static_cast<double>(total.statistic) - mean * static_cast<double>(total.n)) / std::sqrt(variance * static_cast<double>(total.n));
    };
    const auto marked = Generate(&f.marker, 400, kTokens, 2), plain = Generate(nullptr, 400, kTokens, 2);
    CHECK(z_of(f.marker, marked) > 8);
    // False alarm: 4.6e-6, 4 schemes x 2.
    CHECK(std::fabs(z_of(f.marker, plain)) < 5);
    CHECK(std::fabs(z_of(other.marker, marked)) < 5);
  }
}

TEST_CASE("scores of one text over random keys have the mean and variance of the law") {
  constexpr uint32_t kKeys = 4000, kTokens = 102;
  for (const Scheme* scheme : Schemes()) {
    CAPTURE(scheme->name);
    const auto text = Generate(nullptr, 400, kTokens, 3);
    double sum = 0, n = 0;
    Moments(scheme->null_law(Make(*scheme, 400, "all null").profile));
    for (uint32_t i = 0; i < kKeys; ++i) {
      const auto total = Make(*scheme, 400, "all null", i).marker.ScoreSequence(text, Rule::kTuple, nullptr)->front();
      sum += static_cast<double>(total.statistic);
      n += static_cast<double>(total.n);
    }
    const auto [mean, variance] = Moments(scheme->null_law(Make(*scheme, 400, "all null").profile));
    CHECK(std::fabs((sum - mean * n) / std::sqrt(variance * n)) < 5);  // False alarm: 2.3e-6, 4 schemes.
  }
}

TEST_CASE("a marked draw is scored as it was coloured: the mask, where there is one, is the score") {
  for (const Scheme* scheme : Schemes()) {
    CAPTURE(scheme->name);
    if (scheme->mask == nullptr) continue;
    const auto f = Make(*scheme, 400, "all agree");
    std::vector<uint8_t> mask(f.marker.mask_bytes());
    for (uint32_t i = 0; i < 200; ++i) {
      const std::vector<uint32_t> window{3 + i, 397 - i};
      REQUIRE(f.marker.Mask(window, Repeat::kNew, mask).has_value());
      for (uint32_t v = 3; v < 400; v += 7) CHECK(f.marker.ScoreToken(window, v)->score == (mask[v >> 3] >> (v & 7) & 1u));
    }
  }
}

TEST_CASE("empty, one-token and out-of-range input is refused or counts nothing") {
  for (const Scheme* scheme : Schemes()) {
    CAPTURE(scheme->name);
    const auto f = Make(*scheme, 400, "all edges");
    CHECK((*f.marker.ScoreSequence({}, Rule::kFirst, nullptr))[0].n == 0);
    CHECK((*f.marker.ScoreSequence(std::vector<uint32_t>{7}, Rule::kFirst, nullptr))[0].n == 0);
    CHECK(f.marker.ScoreSequence(std::vector<uint32_t>{7, kIdLimit}, Rule::kFirst, nullptr).error().kind == ErrorKind::kInvalidArgument);
    CHECK(f.marker.ScoreToken(std::vector<uint32_t>{7}, 8).error().kind == ErrorKind::kInvalidArgument);
    CHECK(f.marker.ScoreToken(std::vector<uint32_t>{7, 1}, 8)->state == PositionState::kSpecial);
    CHECK(f.marker.ScoreToken(std::vector<uint32_t>{7, 9}, 400)->state == PositionState::kSpecial);
  }
}

TEST_CASE("a list in any order, a whole row, ids above the vocabulary, absent entries and binary32 are marked the same") {
  constexpr uint32_t kVocab = 2500;
  std::mt19937_64 random(5);
  for (const Scheme* scheme : Schemes()) {
    CAPTURE(scheme->name);
    const auto f = Make(*scheme, kVocab, "all rows");
    const Prf& prf = f.marker.layers().prf(Layer::kProvider);
    for (uint32_t trial = 0; trial < 60; ++trial) {
      CAPTURE(trial);
      const uint32_t window[2] = {3 + trial, 9};
      const Tag tag = prf.mac().TagOf(window, 2);
      std::vector<double> row = RandomRow(2600 - trial, 1 + trial % 4, random), list, wide;  // 2,500 and above are special
      for (double& x : row) x = static_cast<float>(x);
      std::vector<float> row_f32(row.begin(), row.end());
      std::vector<uint32_t> ids;
      for (uint32_t i = 0; i < row.size(); ++i) ids.push_back(i);
      std::shuffle(ids.begin(), ids.end(), random);
      for (const uint32_t id : ids) list.push_back(row[id]);
      wide = row;
      wide.resize(row.size() + 5000, -std::numeric_limits<double>::infinity());
      const std::vector<double> before = row;
      const Masses masses = MarkValues(f.profile, prf, tag, row);
      MarkValues(f.profile, prf, tag, row_f32);
      MarkValues(f.profile, prf, tag, list, ids);
      MarkValues(f.profile, prf, tag, wide);
      double total = 0, all = 0;
      for (const double x : before) all += std::exp(x);
      for (size_t i = 0; i < row.size(); ++i) {
        const double q = std::exp(row[i]);
        total += q;
        CHECK(std::fabs(std::exp(wide[i]) - q) < 1e-13);
        CHECK(std::fabs(std::exp(static_cast<double>(row_f32[i])) - q) < 2e-6);
        if (std::isinf(before[i])) CHECK(std::isinf(row[i]));
        if (f.profile.special_ids().Contains(static_cast<uint32_t>(i))) CHECK(std::fabs(q - std::exp(before[i]) / all) < 1e-13);
      }
      for (size_t i = 0; i < ids.size(); ++i) CHECK(std::fabs(std::exp(list[i]) - std::exp(row[ids[i]])) < 1e-13);
      CHECK(std::fabs(total - 1) < 1e-12);
      CHECK(masses.special > 0);
    }
  }
}

TEST_CASE("the price is the divergence of the row that was written, and is infinite where an id has become impossible") {
  std::mt19937_64 random(6);
  for (const Scheme* scheme : Schemes()) {
    CAPTURE(scheme->name);
    const auto f = Make(*scheme, 400, "all prices");
    const Prf& prf = f.marker.layers().prf(Layer::kProvider);
    double mean = 0;
    for (uint32_t trial = 0; trial < 300; ++trial) {
      CAPTURE(trial);
      const uint32_t window[2] = {3 + trial, 9};
      std::vector<double> ln = RandomRow(410, trial % 5, random);
      double all = 0;
      for (const double x : ln) all += std::exp(x);
      std::vector<double> p;
      for (const double x : ln) p.push_back(std::exp(x) / all);
      const Masses masses = MarkValues(f.profile, prf, prf.mac().TagOf(window, 2), ln);
      double kl_qp = 0, kl_pq = 0, tv = 0, special = 0;
      for (uint32_t i = 0; i < ln.size(); ++i) {
        if (f.profile.special_ids().Contains(i)) special += p[i];
        if (p[i] == 0) continue;
        const double q = std::exp(ln[i]);
        kl_pq += p[i] * (std::log(p[i]) - ln[i]);
        if (q > 0) kl_qp += q * (ln[i] - std::log(p[i]));
        tv += std::fabs(q - p[i]) / 2;
      }
      CHECK(std::fabs(masses.special - special) < 1e-12);
      CHECK(std::fabs(masses.kl_qp - kl_qp) < 1e-12);
      CHECK(std::fabs(masses.tv - tv) < 1e-12);
      CHECK(masses.green >= 0);
      CHECK(masses.green <= 1);
      if (std::isinf(kl_pq) || std::isinf(masses.kl_pq)) {
        CHECK(masses.kl_pq == kl_pq);
      } else {
        CHECK(std::fabs(masses.kl_pq - kl_pq) < 1e-9 * (1 + kl_pq));
      }
      mean += kl_qp / 300;
    }
    CHECK(mean > 0.1);  // the rows have a price to speak of
  }
}

TEST_CASE("over 100,000 windows the mean of Q is P for the schemes that say so, and is not for the others") {
  // |z| < 6 with the variance of the sample, for each of 9 markable ids and each unbiased scheme: 2e-9 each by the normal
  // law. False alarm: 5.4e-8. A change of one per cent of an id's probability, p >= 0.02, would give z of 1 to 7 in
  // gumbel, where the variance is largest; that of green, which the test must see, gives hundreds.
  constexpr uint32_t kWindows = 100000;
  const std::vector<uint32_t> ids{7, 3000, 8, 0, 11, 12, 90, 91, 399, 5, 6};  // 0 and 3000 are special
  const std::vector<double> p{0.3, 0.07, 0.02, 0.05, 0.2, 0.1, 0.08, 0.03, 0.05, 0.06, 0.04};
  for (const Scheme* scheme : Schemes()) {
    CAPTURE(scheme->name);
    const auto f = Make(*scheme, 400, "all unbiased");
    const Prf& prf = f.marker.layers().prf(Layer::kProvider);
    std::vector<double> sum(p.size()), squares(p.size()), ln(p.size());
    Workspace workspace;
    const std::vector<IdRange> special{{1, 1}, {3, 3}};
    for (uint32_t i = 0; i < kWindows; ++i) {
      const uint32_t window[2] = {i, 4};
      for (size_t v = 0; v < p.size(); ++v) ln[v] = std::log(p[v]);
      scheme->mark_f64(f.profile, prf, prf.mac().TagOf(window, 2), {ln.data(), ids.data(), p.size(), ln[0], p.size(), special}, workspace, nullptr);
      for (size_t v = 0; v < p.size(); ++v) {
        const double q = std::exp(ln[v]);
        sum[v] += q;
        squares[v] += (q - p[v]) * (q - p[v]);
      }
    }
    double largest = 0;
    for (size_t v = 0; v < p.size(); ++v) {
      CAPTURE(ids[v]);
      const double mean = sum[v] / kWindows;
      if (f.profile.special_ids().Contains(ids[v])) {
        CHECK(std::fabs(mean - p[v]) < 1e-12);
        CHECK(squares[v] < 1e-20);
        continue;
      }
      largest = std::max(largest, std::fabs(mean - p[v]) * kWindows / std::sqrt(squares[v]));
    }
    CAPTURE(largest);
    CHECK((largest < 6) == scheme->unbiased);
  }
}

TEST_CASE("unbiased schemes refuse bias mode, masks, plain specials and a delta") {
  for (const Scheme* scheme : Schemes()) {
    CAPTURE(scheme->name);
    if (!scheme->unbiased) continue;
    const bool has_mask = scheme->mask != nullptr;
    CHECK(!has_mask);
    const auto f = Make(*scheme, 400, "all refusals");
    const std::vector<uint32_t> output{5, 6};
    std::vector<float> logits(400, 1.0f);
    const auto bias = f.marker.Mark(output, Repeat::kNew, Mode::kBias, {LogitType::kF32, logits.data(), logits.size()});
    REQUIRE(!bias.has_value());
    CHECK(bias.error().kind == ErrorKind::kNotSupported);
    CHECK(logits == std::vector<float>(400, 1.0f));
    std::vector<uint8_t> mask(f.marker.mask_bytes());
    CHECK(f.marker.Mask(output, Repeat::kNew, mask).error().kind == ErrorKind::kNotSupported);
    SamplerSettings plain;
    plain.specials = SamplerSettings::Specials::kPlain;
    CHECK(MakeProfile(SchemeObject(*scheme, 400), plain).error().kind == ErrorKind::kInvalidArgument);
    const std::string bytes = f.profile.bytes();
    CHECK(bytes.find("delta_milli") == std::string::npos);
    std::string with_delta = bytes;
    with_delta.replace(with_delta.find("{\"specials\""), 1, "{\"delta_milli\":2000,");
    CHECK(Profile::Parse(with_delta).error().message == "delta_milli: unknown");
    // Greedy: nothing is marked, since there is no choice.
    SamplerBuffers buffers;
    SamplingOptions greedy;
    greedy.temperature = 0;
    logits[17] = 2;
    const auto drawn = DrawToken(logits, greedy, &f.marker, output, Repeat::kNew, 0.5, buffers);
    REQUIRE(drawn.has_value());
    CHECK(drawn->id == 17);
    CHECK(drawn->price.state == MarkState::kNoChoice);
  }
}
