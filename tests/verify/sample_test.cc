// Samples of tuples: the fingerprint against CMAC written out, the sample against a map, merging in every order, flat memory,
// and the null on pooled text. The CMAC examples themselves are in prf_test.cc.
#include "verify/sample.h"

#include <algorithm>
#include <map>
#include <random>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "tests/bands.h"
#include "tests/watermark/testing.h"
#include "verify/law.h"
#include "watermark/schemes.h"

using namespace verdigris;
using namespace verdigris::testing;
using namespace verdigris::verify;

namespace {

// OpenSSL's own CMAC.
Fingerprint OpensslCmac(const Key& key, const std::vector<uint8_t>& message) {
  EVP_MAC* mac = EVP_MAC_fetch(nullptr, "CMAC", nullptr);
  EVP_MAC_CTX* context = EVP_MAC_CTX_new(mac);
  char cipher[] = "AES-256-CBC";
  const OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_CIPHER, cipher, 0), OSSL_PARAM_construct_end()};
  Fingerprint out;
  size_t length = 0;
  REQUIRE(EVP_MAC_init(context, key.secret().data(), key.secret().size(), params) == 1);
  REQUIRE(EVP_MAC_update(context, message.data(), message.size()) == 1);
  REQUIRE(EVP_MAC_final(context, out.data(), &length, out.size()) == 1);
  EVP_MAC_CTX_free(context);
  EVP_MAC_free(mac);
  return out;
}

// What a sample is, by its definition.
struct ByDefinition {
  std::map<Fingerprint, Sample::Row> rows;
  void Add(const Fingerprint& f, uint64_t score, int log2) {
    for (int bit = 0; bit < log2; ++bit) {
      if (f[static_cast<size_t>(bit) / 8] >> (7 - bit % 8) & 1) return;
    }
    auto& row = rows.try_emplace(f, Sample::Row{f, score, 0}).first->second;
    ++row.occurrences;
  }
  void CheckEqual(Sample& sample, size_t keep) const {
    const auto got = sample.rows();
    const size_t want = keep == 0 ? rows.size() : std::min(keep, rows.size());
    REQUIRE(got.size() == want);
    CHECK(sample.full() == (want < rows.size()));
    size_t i = 0;
    for (const auto& [f, row] : rows) {
      if (i == want) break;
      REQUIRE(got[i++] == row);
    }
  }
};

Fingerprint FingerprintOf(uint32_t tuple) {
  Fingerprint f;
  uint64_t state = tuple;
  for (uint8_t& byte : f) {
    state = (state ^ state >> 29) * 0xBF58476D1CE4E5B9u + 0x9E3779B97F4A7C15u;
    byte = static_cast<uint8_t>(state >> 56);
  }
  return f;
}

}  // namespace

TEST_CASE("a fingerprint is OpenSSL's CMAC of length, message and id, for every width") {
  const Key layer_key = TestKey("fingerprint", 0);
  const Key kfp = DeriveSampleKey(layer_key);
  const Fingerprinter fingerprinter = *Fingerprinter::Create(layer_key);
  for (uint32_t h = 1; h <= 8; ++h) {
    const uint32_t ids[9] = {7, 70000, 3, 16777215, 0, 5, 6, 8, 9};
    const uint32_t* windows[300];
    uint32_t tokens[300];
    for (uint32_t i = 0; i < 300; ++i) {
      windows[i] = ids + i % (10 - h);
      tokens[i] = 1000 + i;
    }
    Fingerprint got[300];
    fingerprinter.Of(windows, tokens, h, 300, got);
    for (const uint32_t i : {0u, 1u, 255u, 256u, 299u}) {
      std::vector<uint8_t> message = {0, static_cast<uint8_t>(8 + 4 * h), 0x56, 1, 0, static_cast<uint8_t>(h)};
      const auto put = [&](uint32_t value) {
        for (int shift = 24; shift >= 0; shift -= 8) message.push_back(static_cast<uint8_t>(value >> shift));
      };
      for (uint32_t w = 0; w < h; ++w) put(windows[i][w]);
      put(tokens[i]);
      CHECK(got[i] == OpensslCmac(kfp, message));
    }
  }
}

