#include "verify/report/figures.h"

#include <doctest/doctest.h>

namespace verdigris::verify {
namespace {

TEST_CASE("figures: numbers for people") {
  CHECK(Grouped(0) == "0");
  CHECK(Grouped(999) == "999");
  CHECK(Grouped(1000) == "1,000");
  CHECK(Grouped(24'812'377) == "24,812,377");
  CHECK(Percent(0.125) == "12.5 %");
  CHECK(PrintReal(1e-6) == "1e-06");
  CHECK(Places(0.25) == "0.250");
}

TEST_CASE("figures: a p is rounded towards less evidence, and p = 1 has no exponent") {
  CHECK(TenTo(-5.12349) == "10^-5.1234");
  CHECK(TenTo(0) == "1");
  CHECK(TenTo(-5000) == "10^-5000.0000");
}

}  // namespace
}  // namespace verdigris::verify
