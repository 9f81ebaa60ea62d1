// Expected masks, distributions and prices: native.json `green_masks`, `green_thresholds`, `marks`, `biases`, `prices`.
#include <bit>
#include <cmath>
#include <cstring>

#include "tests/watermark/testing.h"
#include "watermark/schemes.h"

using namespace verdigris;
using namespace verdigris::testing;

namespace {

const Scheme& Green() { return *FindScheme("green"); }

std::vector<uint8_t> MaskOf(const nlohmann::json& row, uint32_t threshold, uint32_t vocab) {
  auto object = SchemeObject(Green(), vocab);
  object["planes"] = row["planes"];
  object["threshold"] = threshold;
  object["unmarked_ids"] = nlohmann::json::array();
  const auto profile = MakeProfile(object);
  REQUIRE(profile.has_value());
  const auto prf = Prf::Create(KeyFromHex(row["layer_key"]));
  const std::vector<uint32_t> window = row["window"];
  std::vector<uint8_t> mask((vocab + 7) / 8, 0xFF);
  Green().mask(*profile, *prf, prf->mac().TagOf(window.data(), window.size()), nullptr, vocab, mask.data());
  return mask;
}

size_t Count(const std::vector<uint8_t>& mask) {
  size_t count = 0;
  for (const uint8_t byte : mask) count += static_cast<size_t>(std::popcount(byte));
  return count;
}

}  // namespace

TEST_CASE("green masks have the size and the digest of the vectors, for h and m of 1 to 8 and V to 262,144") {
  const auto file = ReadJsonFile("scheme_green.json");
  REQUIRE(file["green_masks"].size() == 576);
  for (const auto& row : file["green_masks"]) {
    CAPTURE(row.dump());
    const auto mask = MaskOf(row, row["threshold"], row["vocab"]);
    CHECK(Count(mask) == row["green"]);
    CHECK(Sha256Hex(mask) == row["sha256"]);
    if (row.contains("ids")) {
      std::vector<uint32_t> ids;
      for (uint32_t v = 0; v < row["vocab"]; ++v) {
        if (mask[v >> 3] >> (v & 7) & 1) ids.push_back(v);
      }
      CHECK(ids == row["ids"].get<std::vector<uint32_t>>());
    }
  }
}

TEST_CASE("every threshold of every number of planes gives the count of the vectors, and the colour of one id alone is the mask's") {
  const auto file = ReadJsonFile("scheme_green.json");
  REQUIRE(file["green_thresholds"].size() == 8);
  for (const auto& row : file["green_thresholds"]) {
    const auto counts = row["green_by_threshold"].get<std::vector<size_t>>();
    REQUIRE(counts.size() == (size_t{1} << row["planes"].get<int>()) - 1);
    for (uint32_t t = 1; t <= counts.size(); ++t) {
      CAPTURE(t);
      const auto mask = MaskOf(row, t, row["vocab"]);
      CHECK(Count(mask) == counts[t - 1]);
      for (uint32_t v = 0; v < 16; ++v) CHECK((mask[v >> 3] >> (v & 7) & 1) == (row["values_0_to_15"][v] < t));
      // The same through the route for candidate lists, out of order.
      auto object = SchemeObject(Green(), row["vocab"]);
      object["planes"] = row["planes"];
      object["threshold"] = t;
      const auto profile = MakeProfile(object);
      const auto prf = Prf::Create(KeyFromHex(row["layer_key"]));
      const std::vector<uint32_t> window = row["window"];
      std::vector<uint32_t> ids;
      for (uint32_t i = 0; i < 100; ++i) ids.push_back((i * 37 + 5) % row["vocab"].get<uint32_t>());
      std::vector<uint8_t> bits(13);
      Green().mask(*profile, *prf, prf->mac().TagOf(window.data(), window.size()), ids.data(), ids.size(), bits.data());
      for (size_t i = 0; i < ids.size(); ++i) CHECK((bits[i >> 3] >> (i & 7) & 1) == (mask[ids[i] >> 3] >> (ids[i] & 7) & 1));
    }
  }
}

