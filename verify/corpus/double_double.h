// Numbers of about 31 digits as sums of two binary64, by addition, multiplication and division alone: the same bits on every
// machine, whatever its C library.
//
// Source   Dekker, "A floating-point technique for extending the available precision", Numer. Math. 18, 1971; Joldes, Muller and
//          Popescu, "Tight and rigorous error bounds for basic building blocks of double-word arithmetic", TOMS 44, 2017.
// Accuracy relative error of one operation at most 2^-102. Built with -ffp-contract=off. Numbers between 1e-280 and 1e280.
#pragma once

#ifdef __FAST_MATH__
#error "fast-math would take the low half away"
#endif

namespace verdigris::verify {

struct DoubleDouble {
  double high = 0, low = 0;

  // The sum of two numbers, the first at least as large.
  static DoubleDouble FastTwoSum(double a, double b) {
    const double sum = a + b;
    return {sum, b - (sum - a)};
  }
  static DoubleDouble TwoSum(double a, double b) {
    const double sum = a + b, part = sum - a;
    return {sum, (a - (sum - part)) + (b - part)};
  }
  static DoubleDouble TwoProduct(double a, double b) {
    constexpr double kSplit = 134217729;  // 2^27 + 1
    const double ca = kSplit * a, cb = kSplit * b;
    const double ah = ca - (ca - a), bh = cb - (cb - b), al = a - ah, bl = b - bh;
    const double product = a * b;
    return {product, ((ah * bh - product) + ah * bl + al * bh) + al * bl};
  }
};

inline DoubleDouble operator+(const DoubleDouble& x, const DoubleDouble& y) {
  const DoubleDouble s = DoubleDouble::TwoSum(x.high, y.high), t = DoubleDouble::TwoSum(x.low, y.low);
  const DoubleDouble v = DoubleDouble::FastTwoSum(s.high, s.low + t.high);
  return DoubleDouble::FastTwoSum(v.high, t.low + v.low);
}

inline DoubleDouble operator-(const DoubleDouble& x, const DoubleDouble& y) { return x + DoubleDouble{-y.high, -y.low}; }

inline DoubleDouble operator*(const DoubleDouble& x, const DoubleDouble& y) {
  const DoubleDouble c = DoubleDouble::TwoProduct(x.high, y.high);
  return DoubleDouble::FastTwoSum(c.high, c.low + (x.high * y.low + x.low * y.high));
}

inline DoubleDouble operator/(const DoubleDouble& x, const DoubleDouble& y) {
  // Two quotients of binary64 and what is left after each.
  const double first = x.high / y.high;
  const DoubleDouble rest = x - y * DoubleDouble{first, 0};
  const double second = rest.high / y.high;
  const DoubleDouble rest2 = rest - y * DoubleDouble{second, 0};
  const DoubleDouble sum = DoubleDouble::FastTwoSum(first, second);
  return sum + DoubleDouble{rest2.high / y.high, 0};
}

inline bool operator<(const DoubleDouble& x, const DoubleDouble& y) { return x.high < y.high || (x.high == y.high && x.low < y.low); }

}  // namespace verdigris::verify