TEST_CASE("merging samples of parts gives the sample of the whole, whatever the parts and their order") {
  // 10,000 families, exact; seed 8. The control keeps the tuples that were met first.
  std::mt19937_64 random(8);
  int full = 0, control_wrong = 0;
  for (int family = 0; family < 10000; ++family) {
    const size_t parts = 1 + random() % 9, keep = random() % 8 == 0 ? 0 : 1 + random() % 64;
    const int log2 = static_cast<int>(random() % 4);
    const uint32_t kinds = 1 + static_cast<uint32_t>(random() % 200);
    std::vector<Sample> samples(parts, Sample(keep, log2));
    ByDefinition whole;
    std::vector<uint32_t> first;
    const size_t length = random() % 300;
    for (size_t i = 0; i < length; ++i) {
      const uint32_t tuple = static_cast<uint32_t>(random() % kinds);
      const Fingerprint f = FingerprintOf(tuple);
      whole.Add(f, tuple, log2);
      Sample& sample = samples[random() % parts];
      if (sample.Takes(f)) sample.Add(f, tuple);
      if (std::find(first.begin(), first.end(), tuple) == first.end()) first.push_back(tuple);
      if (random() % 16 == 0) (void)sample.rows();  // settles at odd times
    }
    std::shuffle(samples.begin(), samples.end(), random);
    while (samples.size() > 1) {
      const size_t into = random() % (samples.size() - 1);
      REQUIRE(samples[into].Merge(samples.back()).has_value());
      samples.pop_back();
    }
    whole.CheckEqual(samples[0], keep);
    full += samples[0].full();
    if (samples[0].full() && log2 == 0) {
      bool same = true;
      for (size_t i = 0; i < keep; ++i) same = same && whole.rows.at(FingerprintOf(first[i])).fingerprint <= samples[0].rows().back().fingerprint;
      control_wrong += !same;
    }
  }
  CHECK(full > 1000);
  CHECK(control_wrong > 500);
}

TEST_CASE("samples that do not belong together are refused and unharmed") {
  Sample a(4, 0), b(4, 0);
  a.Add(FingerprintOf(1), 5);
  b.Add(FingerprintOf(1), 6);
  b.Add(FingerprintOf(2), 6);
  const auto conflict = a.Merge(b);
  REQUIRE_FALSE(conflict);
  CHECK(conflict.error().message.find("one tuple has two scores") == 0);
  CHECK(a.rows().size() == 1);
  CHECK(a.rows()[0].score == 5);
  CHECK(a.Merge(Sample(5, 0)).error().message == "samples of keep 4 and 5, sample_log2 0 and 0");
  CHECK(a.Merge(Sample(4, 1)).error().message == "samples of keep 4 and 4, sample_log2 0 and 1");
}

TEST_CASE("occurrences and inflation are those of the stream") {
  Sample sample(0, 0);
  for (int i = 0; i < 3; ++i) sample.Add(FingerprintOf(1), 1);
  sample.Add(FingerprintOf(2), 0);
  CHECK(sample.statistic() == 1);
  CHECK(sample.inflation() == doctest::Approx((9 + 1) / 4.));
  CHECK(Sample(0, 0).inflation() == 0);
}

