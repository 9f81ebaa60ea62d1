// A C library whose logarithms and exponentials are off by one ulp, up and down in turn, counts as this one does. The functions
// below stand in the place of the library's for this program alone.
#include "verify/corpus/edges.h"

#include <dlfcn.h>

#include <cmath>
#include <cstdint>

#include <doctest/doctest.h>

#include "verify/law.h"

namespace {

int g_off = 0;  // ulps
uint64_t g_calls = 0;

double Off(const char* name, double x) {
  using Function = double (*)(double);
  const double exact = reinterpret_cast<Function>(::dlsym(RTLD_NEXT, name))(x);
  ++g_calls;
  if (g_off == 0 || exact == 0 || !std::isfinite(exact)) return exact;
  return std::nextafter(exact, g_off > 0 ? INFINITY : -INFINITY);
}

}  // namespace

extern "C" {
double log(double x) { return Off("log", x); }
double log1p(double x) { return Off("log1p", x); }
double log10(double x) { return Off("log10", x); }
double exp(double x) { return Off("exp", x); }
}

using namespace verdigris;
using namespace verdigris::verify;

TEST_CASE("no place depends on the last bit of log or exp") {
  const NullLaw laws[] = {NullLaw::Bernoulli(1, 2), NullLaw::Bernoulli(1, 4), NullLaw::Gamma()};
  uint64_t states = 0, bits_moved = 0;
  for (const NullLaw& law : laws) {
    for (uint64_t n = 1; n < 300; n += 2) {
      for (int step = 0; step < 60; ++step) {
        const Statistic mean = static_cast<Statistic>(MeanScore(law) * static_cast<double>(n));
        Statistic s = law.kind == NullLaw::Kind::kGamma ? mean + (static_cast<Statistic>(step) * n << 32) / 100 : mean + static_cast<Statistic>(step) / 2;
        if (s > LargestStatistic(law, n)) continue;
        g_off = 0;
        const double log10_p = Log10UpperTail(law, n, s);
        const PlaceOfP place = FindPlace(law, n, s, log10_p, 300);
        for (const int off : {-1, 1}) {
          g_off = off;
          const double other = Log10UpperTail(law, n, s);
          const PlaceOfP moved = FindPlace(law, n, s, other, 300);
          g_off = 0;
          bits_moved += other != log10_p;
          ++states;
          REQUIRE(moved.row == place.row);
          REQUIRE(moved.bin == place.bin);
          REQUIRE(moved.uniform == place.uniform);
        }
      }
    }
  }
  CHECK(states > 20'000);
  CHECK(g_calls > states);
  CHECK(bits_moved > states / 2);  // the functions were replaced
}
