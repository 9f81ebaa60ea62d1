// Under the null hypothesis the real key is one of N + 1 alike, so its rank is uniform: that needs no law, and so it
// checks the law. The self-check counts how many decoys get p <= a by the law: Bin(N, size(a)), with size(a) exact.
//
// Tested by tests/verify/decoy_test.cc (evidence.json `decoys`, multiple.json `rank_p`; P17).
#include "verify/decoy.h"

#include <charconv>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "verify/law.h"
#include "verify/multiplicity.h"

namespace verdigris::verify {
namespace {

constexpr std::array<double, 3> kLevels = {-1, -2, -3};  // log10
constexpr double kLog10Alarm = -6;

Digest SeedOf(const Digest& root, const Digest& input_sha256) { return TaggedHash("decoy-seed", {root, input_sha256}); }

__extension__ typedef unsigned __int128 Wide;

}  // namespace

DecoyKeys::DecoyKeys(const Digest& root, const Digest& input_sha256) : DecoyKeys(SeedOf(root, input_sha256)) {}

DecoyKeys::DecoyKeys(const Digest& seed) : deriver_(Key(seed)) {}

void DecoyKeys::Get(uint32_t i, std::span<uint8_t, kKeyBytes> out) const {
  uint8_t number[4];
  WriteBe32(i, number);
  deriver_.Derive("decoy", number, out);
}

double DecoyRank::Log10P() const {
  return std::min(0.0, std::log10(static_cast<double>(1 + at_least) / static_cast<double>(1 + decoys)));
}

double DecoyRank::Log10Floor() const { return 0.0 - std::log10(static_cast<double>(1 + decoys)); }

bool DecoyRank::AtMost(double alpha) const {
  // digits * 10^exponent, the shortest decimal that reads as alpha: 1e-6, not the binary number just below it.
  char text[40];
  const auto end = std::to_chars(text, text + sizeof text, alpha, std::chars_format::scientific).ptr;
  const std::string written(text, end);
  const size_t mark = written.find('e');
  Wide digits = 0;
  int exponent = std::stoi(written.substr(mark + 1));
  for (size_t i = 0; i < mark; ++i) {
    if (written[i] == '.') {
      exponent -= static_cast<int>(mark - i - 1);
    } else {
      digits = digits * 10 + static_cast<Wide>(written[i] - '0');
    }
  }
  // 17 digits times a count below 2^40 leave room for no more than 10^21; anything smaller lies below every rank.
  Wide left = 1 + at_least;
  const Wide right = digits * (1 + decoys);
  for (; exponent < 0; ++exponent) {
    if (left > right) return false;
    left *= 10;
  }
  return left <= right;
}

ExactSize SizeOf(const NullLaw& law, uint64_t n, double log10_alpha) {
  const auto reaches = [&](Statistic s) { return Log10UpperTail(law, n, s) <= log10_alpha; };
  const double nothing = -std::numeric_limits<double>::infinity();
  if (n == 0 || Log10SmallestP(law, n) > log10_alpha) return {false, 0, nothing};
  // Doubled from 1 until it reaches, which ends: the smallest p does.
  Statistic low = 0, high = 1;
  while (!reaches(high)) {
    low = high;
    high = std::min(2 * high, LargestStatistic(law, n));
  }
  while (high - low > 1) {
    const Statistic middle = low + (high - low) / 2;
    (reaches(middle) ? high : low) = middle;
  }
  return {true, high, Log10UpperTail(law, n, high)};
}

LawCheck CheckLevels(uint64_t keys, const std::array<LevelCount, 3>& levels, bool two_sided) {
  LawCheck check{};
  for (size_t i = 0; i < levels.size(); ++i) {
    const auto& [log10_alpha, log10_size, count] = levels[i];
    const auto one_in = static_cast<uint32_t>(std::lround(std::pow(10, -log10_alpha)));
    const double log10_p = two_sided ? Log10TwoSidedBinomial(keys, count, log10_size) : Log10BinomialUpperTail(keys, count, 1, one_in);
    check.levels[i] = {log10_alpha, log10_size, count, log10_p};
    check.passed = check.passed && log10_p >= kLog10Alarm;
  }
  return check;
}

LawCheck CheckLaw(const NullLaw& law, uint64_t n, uint64_t keys, const std::array<uint64_t, 3>& counts) {
  std::array<LevelCount, 3> levels{};
  for (size_t i = 0; i < levels.size(); ++i) levels[i] = {kLevels[i], SizeOf(law, n, kLevels[i]).log10_size, counts[i]};
  return CheckLevels(keys, levels, true);
}

Result<uint64_t> ForEachInLineUp(const Key& real, const DecoyKeys& decoys, uint32_t count,
                                 const std::function<void(std::span<const uint8_t, kKeyBytes>)>& score) {
  if (count > kMostDecoys) {
    return Fail(ErrorKind::kInvalidArgument, "decoys must be at most " + std::to_string(kMostDecoys) + ", got " + std::to_string(count));
  }
  uint64_t draw = 0;
  if (RAND_bytes(reinterpret_cast<uint8_t*>(&draw), sizeof draw) != 1) return Fail(ErrorKind::kInternal, "no random bytes from OpenSSL");
  const uint64_t real_place = draw % (uint64_t{count} + 1);  // a bias of 2^-44 decides nothing

  uint8_t key[kKeyBytes];
  uint32_t next_decoy = 0;
  for (uint64_t place = 0; place <= count; ++place) {
    if (place == real_place) {
      std::copy(real.secret().begin(), real.secret().end(), key);
    } else {
      decoys.Get(next_decoy++, key);
      if (CRYPTO_memcmp(key, real.secret().data(), kKeyBytes) == 0) {
        OPENSSL_cleanse(key, sizeof key);
        return Fail(ErrorKind::kInvalidArgument, "decoy " + std::to_string(next_decoy - 1) + " is the tested key itself");
      }
    }
    score(key);
  }
  OPENSSL_cleanse(key, sizeof key);
  return real_place;
}

Result<LineUp> RunLineUp(KeyScorer& scorer, const Key& real, const DecoyKeys& decoys, uint32_t count) {
  std::vector<Statistic> statistics;
  VERDIGRIS_ASSIGN_OR_RETURN(const uint64_t real_place, ForEachInLineUp(real, decoys, count, [&](std::span<const uint8_t, kKeyBytes> key) {
    statistics.push_back(scorer.Score(key).statistic);
  }));

  LineUp line_up{};
  line_up.real = {statistics[real_place], scorer.size(), false};
  line_up.log10_p = scorer.Log10P(line_up.real);
  line_up.rank.decoys = count;
  std::array<ExactSize, 3> sizes;
  for (size_t i = 0; i < sizes.size(); ++i) sizes[i] = SizeOf(scorer.law(), scorer.size(), kLevels[i]);
  std::array<uint64_t, 3> counts{};
  for (uint64_t place = 0; place <= count; ++place) {
    if (place == real_place) continue;
    const Statistic statistic = statistics[place];
    line_up.rank.at_least += statistic >= line_up.real.statistic;
    for (size_t i = 0; i < sizes.size(); ++i) counts[i] += sizes[i].attainable && statistic >= sizes[i].critical;
  }
  line_up.law = CheckLaw(scorer.law(), scorer.size(), count, counts);
  return line_up;
}

}  // namespace verdigris::verify
