// Stored answers and readings: DIR/NAME.zst, made by students.py pack. One Zstandard frame; within it a line
//   verdigris-dump 1 RECORDS PROMPT TOKENS LISTED K
// and then 16-bit little-endian numbers: prompts (PROMPT columns of RECORDS ids), lengths of outputs, whether each ended by
// itself, TOKENS output ids one record after another, and the K best ids of each of the first LISTED tokens. Last their
// -64 ln p, each but the first less the one before: K columns of LISTED low bytes, then as many high bytes.
#pragma once

#include <cmath>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include <zstd.h>

#include "verify/suspect/evidence.h"

namespace verdigris::testing {

struct DumpRecord {
  std::vector<uint32_t> prompt, output;
  bool ended = false;
  bool listed = false;
  std::vector<std::vector<std::pair<uint32_t, double>>> lists;  // of each output position: id, ln p
};

// Throws where the file is not one: a set-up that fails is no test.
inline std::vector<DumpRecord> ReadDump(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw std::runtime_error(path + ": cannot be read");
  const std::string packed((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  const unsigned long long size = ZSTD_getFrameContentSize(packed.data(), packed.size());
  if (size == ZSTD_CONTENTSIZE_ERROR || size == ZSTD_CONTENTSIZE_UNKNOWN || size > (1ull << 31)) throw std::runtime_error(path + ": no dump");
  std::string bytes(size, '\0');
  if (ZSTD_isError(ZSTD_decompress(bytes.data(), bytes.size(), packed.data(), packed.size()))) throw std::runtime_error(path + ": damaged");
  const size_t line = bytes.find('\n');
  std::istringstream head(bytes.substr(0, line));
  std::string magic;
  size_t version = 0, records = 0, prompt = 0, tokens = 0, listed = 0, k = 0;
  head >> magic >> version >> records >> prompt >> tokens >> listed >> k;
  if (magic != "verdigris-dump" || version != 1 || line == std::string::npos ||
      bytes.size() - line - 1 != 2 * (records * (prompt + 2) + tokens + 2 * listed * k)) {
    throw std::runtime_error(path + ": no dump");
  }
  const char* at = bytes.data() + line + 1;
  const auto column = [&](size_t count) {
    std::vector<uint32_t> values(count);
    for (uint32_t& value : values) {
      value = static_cast<uint8_t>(at[0]) | static_cast<uint32_t>(static_cast<uint8_t>(at[1])) << 8;
      at += 2;
    }
    return values;
  };
  const auto prompts = column(records * prompt), lengths = column(records), ended = column(records), ids = column(tokens);
  const auto list_ids = column(listed * k);
  const auto step = [&, low = reinterpret_cast<const uint8_t*>(at)](size_t i) { return low[i] | uint32_t{low[listed * k + i]} << 8; };
  std::vector<DumpRecord> out(records);
  size_t token = 0;
  for (size_t r = 0; r < records; ++r) {
    for (size_t i = 0; i < prompt; ++i) out[r].prompt.push_back(prompts[i * records + r]);
    out[r].ended = ended[r] != 0;
    out[r].listed = token + lengths[r] <= listed;
    for (size_t t = 0; t < lengths[r]; ++t, ++token) {
      out[r].output.push_back(ids[token]);
      if (!out[r].listed) continue;
      std::vector<std::pair<uint32_t, double>> list(k);
      uint32_t units = 0;
      for (size_t i = 0; i < k; ++i) {
        units += step(i * listed + token);
        list[i] = {list_ids[token * k + i], -static_cast<double>(units) / 64};
      }
      out[r].lists.push_back(std::move(list));
    }
  }
  return out;
}

}  // namespace verdigris::testing
