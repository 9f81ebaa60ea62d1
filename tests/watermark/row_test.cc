// Exponentials against the C library's in a wider type; ids of candidate lists.
#include "watermark/row.h"

#include <cmath>
#include <cstring>
#include <random>

#include "tests/watermark/testing.h"

using namespace verdigris;
using namespace verdigris::testing;

TEST_CASE("exponentials are good to 1.2 units in the last place from -700 to 0, and 0 below") {
  std::mt19937_64 random(40);
  std::vector<double> x{0, -1e-300, -0x1p-53, -1e-9, -0.5, -0.693147180559945, -1, -2, -699.999, -700.001, -745, -1e300,
                        -std::numeric_limits<double>::infinity()};
  while (x.size() < 200003) x.push_back(-700.0 * std::pow(static_cast<double>(random() >> 11) * 0x1p-53, 3));
  std::vector<double> e(x.size());
  const double sum = ExpDifferences(x.data(), x.size(), 0, e.data());
  CHECK(e[0] == 1);
  long double worst = 0, total = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    total += e[i];
    if (x[i] < -700) {
      CHECK(e[i] == 0);
      continue;
    }
    const long double exact = std::exp(static_cast<long double>(x[i]));
    worst = std::max(worst, std::fabs(e[i] - exact) / exact);
  }
  CHECK(worst < 1.2L * 0x1p-52L);
  CHECK(std::fabs(static_cast<double>(total) - sum) < 1e-12 * sum);
  // Every length has the same values, and max is taken off.
  for (size_t n = 1; n < 20; ++n) {
    std::vector<float> values(n);
    for (size_t i = 0; i < n; ++i) values[i] = 3.5f - 0.25f * static_cast<float>(i);
    ExpDifferences(values.data(), n, 3.5, e.data());
    for (size_t i = 0; i < n; ++i) CHECK(std::fabs(e[i] - std::exp(-0.25 * static_cast<double>(i))) < 1e-15);
  }
}

TEST_CASE("exponentials and their sum have the same bits with AVX2 and without, rows of any length") {
  std::mt19937_64 random(41);
  for (size_t count = 1; count < 600; count += count < 70 ? 1 : 53) {
    CAPTURE(count);
    std::vector<float> x(count);
    for (float& value : x) {
      value = -30 * static_cast<float>(random() >> 40) * 0x1p-24f;
      if (random() % 16 == 0) value = -std::numeric_limits<float>::infinity();
    }
    const std::vector<double> same(x.begin(), x.end());
    std::vector<double> e(count), any(count), of_doubles(count);
    const double sum = ExpDifferences(x.data(), count, 1.5, e.data());
    CHECK(sum == ExpDifferencesOnAny(x.data(), count, 1.5, any.data()));
    CHECK(e == any);
    CHECK(sum == ExpDifferences(same.data(), count, 1.5, of_doubles.data()));
    CHECK(e == of_doubles);
  }
}

TEST_CASE("delta is added with the same bits by masks, by tables and one by one") {
  std::mt19937_64 random(42);
  for (size_t count : {1, 7, 8, 15, 16, 17, 31, 1000, 1023, 1024, 1029, 1040, 3001}) {
    CAPTURE(count);
    std::vector<float> x(count);
    for (float& value : x) value = random() % 8 == 0 ? -0.0f : random() % 8 == 0 ? -std::numeric_limits<float>::infinity() : static_cast<float>(random() >> 40);
    std::vector<uint8_t> bits((count + 7) / 8);
    for (uint8_t& byte : bits) byte = static_cast<uint8_t>(random());
    std::vector<float> all = x, any = x, single = x;
    AddWhere(bits.data(), count, 0.7f, all.data());
    AddWhereOnAny(bits.data(), count, 0.7f, any.data());
    for (size_t i = 0; i < count; ++i) {
      if (bits[i / 8] >> (i % 8) & 1) single[i] += 0.7f;
    }
    CHECK(std::memcmp(all.data(), single.data(), count * sizeof(float)) == 0);
    CHECK(std::memcmp(any.data(), single.data(), count * sizeof(float)) == 0);
  }
}

TEST_CASE("weights are 0 for special and absent entries, in stretches of any place and size") {
  std::mt19937_64 random(41);
  for (int trial = 0; trial < 200; ++trial) {
    const size_t count = 1 + random() % 1500;
    std::vector<double> ln(count), weights(count, -1);
    double max = -1e9;
    for (double& x : ln) {
      x = random() % 8 ? static_cast<double>(random() % 1000) / 100 : -std::numeric_limits<double>::infinity();
      max = std::max(max, x);
    }
    if (max < 0) continue;
    std::vector<IdRange> special;
    for (uint32_t i = static_cast<uint32_t>(random() % 50); i < count;) {
      const auto last = static_cast<uint32_t>(std::min<size_t>(count - 1, i + random() % 700));
      special.push_back({i, last});
      i = last + 1 + static_cast<uint32_t>(random() % 60);  // may be the next: a list has one range for each entry
    }
    const Weights sums = Weigh(RowView<double>{ln.data(), nullptr, count, max, count, special}, weights.data());
    std::vector<bool> is_special(count);
    for (const IdRange& range : special) std::fill(is_special.begin() + range.first, is_special.begin() + range.last + 1, true);
    double markable_sum = 0, special_sum = 0;
    for (size_t i = 0; i < count; ++i) {
      const double e = std::exp(ln[i] - max);
      (is_special[i] ? special_sum : markable_sum) += e;
      CHECK(std::fabs(weights[i] - (is_special[i] ? 0 : e)) < 1e-15);
    }
    CHECK(std::fabs(sums.markable - markable_sum) < 1e-12);
    CHECK(std::fabs(sums.special - special_sum) < 1e-12);
  }
}

TEST_CASE("an id that stands twice is refused with both places, small or large, and leaves nothing behind") {
  Workspace workspace;
  std::vector<float> logits(6);
  const auto load = [&](const std::vector<uint32_t>& ids) {
    return LoadIds({LogitType::kF32, logits.data(), ids.size(), 0, ids.data(), 0}, workspace);
  };
  const std::vector<uint32_t> good{5, 0, 63, 64, 0xFFFFFFFF, kIdLimit};
  CHECK(load(good).has_value());
  CHECK(workspace.ids == good);
  for (const auto& [ids, message] : std::vector<std::pair<std::vector<uint32_t>, std::string>>{
           {{5, 9, 7, 9, 7, 1}, "candidate id 9 stands twice, at 1 and 3"},
           {{kIdLimit - 1, 3, 4, 5, kIdLimit - 1, 6}, "candidate id 16777215 stands twice, at 0 and 4"},
           {{1, 0xFFFFFFFF, 2, kIdLimit, 3, 0xFFFFFFFF}, "candidate id 4294967295 stands twice, at 1 and 5"}}) {
    const auto loaded = load(ids);
    REQUIRE(!loaded.has_value());
    CHECK(loaded.error().kind == ErrorKind::kInvalidArgument);
    CHECK(loaded.error().message == message);
    CHECK(load(good).has_value());
    CHECK(load({9, 7, kIdLimit - 1, 3, 1, 2}).has_value());
  }
}
