// Functions that are there twice, because a pass over a row is most of a mark's time: one for every processor, and one for
// those of x86-64 with AVX2, which is asked for when they run. Both take the same steps in the same order, and AVX2 alone has
// no fused multiplication, so both give the same bits.
//
//     VERDIGRIS_AVX2 void PassWide(...) { Pass(...); }  // Pass: always_inline, or it would be the one for every processor
//
// Not target_clones: its resolvers run before sanitizers are set up.
#pragma once

#if defined(__x86_64__) && defined(__GNUC__)
#define VERDIGRIS_AVX2 [[gnu::target("avx2")]]
#define VERDIGRIS_AVX512 [[gnu::target("avx512f")]]

namespace verdigris {

inline bool HasAvx2() {
  static const bool has = __builtin_cpu_supports("avx2") != 0;
  return has;
}

// Its registers of mask bits make an addition of what otherwise is a table.
inline bool HasAvx512() {
  static const bool has = __builtin_cpu_supports("avx512f") != 0;
  return has;
}

}  // namespace verdigris
#endif