TEST_CASE("P becomes the Q of the vectors to 1e-9, as a list in any order and as a whole row") {
  const auto file = ReadJsonFile("scheme_green.json");
  REQUIRE(file["marks"].size() == 6);
  for (const auto& row : file["marks"]) {
    SamplerSettings sampler;
    sampler.delta_milli = row["delta_milli"];
    const auto profile = MakeProfile(row["scheme"], sampler);
    REQUIRE(profile.has_value());
    const auto prf = Prf::Create(KeyFromHex(row["layer_key"]));
    const std::vector<uint32_t> window = row["window"];
    const Tag tag = prf->mac().TagOf(window.data(), window.size());
    std::vector<uint32_t> ids = row["ids"];
    std::vector<double> p, q;
    for (const std::string text : row["P"]) p.push_back(std::stod(text));
    for (const std::string text : row["Q"]) q.push_back(std::stod(text));
    std::reverse(ids.begin(), ids.end());
    std::reverse(p.begin(), p.end());
    std::reverse(q.begin(), q.end());
    const auto mark = [&](std::vector<double>& ln, const uint32_t* list) {
      Workspace workspace;
      const auto scan = ScanRow(ln.data(), ln.size());
      REQUIRE(scan.has_value());
      std::vector<IdRange> special;
      FindSpecial(profile->special_ids(), list, ln.size(), special);
      Green().mark_f64(*profile, *prf, tag, {ln.data(), list, ln.size(), scan->max, scan->finite, special}, workspace, nullptr);
    };
    std::vector<double> ln;
    for (const double x : p) ln.push_back(std::log(x) + 3);  // a constant in the logits changes nothing
    mark(ln, ids.data());
    for (size_t i = 0; i < ln.size(); ++i) CHECK(std::fabs(std::exp(ln[i]) - q[i]) <= 1e-9);

    std::vector<double> whole(*std::max_element(ids.begin(), ids.end()) + 1, -INFINITY);
    for (size_t i = 0; i < ids.size(); ++i) whole[ids[i]] = std::log(p[i]);
    mark(whole, nullptr);
    double total = 0;
    for (size_t i = 0; i < ids.size(); ++i) CHECK(std::fabs(std::exp(whole[ids[i]]) - q[i]) <= 1e-9);
    for (const double x : whole) total += std::exp(x);
    CHECK(std::fabs(total - 1) <= 1e-12);
  }
}

TEST_CASE("biased logits are those of the vectors bit for bit, in all three types") {
  const auto file = ReadJsonFile("scheme_green.json");
  REQUIRE(file["biases"].size() == 12);
  for (const auto& c : file["biases"]) {
    CAPTURE(c["dtype"].get<std::string>());
    CAPTURE(c["delta_milli"].get<int>());
    SamplerSettings sampler;
    sampler.delta_milli = c["delta_milli"];
    sampler.specials = SamplerSettings::Specials::kPlain;
    const auto profile = MakeProfile(c["scheme"], sampler);
    REQUIRE(profile.has_value());
    const auto prf = Prf::Create(KeyFromHex(c["layer_key"]));
    const std::vector<uint32_t> window = c["window"];
    std::vector<uint8_t> bytes = Unhex(c["logits"]);
    const LogitType type = c["dtype"] == "f32" ? LogitType::kF32 : c["dtype"] == "f16" ? LogitType::kF16 : LogitType::kBf16;
    const Row row{type, bytes.data(), bytes.size() / SizeOf(type), 0, nullptr, 0};
    std::vector<uint8_t> bits((row.count + 7) / 8);
    std::vector<IdRange> special;
    FindSpecial(profile->special_ids(), nullptr, row.count, special);
    Green().mask(*profile, *prf, prf->mac().TagOf(window.data(), window.size()), nullptr, row.count, bits.data());
    ClearBits(special, bits.data());
    std::vector<float> logits(row.count);
    LoadLogits(row, logits.data());
    AddWhere(bits.data(), row.count, static_cast<float>(profile->delta_nats()), logits.data());
    StoreLogits(logits.data(), row);
    CHECK(Hex(bytes) == c["marked"]);
  }
}