TEST_CASE("a text's sample holds its layer's distinct tuples below the bound, with their scores") {
  const auto profile = *MakeProfile(SchemeObject(*FindScheme("green"), 300, 128));
  const KeyFile provider = LayerKeyFile(profile, KeyRole::kProvider, TestKey("sample", 0));
  const KeyFile selector = LayerKeyFile(profile, KeyRole::kSelector, TestKey("sample", 1));
  const KeyFile* keys[] = {&provider, &selector};
  const Layers layers = *Layers::Create(profile, keys);
  const Fingerprinter fingerprinter = *Fingerprinter::Create(provider.key);
  std::mt19937_64 random(4);
  std::vector<uint32_t> ids(20000);
  for (uint32_t& id : ids) id = static_cast<uint32_t>(random() % 60);
  std::vector<PositionState> states;
  ClassifyPositions(ids, 2, profile.special_ids(), Rule::kTuple, states);
  ByDefinition want;
  for (size_t t = 2; t < ids.size(); ++t) {
    if (states[t] != PositionState::kEligible) continue;
    const uint32_t* window = &ids[t - 2];
    Layer layer;
    layers.Assign(profile, &window, 1, &layer);
    if (layer != Layer::kProvider) continue;
    uint64_t score = 0;
    layers.Score(profile, layer, &window, &ids[t], 1, &score);
    Fingerprint f;
    fingerprinter.Of(&window, &ids[t], 2, 1, &f);
    want.Add(f, score, 2);
  }
  for (const size_t keep : {size_t{0}, size_t{500}}) {
    Sample whole(keep, 2), halves[2] = {Sample(keep, 2), Sample(keep, 2)};
    SampleText(profile, layers, Layer::kProvider, fingerprinter, ids, states, whole);
    want.CheckEqual(whole, keep);
    // A second half that sees the windows of the first's end: cut the states, not the ids.
    std::vector<PositionState> first = states, second = states;
    for (size_t t = 0; t < ids.size(); ++t) (t < 9999 ? second : first)[t] = PositionState::kSpecial;
    SampleText(profile, layers, Layer::kProvider, fingerprinter, ids, first, halves[0]);
    SampleText(profile, layers, Layer::kProvider, fingerprinter, ids, second, halves[1]);
    REQUIRE(halves[1].Merge(halves[0]).has_value());
    want.CheckEqual(halves[1], keep);
  }
}

TEST_CASE("slow: a sample of an endless stream stays within its size, and its p keeps its band over 2,000 keys") {
  // A stream of a Zipf-like source, heavy with repeats: keep 1,000. Two-sided at .1 and .01. False alarm: 2e-7. The control counts
  // every position of the stream.
  const auto profile = *MakeProfile(SchemeObject(*FindScheme("green"), 5000));
  std::mt19937_64 random(9);
  std::vector<uint32_t> ids(30000);
  for (uint32_t& id : ids) id = 3 + static_cast<uint32_t>(4980.0 * std::pow(static_cast<double>(random() >> 11) * 0x1p-53, 6));
  std::vector<PositionState> states;
  ClassifyPositions(ids, 2, profile.special_ids(), Rule::kTuple, states);
  uint64_t counts[2] = {}, naive = 0;
  std::vector<double> p_of(1001);
  for (uint64_t k = 0; k <= 1000; ++k) p_of[k] = Log10BinomialUpperTail(1000, k, 1, 4);
  std::vector<const uint32_t*> windows;
  std::vector<uint32_t> tokens;
  for (size_t t = 2; t < ids.size(); ++t) {
    if (states[t] != PositionState::kEligible) continue;
    windows.push_back(&ids[t - 2]);
    tokens.push_back(ids[t]);
  }
  std::vector<uint64_t> scores(tokens.size());
  for (uint32_t i = 0; i < 2000; ++i) {
    const KeyFile key = LayerKeyFile(profile, KeyRole::kProvider, TestKey("sampled stream", i));
    const KeyFile* pointer = &key;
    const Layers layers = *Layers::Create(profile, {&pointer, 1});
    Sample sample(1000, 0);
    SampleText(profile, layers, Layer::kProvider, *Fingerprinter::Create(key.key), ids, states, sample);
    REQUIRE(sample.rows().size() == 1000);
    REQUIRE(sample.full());
    for (int a = 0; a < 2; ++a) counts[a] += p_of[static_cast<size_t>(sample.statistic())] <= -(a + 1);
    layers.Score(profile, Layer::kProvider, windows.data(), tokens.data(), tokens.size(), scores.data());
    uint64_t sum = 0;
    for (const uint64_t score : scores) sum += score;
    naive += Log10BinomialUpperTail(tokens.size(), sum, 1, 4) <= -2;
  }
  for (int a = 0; a < 2; ++a) {
    size_t k = 0;
    while (p_of[k] > -(a + 1)) ++k;
    CHECK(WithinBinomialBand(counts[a], 2000, std::pow(10, p_of[k]), 1e-7));
  }
  MESSAGE("naive counting: " << naive << " of 2000 at .01");
  CHECK(naive > 200);
}
