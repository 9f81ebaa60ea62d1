// How many tokens a detection takes: marked texts of the pocket model under every scheme at three temperatures, judged
// after every further ten tokens.
//
//   ninja experiments && tests/power_experiment [texts] > power.csv
//
// n99 fixed    scored tokens from which 99 % of the texts have p <= 1e-6 by counting
// n99 proxy    the same by the sum weighed with the model's own probabilities (schemes that have such a test)
// stop         mean number of scored tokens at which the anytime test stops, and as a share of n99 fixed
// Texts that are not there yet at their end are counted as their full length, and "n99" is then a lower bound (>).
// Price: KL(Q||P) a token, nats, of rows at the key used; for unbiased schemes it is no price over random keys.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <vector>

#include "tests/pocket_texts.h"
#include "tests/test_keys.h"
#include "verify/judge.h"
#include "verify/law.h"
#include "verify/martingale.h"
#include "verify/proxy.h"

using namespace verdigris;
using namespace verdigris::testing;
using namespace verdigris::verify;

namespace {

constexpr size_t kTokens = 400, kStep = 10;
constexpr double kLog10Alpha = -6;

// Of each text, the first length from which it is detected at every longer one; none where it is not at the end.
using FirstLengths = std::vector<std::optional<uint64_t>>;

void PrintQuantile(FirstLengths lengths, double share) {
  std::sort(lengths.begin(), lengths.end(), [](const auto& a, const auto& b) { return a && (!b || *a < *b); });
  const auto& at = lengths[static_cast<size_t>(std::ceil(share * static_cast<double>(lengths.size()))) - 1];
  if (at) {
    std::printf(",%llu", static_cast<unsigned long long>(*at));
  } else {
    std::printf(",>%zu", kTokens);
  }
}

// ln q of each token under the model that wrote the text.
std::vector<double> OwnLnQ(const PocketWorld& world, const std::vector<uint32_t>& ids, double temperature) {
  const SpecialIds special(world.tokenizer->special_ids(), world.tokenizer->vocab());
  pocket::Session session(world.model);
  const uint32_t bos = world.model.bos_id();
  Must(session.Feed({&bos, 1}));
  std::vector<double> ln_q;
  for (const uint32_t id : ids) {
    const auto logits = session.logits();
    double top = -1e30, sum = 0;
    for (uint32_t v = 0; v < logits.size(); ++v) {
      if (!special.Contains(v)) top = std::max<double>(top, logits[v]);
    }
    for (uint32_t v = 0; v < logits.size(); ++v) {
      if (!special.Contains(v)) sum += std::exp((logits[v] - top) / temperature);
    }
    ln_q.push_back(std::min(0.0, (logits[id] - top) / temperature - std::log(sum)));
    Must(session.Feed({&id, 1}));
  }
  return ln_q;
}

}  // namespace

int main(int argc, char** argv) {
  const size_t texts = argc > 1 ? static_cast<size_t>(std::atoi(argv[1])) : 100;
  const PocketWorld world = LoadPocketWorld();
  std::puts("scheme,temperature,texts,entropy_bits,price_nats,n50_fixed,n99_fixed,n50_proxy,n99_proxy,mean_stop,stop_share");
  for (const Scheme* scheme : Schemes()) {
    const Profile profile = PocketProfile(world, *scheme);
    const NullLaw law = scheme->null_law(profile);
    const KeyFile key{KeyRole::kProvider, profile.scheme_id(), 0, "", "2027-01-01T00:00:00Z", TestKey("power", 0)};
    const KeyFile* pointer = &key;
    const Marker marker = Must(Marker::Create(profile, {&pointer, 1}));
    const JudgeKeys keys = Must(JudgeKeys::Create(profile, {&pointer, 1}, false));
    const bool has_proxy = scheme->draws != nullptr && (law.kind == NullLaw::Kind::kGamma || !scheme->unbiased);
    for (const double temperature : {0.7, 1.0, 1.3}) {
      FirstLengths fixed, proxy;
      double nats = 0, bits = 0, stops = 0;
      for (uint64_t seed = 0; seed < texts; ++seed) {
        const PocketText text = WritePocketText(world, &marker, kTokens, seed, temperature);
        nats += text.nats;
        const std::vector<double> ln_q = OwnLnQ(world, text.ids, temperature);
        for (const double ln : ln_q) bits -= ln / std::log(2.0);
        std::optional<uint64_t> first_fixed, first_proxy;
        for (size_t length = kStep; length <= kTokens; length += kStep) {
          JudgeOptions options;
          if (has_proxy) options.proxy_ln_q = {ln_q.data(), length};
          const Finding finding = Must(JudgeText(keys, {text.ids.data(), length}, options, nullptr)).front();
          const auto update = [&](std::optional<uint64_t>& first, double log10_p) {
            if (!Detects(log10_p, kLog10Alpha)) {
              first.reset();
            } else if (!first) {
              first = finding.n;
            }
          };
          update(first_fixed, finding.log10_p);
          if (finding.proxy) update(first_proxy, finding.proxy->log10_p);
        }
        fixed.push_back(first_fixed);
        proxy.push_back(first_proxy);
        std::vector<std::vector<TokenState>> traces;
        Must(JudgeText(keys, text.ids, {}, &traces));
        RunningMaximum running(law);
        for (const TokenState& state : traces.front()) {
          if (state.kind != TokenState::Kind::kScored || Detects(0 - running.log10_max(), kLog10Alpha)) continue;
          running.Push(state.score);
        }
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
      FirstLengths sorted = fixed;
      std::sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) { return a && (!b || *a < *b); });
      const auto& n99 = sorted[static_cast<size_t>(std::ceil(0.99 * n)) - 1];
      std::printf(",%.1f,%s\n", stops / n, n99 ? std::to_string(stops / n / static_cast<double>(*n99)).substr(0, 4).c_str() : "");
      std::fflush(stdout);
    }
  }
}