TEST_CASE("the price is that of the vectors") {
  const auto file = ReadJsonFile("scheme_green.json");
  const auto prf = Prf::Create(TestKey("green price", 0));
  const uint32_t window[2] = {10, 11};
  const Tag tag = prf->mac().TagOf(window, 2);
  int seen = 0;
  for (const auto& values : file["prices"]["rows"]) {
    const double green = std::stod(values[0].get<std::string>()), special = std::stod(values[2].get<std::string>());
    SamplerSettings sampler;
    sampler.delta_milli = values[1];
    const auto profile = MakeProfile(SchemeObject(Green(), 1000), sampler);
    std::vector<uint8_t> mask(125);
    Green().mask(*profile, *prf, tag, nullptr, 1000, mask.data());
    const auto first = [&](bool wanted) {
      for (uint32_t v = 3;; ++v) {
        if (((mask[v >> 3] >> (v & 7) & 1) != 0) == wanted) return v;
      }
    };
    const std::vector<uint32_t> ids{first(true), first(false), 0};
    std::vector<double> ln{std::log(green * (1 - special)), std::log((1 - green) * (1 - special)), std::log(special)};
    const auto scan = ScanRow(ln.data(), 3);
    const std::vector<IdRange> specials{{2, 2}};
    Workspace workspace;
    Masses masses;
    Green().mark_f64(*profile, *prf, tag, {ln.data(), ids.data(), 3, scan->max, scan->finite, specials}, workspace, &masses);
    CAPTURE(values.dump());
    const auto close = [](double got, const nlohmann::json& want) {
      const double expected = std::stod(want.get<std::string>());
      return std::fabs(got - expected) <= 1e-15 + 1e-9 * std::fabs(expected);
    };
    CHECK(close(masses.kl_qp, values[3]));
    CHECK(close(masses.kl_pq, values[4]));
    CHECK(close(masses.tv, values[5]));
    CHECK(std::fabs(masses.green - green) <= 1e-12);
    CHECK(std::fabs(masses.special - special) <= 1e-12);
    ++seen;
  }
  CHECK(seen == 72);
}

TEST_CASE("the reference effect is the green share under a third of delta, without overflow, and gamma where delta is nothing") {
  const auto effect = [](int planes, int threshold, uint32_t delta_milli) {
    auto object = SchemeObject(Green(), 1000);
    object["planes"] = planes;
    object["threshold"] = threshold;
    SamplerSettings sampler;
    sampler.delta_milli = delta_milli;
    const auto profile = MakeProfile(object, sampler);
    REQUIRE(profile.has_value());
    return Green().reference_effect(*profile);
  };
  // command-line.md L4: 0.394 and 0.661 at delta 2.
  CHECK(std::fabs(effect(2, 1, 2000) - 0.394) < 5e-4);
  CHECK(std::fabs(effect(1, 1, 2000) - 0.661) < 5e-4);
  // The slope at delta 0 is g (1 - g) / 3 a nat.
  CHECK(std::fabs(effect(2, 1, 1) - 0.25 - 0.25 * 0.75 / 3 * 1e-3) < 1e-8);
  CHECK(std::fabs(effect(8, 255, 1) - 255.0 / 256) < 1e-5);
  // a = exp(20 / 3) = 785.771994.
  CHECK(std::fabs(effect(2, 1, 20000) - 785.771994 / (785.771994 + 3)) < 1e-9);
  CHECK(effect(8, 255, 20000) < 1);
}
