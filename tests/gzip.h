// Files as gzip writes them, for tests and benchmarks of what reads them.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include <isa-l/igzip_lib.h>

namespace verdigris::testing {

// One member that inflates to `bytes`.
inline std::string Gzip(std::string_view bytes) {
  std::vector<uint8_t> level(ISAL_DEF_LVL1_DEFAULT);
  std::string out(bytes.size() + bytes.size() / 64 + 4096, '\0');
  isal_zstream stream;
  isal_deflate_stateless_init(&stream);
  stream.gzip_flag = IGZIP_GZIP;
  stream.level = 1;
  stream.level_buf = level.data();
  stream.level_buf_size = static_cast<uint32_t>(level.size());
  stream.next_in = reinterpret_cast<uint8_t*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uint32_t>(bytes.size());
  stream.end_of_stream = 1;
  stream.next_out = reinterpret_cast<uint8_t*>(out.data());
  stream.avail_out = static_cast<uint32_t>(out.size());
  if (isal_deflate_stateless(&stream) != COMP_OK) std::abort();
  out.resize(stream.total_out);
  return out;
}

}  // namespace verdigris::testing
