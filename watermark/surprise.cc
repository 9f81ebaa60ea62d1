// Both roundings ask for the floor of L(n) = 2^32 * -ln(n / 2^32), which is no integer for n in [1, 2^32): with
// n = 2^32 - word it is the score, with n = word one less than the ceiling.
//
// binary64 gives L to a few 2^-16 (the logarithm is below 22.2, and a library's is good to an ulp or two), so its floor
// is right unless it lies within 2^-14 of an integer, which 1 input in 8,200 does. There the logarithm is
// computed again in integers: an atanh series in units of 2^-128, with an error below 2^-114 nat. Of all 2^32 inputs the
// nearest to an integer, n = 2^32 - 1, keeps 2^-65 nat away from it (N8.2), so that floor is the real number's, on every
// machine and with every compiler.
//
// Tested by tests/watermark/surprise_test.cc (native.json `gumbel_score`, score.json).
#include "watermark/surprise.h"

#include <bit>
#include <cassert>
#include <cmath>

namespace verdigris {
namespace {

__extension__ typedef unsigned __int128 Fraction;  // in units of 2^-128

// ln 2 * 2^128, rounded down: OEIS A068426, the binary digits of ln 2.
constexpr Fraction kLn2 = Fraction{0xB17217F7D1CF79AB} << 64 | 0xC9E3B39803F2F6AF;

// The upper half of the product: one unit too low at most.
Fraction Multiply(Fraction a, Fraction b) {
  const auto low = [](Fraction x) { return static_cast<uint64_t>(x); };
  const auto high = [](Fraction x) { return static_cast<uint64_t>(x >> 64); };
  const Fraction middle_a = Fraction{high(a)} * low(b), middle_b = Fraction{low(a)} * high(b);
  const Fraction carry = (Fraction{low(a)} * low(b) >> 64) + low(middle_a) + low(middle_b);
  return Fraction{high(a)} * high(b) + high(middle_a) + high(middle_b) + high(carry);
}

}  // namespace

uint64_t FloorMinusLn(uint64_t n) {
  assert(n >= 1 && n <= uint64_t{1} << 32);
  const int exponent = std::bit_width(n) - 1;
  const uint64_t power = uint64_t{1} << exponent;
  // n = 2^exponent * m, m in [1, 2): ln m = 2 atanh(s), s = (m - 1) / (m + 1) = (n - power) / (n + power) < 1/3.
  const Fraction divisor = n + power;
  const Fraction upper = Fraction{n - power} << 96;
  const Fraction s = (upper / divisor << 32) + (upper % divisor << 32) / divisor;
  const Fraction square = Multiply(s, s);
  Fraction half_ln_m = 0, power_of_s = s;
  for (unsigned i = 1; power_of_s != 0; i += 2) {
    half_ln_m += power_of_s / i;
    power_of_s = Multiply(power_of_s, square);
  }
  // -ln(n / 2^32) = (32 - exponent) ln 2 - ln m is below 2^5, so it is put together in units of 2^-120.
  const Fraction nats = (kLn2 >> 8) * static_cast<unsigned>(32 - exponent) - (half_ln_m >> 7);
  return static_cast<uint64_t>(nats >> (120 - 32));
}

namespace {

// The same for n in [1, 2^32).
uint64_t FloorFast(uint64_t n) {
  constexpr double kDoubt = 0x1p-14;
  const double value = -std::log(static_cast<double>(n) * 0x1p-32) * 0x1p32;
  const auto floor = static_cast<int64_t>(value);  // value is below 2^37 and not below 0
  const double fraction = value - static_cast<double>(floor);
  if (fraction < kDoubt || fraction > 1 - kDoubt) return FloorMinusLn(n);
  return static_cast<uint64_t>(floor);
}

}  // namespace

uint64_t SurpriseDown(uint32_t word) { return word == 0 ? 0 : FloorFast((uint64_t{1} << 32) - word); }

std::optional<uint64_t> SurpriseUp(uint32_t word) {
  if (word == 0) return std::nullopt;
  return FloorFast(word) + 1;
}

}  // namespace verdigris
