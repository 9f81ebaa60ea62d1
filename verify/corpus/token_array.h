// Token ids as they lie in arrays: of one to eight bytes, of either byte order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "verify/corpus/inflate.h"
#include "verify/corpus/input.h"
#include "watermark/result.h"

namespace verdigris::verify {

struct TokenLayout {
  TokenType type = TokenType::kNone;
  bool big_endian = false;

  size_t bytes() const;  // 0 of kNone
};

// Whether a token of the layout can be `id`.
bool CanHold(TokenLayout layout, int64_t id);

// The place of the first of `count` tokens from `at` on that is `id`; `count` where there is none. Precondition: CanHold.
size_t FindToken(TokenLayout layout, const char* at, size_t count, int64_t id);

// Writes `count` ids to `out`. False where one is negative, or 2^24 or more.
bool DecodeTokens(TokenLayout layout, const char* at, size_t count, uint32_t* out);

// The head of a .npy file, of the arrays that can hold ids: one or two dimensions in C order, of u2 u4 i4 i8.
struct NpyHead {
  TokenLayout layout;
  uint64_t rows = 0, columns = 0;  // columns 0: one dimension
  uint64_t tokens = 0;
  size_t bytes = 0;  // the array begins behind so many
};
constexpr std::string_view kNpyMagic{"\x93NUMPY", 6};
// Reads the head at the window's start, and drops nothing. Nothing where it is another file, or an array that holds no ids.
Result<std::optional<NpyHead>> ReadNpyHead(ByteWindow& window);

// The head of the index of a Megatron data set.
struct MegatronHead {
  TokenLayout layout;
  uint64_t sequences = 0, documents = 0;
};
constexpr std::string_view kMegatronMagic{"MMIDIDX\0\0", 9};
constexpr size_t kMegatronHeadBytes = 34;
// Nothing where it is none. `head`: the first kMegatronHeadBytes of the file.
std::optional<MegatronHead> ParseMegatronHead(std::string_view head);
// "x.bin" of "x.idx"; empty where the name is another.
std::string MegatronData(const std::string& index_path);

}  // namespace verdigris::verify
