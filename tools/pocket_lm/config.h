// config.json of a model folder: what the pocket model needs of it, and the certainty that it says nothing else.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "watermark/result.h"

namespace verdigris::pocket {

struct Config {
  uint32_t vocab = 0;
  size_t context = 0;  // tokens the model can see
  size_t hidden = 0;
  size_t ffn = 0;  // width between the two halves of the feed-forward part
  size_t layers = 0;
  size_t heads = 0;
  float norm_epsilon = 0;
  float rope_theta = 0;
  uint32_t bos_id = 0;
  uint32_t eos_id = 0;

  size_t head_width() const { return hidden / heads; }
};

// Errors   kUnsupported: another architecture, or a member that would change the arithmetic, by its name. kMalformed:
//          not a JSON object, a member missing, of another type, or out of its bounds. kLimit: above 64 KiB.
Result<Config> ReadConfig(std::string_view text);

}  // namespace verdigris::pocket
