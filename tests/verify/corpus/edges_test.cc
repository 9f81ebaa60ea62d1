// Where p stands among the edges of unit files. Expected: tests/vectors/edges.json, by exact integers and mpmath with 60 digits
// (tests/vectors/make_edges.py), a digest over each list of states.
#include "verify/corpus/edges.h"

#include <fstream>
#include <sstream>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "verify/law.h"
#include "watermark/key.h"

using namespace verdigris;
using namespace verdigris::verify;

namespace {

nlohmann::json Vectors() {
  std::ifstream in(VERDIGRIS_SOURCE_DIR "/tests/vectors/edges.json");
  return nlohmann::json::parse(in);
}

NullLaw LawOf(const nlohmann::json& law) {
  if (law["law"] == "bernoulli") return NullLaw::Bernoulli(law["numerator"], law["denominator"]);
  if (law["law"] == "two_bernoulli") return NullLaw::TwoBernoulli(law["heavy"], law["light"]);
  return NullLaw::Gamma();
}

bool operator==(const PlaceOfP& a, const PlaceOfP& b) { return a.row == b.row && a.bin == b.bin && a.uniform == b.uniform; }

}  // namespace

TEST_CASE("bits: every state of p >= 1e-4 stands where exact integers put it") {
  const nlohmann::json vectors = Vectors();
  const int tau = vectors["tau_hundredths"];
  uint64_t states = 0;
  for (const auto& row : vectors["laws"]) {
    if (row["law"] == "gamma") continue;
    CAPTURE(row.dump());
    const NullLaw law = LawOf(row);
    std::string text;
    for (uint64_t n = 1; n <= row["most_n"].get<uint64_t>(); ++n) {
      for (Statistic s = LargestStatistic(law, n) + 1; s-- > 0;) {
        const double log10_p = Log10UpperTail(law, n, s);
        if (log10_p < -4) continue;
        const PlaceOfP place = FindPlace(law, n, s, log10_p, tau);
        if (n % 16 == 0) REQUIRE(place == FindPlaceExactly(law, n, s, tau));
        text += std::to_string(n) + " " + DecimalText(s) + " " + std::to_string(place.row) + " " + std::to_string(place.bin) + " " + std::to_string(place.uniform) + "\n";
        ++states;
      }
    }
    CHECK(Hex(Sha256(AsBytes(text))) == row["sha256"]);
  }
  CHECK(states > 100'000);
}

TEST_CASE("exponentials: both states next to each edge stand on their sides of it") {
  const nlohmann::json vectors = Vectors();
  const int tau = vectors["tau_hundredths"];
  const NullLaw law = NullLaw::Gamma();
  for (const auto& row : vectors["laws"]) {
    if (row["law"] != "gamma") continue;
    std::string text;
    for (const uint64_t n : row["lengths"].get<std::vector<uint64_t>>()) {
      for (int edge = 1; edge <= tau + 19; ++edge) {
        const bool decade = edge <= tau;
        const size_t twentieths = decade ? 0 : static_cast<size_t>(tau + 20 - edge);
        const double log10_edge = decade ? -edge / 100.0 : std::log10(static_cast<double>(twentieths) / 20);
        // The least statistic at or below the edge by binary64, and from there by the rule itself.
        Statistic low = 0, high = LargestStatistic(law, n);
        while (high - low > 1) {
          const Statistic middle = low + (high - low) / 2;
          (Log10UpperTail(law, n, middle) <= log10_edge ? high : low) = middle;
        }
        const auto below = [&](Statistic s) {
          const double log10_p = Log10UpperTail(law, n, s);
          REQUIRE(std::fabs(log10_p - log10_edge) < 1e-6);
          const PlaceOfP place = FindPlace(law, n, s, log10_p, tau);
          return decade ? place.row || place.bin >= static_cast<size_t>(edge) : place.uniform < twentieths;
        };
        int steps = 0;
        while (!below(high)) ++high, ++steps;
        while (below(high - 1)) --high, ++steps;
        REQUIRE(steps < 200'000);
        text += std::to_string(n) + (decade ? " d" + std::to_string(edge) : " u" + std::to_string(twentieths)) + " " + DecimalText(high) + "\n";
      }
    }
    CHECK(Hex(Sha256(AsBytes(text))) == row["sha256"]);
  }
}

TEST_CASE("a p that lies on an edge belongs to the bin below it") {
  // Half of an odd number of fair bits; one bit; p = 1.
  for (const uint64_t n : {1, 3, 101, 4095, 1'000'001}) {
    const NullLaw fair = NullLaw::Bernoulli(1, 2);
    CHECK(FindPlace(fair, n, (n + 1) / 2, Log10UpperTail(fair, n, (n + 1) / 2), 300).uniform == 9);
  }
  const NullLaw tenth = NullLaw::Bernoulli(1, 10);
  const PlaceOfP one = FindPlace(tenth, 1, 1, Log10UpperTail(tenth, 1, 1), 300);
  CHECK((one.bin == 100 && one.uniform == 1 && !one.row));
  CHECK(FindPlace(tenth, 1, 1, Log10UpperTail(tenth, 1, 1), 100).row);  // p = tau
  CHECK(!FindPlace(tenth, 1, 1, Log10UpperTail(tenth, 1, 1), 101).row);
  CHECK(FindPlace(tenth, 3, 3, Log10UpperTail(tenth, 3, 3), 300).row);
  const PlaceOfP all = FindPlace(tenth, 0, 0, 0, 300);
  CHECK((all.bin == 0 && all.uniform == 19 && !all.row));
  CHECK(FindPlaceExactly(tenth, 3, 0, 300) == all);
}

TEST_CASE("an error of binary64 near an edge changes no place") {
  // 1e-10 in log10 is more than any C library errs by; the control shows that plain comparison would move.
  const NullLaw laws[] = {NullLaw::Gamma(), NullLaw::Bernoulli(1, 10), NullLaw::Bernoulli(1, 2)};
  uint64_t states = 0, moved = 0;
  for (const NullLaw& law : laws) {
    for (uint64_t n = 1; n < 400; n += 2) {
      Statistic s = law.kind == NullLaw::Kind::kGamma ? n << 32 : (n + 1) / 2;
      if (law.denominator == 10) s = 1;
      const double log10_p = Log10UpperTail(law, n, s);
      const PlaceOfP place = FindPlace(law, n, s, log10_p, 300);
      for (const double error : {-1e-10, 1e-10}) {
        const double off = std::min(0.0, log10_p + error);
        REQUIRE(FindPlace(law, n, s, off, 300) == place);
        moved += std::min<size_t>(19, static_cast<size_t>(20 * std::pow(10, off))) != place.uniform;
        ++states;
      }
    }
  }
  CHECK(states == 1200);
  CHECK(moved > 100);
}
