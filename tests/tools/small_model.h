// A model of 2 layers with random weights, to be written to a folder, whole or spoilt. For tests where the weights do
// not matter.
#pragma once

#include <stdlib.h>

#include <bit>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "tests/temporary_folder.h"

namespace verdigris::testing {

// The files of a model folder, to be spoilt before they are written.
struct Files {
  nlohmann::json config;
  std::map<std::string, std::pair<std::vector<uint64_t>, std::vector<float>>> tensors;  // name: shape and numbers

  std::string Safetensors() const {
    nlohmann::json header = nlohmann::json::object();
    std::string data;
    for (const auto& [name, tensor] : tensors) {
      const size_t begin = data.size();
      for (float number : tensor.second) {
        for (int shift = 0; shift < 32; shift += 8)
          data.push_back(static_cast<char>(std::bit_cast<uint32_t>(number) >> shift));
      }
      header[name] = {{"dtype", "F32"}, {"shape", tensor.first}, {"data_offsets", {begin, data.size()}}};
    }
    const std::string text = header.dump();
    std::string file;
    for (int shift = 0; shift < 64; shift += 8) file.push_back(static_cast<char>(uint64_t{text.size()} >> shift));
    return file + text + data;
  }
};

// A model of context 16 that loads.
inline Files Small() {
  constexpr uint64_t kVocab = 11, kHidden = 16, kFfn = 32;
  Files files;
  files.config = {{"architectures", {"LlamaForCausalLM"}},
                  {"vocab_size", kVocab},
                  {"hidden_size", kHidden},
                  {"intermediate_size", kFfn},
                  {"num_hidden_layers", 2},
                  {"num_attention_heads", 2},
                  {"max_position_embeddings", 16},
                  {"rms_norm_eps", 1e-5},
                  {"rope_theta", 10000.0},
                  {"tie_word_embeddings", true},
                  {"bos_token_id", 1},
                  {"eos_token_id", 2}};
  std::mt19937 random(1);
  const auto add = [&](const std::string& name, std::vector<uint64_t> shape) {
    uint64_t size = 1;
    for (uint64_t length : shape) size *= length;
    std::vector<float> numbers(size);
    for (float& number : numbers) number = static_cast<float>(random()) * 0x1p-31F - 1;
    files.tensors[name] = {std::move(shape), std::move(numbers)};
  };
  add("model.embed_tokens.weight", {kVocab, kHidden});
  for (const std::string layer : {"model.layers.0.", "model.layers.1."}) {
    add(layer + "input_layernorm.weight", {kHidden});
    add(layer + "post_attention_layernorm.weight", {kHidden});
    for (const std::string name : {"q", "k", "v", "o"})
      add(layer + "self_attn." + name + "_proj.weight", {kHidden, kHidden});
    add(layer + "mlp.gate_proj.weight", {kFfn, kHidden});
    add(layer + "mlp.up_proj.weight", {kFfn, kHidden});
    add(layer + "mlp.down_proj.weight", {kHidden, kFfn});
  }
  add("model.norm.weight", {kHidden});
  return files;
}

// A folder that models are put into.
class Folder : public TemporaryFolder {
 public:
  void Put(const std::string& name, const std::string& content) const { Write(name, content); }
  void Put(const Files& files) const {
    Put("config.json", files.config.dump());
    Put("model.safetensors", files.Safetensors());
  }
};

}  // namespace verdigris::testing
