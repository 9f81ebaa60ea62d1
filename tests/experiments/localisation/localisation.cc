// A marked part in a long text: the localiser beside the test of the whole text and beside windows of many lengths with
// Bonferroni's correction.
//
//   localisation_experiment [TEXTS]        1,000 texts a row where no number is given; about a minute
//
// Texts are synthetic: bits of rate g, or unit exponentials, and in the marked pieces bits of a higher rate, or
// exponentials of a larger mean. Windows: lengths 16, 32, ... up to the text's, at every half length; p = windows times
// the smallest tail. Two comparisons: at a nominal 1e-6, which each p keeps; and with thresholds taken from null texts, so
// that each test is wrong in exactly 1 % of them. Prints Markdown; docs/statistics.md shows it.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "tests/verify/null_streams.h"
#include "verify/law.h"
#include "verify/locate.h"

namespace {

using namespace verdigris;
using namespace verdigris::verify;
using verdigris::testing::MixedStream;

// Upper tails of windows of one length, kept for the statistics of bits.
class Windows {
 public:
  Windows(const NullLaw& law, size_t n) : law_(law) {
    for (size_t length = 16; length <= n; length *= 2) {
      lengths_.push_back(length);
      tails_.emplace_back(law.kind == NullLaw::Kind::kBernoulli ? length + 1 : 0, 1.0);
      count_ += (n - length) / (length / 2) + 1;
    }
  }

  double Log10P(const std::vector<uint64_t>& scores) {
    std::vector<uint64_t> upto(scores.size() + 1, 0);
    for (size_t t = 0; t < scores.size(); ++t) upto[t + 1] = upto[t] + scores[t];
    double smallest = 0;
    for (size_t i = 0; i < lengths_.size(); ++i) {
      for (size_t from = 0; from + lengths_[i] <= scores.size(); from += lengths_[i] / 2) {
        smallest = std::min(smallest, Tail(i, upto[from + lengths_[i]] - upto[from]));
      }
    }
    return std::min(0.0, smallest + std::log10(static_cast<double>(count_)));
  }

 private:
  double Tail(size_t i, uint64_t statistic) {
    if (tails_[i].empty()) return Log10UpperTail(law_, lengths_[i], statistic);
    double& tail = tails_[i][statistic];
    if (tail > 0) tail = Log10UpperTail(law_, lengths_[i], statistic);
    return tail;
  }

  NullLaw law_;
  size_t count_ = 0;
  std::vector<size_t> lengths_;
  std::vector<std::vector<double>> tails_;
};

constexpr const char* kTests[] = {"whole text", "windows", "localiser", "combined"};
constexpr size_t kTestCount = std::size(kTests);

struct Outcome {
  double minus_log10_p[kTestCount];
};

Outcome Judge(const NullLaw& law, const std::vector<uint64_t>& scores, Windows& windows, Located* located) {
  Statistic sum = 0;
  for (const uint64_t score : scores) sum += score;
  const double whole = Log10UpperTail(law, scores.size(), sum);
  *located = Locate(law, scores, -6, nullptr);
  const double both = std::min(0.0, std::min(whole, located->log10_p) + std::log10(2));
  return {{-whole, -windows.Log10P(scores), -located->log10_p, -both}};
}

double Quantile(std::vector<double> values, double share) {
  std::sort(values.begin(), values.end());
  return values[std::min(values.size() - 1, static_cast<size_t>(share * static_cast<double>(values.size())))];
}

}  // namespace

int main(int argc, char** argv) {
  const size_t texts = argc > 1 ? static_cast<size_t>(std::atol(argv[1])) : 1000;
  if (texts < 100) {
    std::fprintf(stderr, "at least 100 texts\n");
    return 2;
  }
  struct Row {
    const char* name;
    NullLaw law;
    size_t n, marked, pieces;
    double effect;
  };
  const NullLaw quarter = NullLaw::Bernoulli(1, 4), half = NullLaw::Bernoulli(1, 2), gumbel = NullLaw::Gamma();
  const Row rows[] = {
      {"green 1/4, rate .40, 400 of 400", quarter, 400, 400, 1, .40},
      {"green 1/4, rate .40, 400 of 12,000", quarter, 12000, 400, 1, .40},
      {"green 1/4, rate .40, 600 of 12,000 in 3 pieces", quarter, 12000, 600, 3, .40},
      {"green 1/4, rate .50, 400 of 8,000 in 3 pieces", quarter, 8000, 400, 3, .50},
      {"green 1/4, rate .50, 400 of 12,000 in 3 pieces", quarter, 12000, 400, 3, .50},
      {"green 1/2, rate .65, 400 of 12,000", half, 12000, 400, 1, .65},
      {"gumbel, mean 1.4, 400 of 12,000", gumbel, 12000, 400, 1, 1.4},
      {"gumbel, mean 1.7, 400 of 12,000 in 3 pieces", gumbel, 12000, 400, 3, 1.7},
  };
  std::printf("Median of -log10 p / share of texts with p <= 1e-6 / share found where each test is wrong in 1 %% of null texts.\n\n| text |");
  for (const char* test : kTests) std::printf(" %s |", test);
  std::printf(" segments at 1e-6 a text: right, wrong | of marked tokens covered | of covered tokens marked |\n|---|");
  for (size_t i = 0; i < kTestCount + 3; ++i) std::printf("---|");
  std::printf("\n");
  std::mt19937_64 random(2027);
  for (const Row& row : rows) {
    Windows windows(row.law, row.n);
    std::vector<double> null[kTestCount], found[kTestCount];
    Located located;
    for (size_t text = 0; text < texts; ++text) {
      const Outcome outcome = Judge(row.law, verdigris::testing::NullStream(row.law, row.n, random), windows, &located);
      for (size_t i = 0; i < kTestCount; ++i) null[i].push_back(outcome.minus_log10_p[i]);
    }
    double right = 0, wrong = 0, covered = 0, claimed = 0;
    for (size_t text = 0; text < texts; ++text) {
      const Outcome outcome = Judge(row.law, MixedStream(row.law, row.n, row.marked, row.pieces, row.effect, random), windows, &located);
      for (size_t i = 0; i < kTestCount; ++i) found[i].push_back(outcome.minus_log10_p[i]);
      for (const Segment& segment : located.segments) {
        size_t inside = 0;
        for (size_t j = 0; j < row.pieces; ++j) {
          const size_t from = (2 * j + 1) * row.n / (2 * row.pieces) - row.marked / (2 * row.pieces), to = from + row.marked / row.pieces;
          const size_t first = std::max(from, segment.first), last = std::min(to, segment.last);
          if (first < last) inside += last - first;
        }
        (inside > 0 ? right : wrong) += 1;
        covered += static_cast<double>(inside);
        claimed += static_cast<double>(segment.last - segment.first);
      }
    }
    const double count = static_cast<double>(texts);
    std::printf("| %s |", row.name);
    for (size_t i = 0; i < kTestCount; ++i) {
      const double threshold = Quantile(null[i], .99);
      const auto share = [&](double level) {
        return static_cast<double>(std::count_if(found[i].begin(), found[i].end(), [&](double x) { return x >= level; })) / count;
      };
      std::printf(" %.1f / %.2f / %.2f |", Quantile(found[i], .5), share(6), share(std::nextafter(threshold, 1e9)));
    }
    std::printf(" %.2f, %.4f | %.2f | %.2f |\n", right / count, wrong / count, covered / (count * static_cast<double>(row.marked)), claimed > 0 ? covered / claimed : 0);
    std::fflush(stdout);
  }
  return 0;
}
