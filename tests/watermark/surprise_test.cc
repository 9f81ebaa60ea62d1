// Expected numbers: score.json (mpmath, 60 digits) in surprise.json; native.json `gumbel_score` in scheme_gumbel.json; and
// decimal arithmetic where said.
#include "watermark/surprise.h"

#include <cmath>
#include <limits>
#include <random>

#include "tests/watermark/testing.h"

using namespace verdigris;
using namespace verdigris::testing;

TEST_CASE("both roundings are those of the vectors, the hard inputs included") {
  const auto file = ReadJsonFile("surprise.json");
  REQUIRE(file["surprise"].size() == 371);
  for (const auto& row : file["surprise"]) {
    const uint32_t word = row[0];
    CAPTURE(word);
    CHECK(SurpriseDown(word) == row[1]);
    CHECK(FloorMinusLn((uint64_t{1} << 32) - word) == row[1]);
    CHECK(SurpriseUp(word).has_value() == !row[2].is_null());
    if (row[2].is_null()) continue;
    CHECK(*SurpriseUp(word) == row[2]);
    CHECK(FloorMinusLn(word) + 1 == row[2]);
  }
  const auto gumbel = ReadJsonFile("scheme_gumbel.json");
  REQUIRE(gumbel["gumbel_score"].size() > 50);
  for (const auto& row : gumbel["gumbel_score"]) CHECK(SurpriseDown(row[0]) == row[1]);
  CHECK(SurpriseDown(0xFFFFFFFF) == kMaxSurprise);
}

TEST_CASE("words whose score binary64 alone gets wrong: it lies within 3e-6 below an integer") {
  // Found by search, with the C library of Debian 12; the expected floors are of 60-digit decimal arithmetic (Python).
  constexpr struct {
    uint64_t n, floor;
  } kHard[] = {{185842, 43156078988},  {275584, 41463880634},  {298939, 41114497685},  {482854, 39055169137},
               {1163774, 35276847233}, {2747498, 31587373659}, {3341592, 30746605203}, {3634083, 30386216776},
               {3940112, 30038958621}, {4623146, 29352338192}, {4786650, 29203065026}, {5458417, 28639015441}};
  for (const auto& hard : kHard) {
    CAPTURE(hard.n);
    CHECK(FloorMinusLn(hard.n) == hard.floor);
    CHECK(SurpriseDown(static_cast<uint32_t>((uint64_t{1} << 32) - hard.n)) == hard.floor);
    CHECK(*SurpriseUp(static_cast<uint32_t>(hard.n)) == hard.floor + 1);
  }
}

TEST_CASE("the integers alone agree with an 80-bit logarithm wherever that can tell") {
  // long double has 64 bits on x86: an error below 2^-26 units, so only inputs nearer to an integer are left out. Where
  // long double is binary64 the check would be the fast path's own; it is left out there.
  if (std::numeric_limits<long double>::digits < 64) return;
  std::mt19937_64 random(20);
  int left_out = 0;
  for (int i = 0; i < 200000; ++i) {
    const uint64_t n = 1 + (random() >> 32) % ((uint64_t{1} << (1 + i % 32)) - 1);
    const long double value = -std::log(static_cast<long double>(n) * 0x1p-32L) * 0x1p32L;
    const long double fraction = value - std::floor(value);
    if (fraction < 0x1p-20L || fraction > 1 - 0x1p-20L) {
      ++left_out;
      continue;
    }
    if (FloorMinusLn(n) != static_cast<uint64_t>(value)) FAIL(n);
  }
  CHECK(left_out < 1000);  // small n come often
}

TEST_CASE("slow: what binary64 decides and what integers decide is the same for every 40th word") {
  // The fallback is of another kind (integers, a series, 2^-114 nat) than the fast path (libm). A fast path that is wrong
  // for a share s of the inputs is missed with chance (1 - s)^(10^8). Both the score and its counterpart: 2 x 107 million.
  uint64_t wrong = 0;
  for (uint64_t n = 1; n < uint64_t{1} << 32; n += 40) {
    const uint64_t floor = FloorMinusLn(n);
    wrong += SurpriseDown(static_cast<uint32_t>((uint64_t{1} << 32) - n)) != floor;
    wrong += *SurpriseUp(static_cast<uint32_t>(n)) != floor + 1;
  }
  CHECK(wrong == 0);
}
