// How many tokens a detection takes: marked texts of the pocket model, each under its own key, under every scheme at three
// temperatures, judged after every further token.
//
//   ninja -C build/release experiments && build/release/tests/power_experiment [texts] [scheme] > power.csv
//   build/release/tests/power_experiment medians [texts] > medians.csv
//
// n99 fixed    scored tokens from which 99 % of the texts have p <= 1e-6 by counting
// n99 proxy    the same by the sum weighed with the model's own probabilities (schemes that have such a test)
// stop         mean number of scored tokens at which the anytime test stops, and as a share of n99 fixed
// Texts that are not there yet at their end are counted as their full length, and "n99" is then a lower bound (>).
// Price: KL(Q||P) a token, nats, of rows at the key of the text; for unbiased schemes it is no price over random keys.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string_view>
#include <vector>

#include "tests/experiments/keyed_pocket.h"
#include "verify/law.h"
#include "verify/martingale.h"
#include "verify/proxy.h"

using namespace verdigris;
using namespace verdigris::testing;
using namespace verdigris::verify;

namespace {

constexpr size_t kTokens = 400;
constexpr double kLog10Alpha = -6;

// Of each text, the first length from which it is detected at every longer one; none where it is not at the end.
using FirstLengths = std::vector<std::optional<uint64_t>>;

std::optional<uint64_t> Quantile(FirstLengths lengths, double share) {
  std::sort(lengths.begin(), lengths.end(), [](const auto& a, const auto& b) { return a && (!b || *a < *b); });
  return lengths[static_cast<size_t>(std::ceil(share * static_cast<double>(lengths.size()))) - 1];
}

void PrintQuantile(const FirstLengths& lengths, double share) {
  if (const auto at = Quantile(lengths, share)) {
    std::printf(",%llu", static_cast<unsigned long long>(*at));
  } else {
    std::printf(",>%zu", kTokens);
  }
}

double SumOfBits(const std::vector<double>& ln_p) {
  double nats = 0;
  for (const double ln : ln_p) nats -= ln;
  return nats / std::log(2.0);
}

double Median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<ptrdiff_t>(values.size() / 2), values.end());
  return values[values.size() / 2];
}

// Short texts as others measure them: 400 tokens at temperature 0.8 and top-p 0.9.
void PrintMedians(const PocketWorld& pocket, size_t texts) {
  std::puts("scheme,temperature,top_p,tokens,texts,entropy_bits,median_fixed,median_proxy,median_anytime");
  for (const Scheme* scheme : Schemes()) {
    const Profile profile = PocketProfile(pocket, *scheme);
    const bool has_proxy = scheme->draws != nullptr;
    std::vector<double> fixed, proxy, anytime;
    double bits = 0;
    for (uint64_t seed = 0; seed < texts; ++seed) {
      const KeyedPocket keyed = KeyedPocketOf(profile, "power", static_cast<uint32_t>(seed));
      const PocketText text = WritePocketText(pocket, &keyed.marker, kTokens, seed, 0.8, 0.9);
      bits += SumOfBits(text.ln_p);
      JudgeOptions options;
      if (has_proxy) options.proxy_ln_q = text.ln_p;
      const Finding finding = Must(JudgeText(keyed.keys, text.ids, options, nullptr)).front();
      fixed.push_back(-finding.log10_p);
      anytime.push_back(-finding.log10_p_anytime);
      if (finding.proxy) proxy.push_back(-finding.proxy->log10_p);
    }
    std::printf("%s,0.8,0.9,%zu,%zu,%.2f,%.1f,", std::string(scheme->name).c_str(), kTokens, texts,
                bits / static_cast<double>(texts * kTokens), Median(fixed));
    if (has_proxy) std::printf("%.1f", Median(proxy));
    std::printf(",%.1f\n", Median(anytime));
    std::fflush(stdout);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const bool medians = argc > 1 && std::string_view(argv[1]) == "medians";
  const char* count = argc > 1 + medians ? argv[1 + medians] : "100";
  const size_t texts = static_cast<size_t>(std::atoi(count));
  const PocketWorld pocket = LoadPocketWorld();
  if (medians) {
    PrintMedians(pocket, texts);
    return 0;
  }
  std::puts("scheme,temperature,texts,entropy_bits,price_nats,n50_fixed,n99_fixed,n50_proxy,n99_proxy,mean_stop,stop_share");
  for (const Scheme* scheme : Schemes()) {
    if (argc > 2 && scheme->name != argv[2]) continue;
    const Profile profile = PocketProfile(pocket, *scheme);
    const NullLaw law = scheme->null_law(profile);
    const bool has_proxy = scheme->draws != nullptr;
    // By the number of scored tokens: some laws take milliseconds a look, and a look goes to every token of every text.
    std::vector<std::optional<Statistic>> criticals(1);
    for (uint64_t n = 1; n <= kTokens; ++n) criticals.push_back(CriticalValue(law, n, kLog10Alpha));
    for (const double temperature : {0.7, 1.0, 1.3}) {
      FirstLengths fixed, proxy;
      double nats = 0, bits = 0, stops = 0;
      for (uint64_t seed = 0; seed < texts; ++seed) {
        const KeyedPocket keyed = KeyedPocketOf(profile, "power", static_cast<uint32_t>(seed));
        const PocketText text = WritePocketText(pocket, &keyed.marker, kTokens, seed, temperature);
        nats += text.nats;
        bits += SumOfBits(text.ln_p);
        std::vector<std::vector<TokenState>> traces;
        Must(JudgeText(keyed.keys, text.ids, {}, &traces));
        std::optional<uint64_t> first_fixed, first_proxy;
        const auto update = [](std::optional<uint64_t>& first, bool detected, uint64_t n) {
          if (!detected) {
            first.reset();
          } else if (!first) {
            first = n;
          }
        };
        uint64_t n = 0;
        Statistic sum = 0;
        RunningMaximum running(law);
        for (const TokenState& state : traces.front()) {
          if (state.kind != TokenState::Kind::kScored) continue;
          sum += state.score;
          const std::optional<Statistic>& critical = criticals[++n];
          update(first_fixed, critical && sum >= *critical, n);
          if (!Detects(0 - running.log10_max(), kLog10Alpha)) running.Push(state.score);
        }
        for (size_t length = 1; has_proxy && length <= kTokens; ++length) {
          JudgeOptions options;
          options.proxy_ln_q = {text.ln_p.data(), length};
          const Finding finding = Must(JudgeText(keyed.keys, {text.ids.data(), length}, options, nullptr)).front();
          update(first_proxy, Detects(finding.proxy->log10_p, kLog10Alpha), finding.n);
        }
        fixed.push_back(first_fixed);
        proxy.push_back(first_proxy);
        stops += static_cast<double>(running.n());
      }
      const double n = static_cast<double>(texts);
      std::printf("%s,%.1f,%zu,%.2f,%.3f", std::string(scheme->name).c_str(), temperature, texts, bits / n / kTokens, nats / n / kTokens);
      PrintQuantile(fixed, 0.5);
      PrintQuantile(fixed, 0.99);
      if (has_proxy) {
        PrintQuantile(proxy, 0.5);
        PrintQuantile(proxy, 0.99);
      } else {
        std::printf(",,");
      }
      const auto n99 = Quantile(fixed, 0.99);
      std::printf(",%.1f,", stops / n);
      if (n99) std::printf("%.2f", stops / n / static_cast<double>(*n99));
      std::puts("");
      std::fflush(stdout);
    }
  }
}
