// Minus the logarithm of a draw in units of 2^-32 nat, rounded down or up and exactly so: the score of gumbel
// (native-schemes.md N8.2) and its counterpart for the proxy-assisted statistic (statistics.md 5). R = word / 2^32.
#pragma once

#include <cstdint>
#include <optional>

namespace verdigris {

// floor(2^32 * -ln(1 - R)), from 0 to kMaxSurprise. About 10 ns.
uint64_t SurpriseDown(uint32_t word);
inline constexpr uint64_t kMaxSurprise = 95265423098;

// ceil(2^32 * -ln R), from 2 to kMaxSurprise + 1; none for R = 0, where the logarithm is infinite.
std::optional<uint64_t> SurpriseUp(uint32_t word);

// floor(2^32 * -ln(n / 2^32)) for n in [1, 2^32], by integers alone: what the two above fall back on where binary64
// leaves a doubt, and what they are tested against. About 1 us.
uint64_t FloorMinusLn(uint64_t n);

}  // namespace verdigris
