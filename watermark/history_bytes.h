// A history as bytes, for servers that move an answer to another process (serving.md S2):
//
//   "VDGH" 0x01 u8(h) u32be(n), then n ids as u32be
//
// They are the user's text: protect them as such.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "watermark/context.h"
#include "watermark/result.h"

namespace verdigris {

// kLimit where `more` ids do not fit.
Result<void> CheckHistoryLength(const History& history, size_t more);

size_t HistoryBytes(const History& history);
// `out`: HistoryBytes(history) bytes.
void WriteHistory(const History& history, uint8_t* out);

// Errors: kUnsupported for another version, kLimit above 2^31 ids, kMalformed for everything else that WriteHistory
// does not give. May throw std::bad_alloc, never because of a length that the bytes only claim.
Result<History> ParseHistory(std::string_view bytes);

}  // namespace verdigris
