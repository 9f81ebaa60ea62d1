// Texts of the pocket model, marked or not, for tests and experiments.
#pragma once

#include <algorithm>
#include <fstream>
#include <iterator>
#include <limits>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "tools/pocket_lm/pocket_lm.h"
#include "verify/text/sentencepiece.h"
#include "watermark/json.h"
#include "watermark/marker.h"
#include "watermark/sampler.h"
#include "watermark/schemes.h"

namespace verdigris::testing {

// The value, or an end of the program: what fails here is the set-up, not what is tested.
template <class T>
T Must(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message);
  return std::move(*result);
}
inline void Must(Result<void> result) {
  if (!result) throw std::runtime_error(result.error().message);
}

struct PocketWorld {
  std::unique_ptr<verify::Tokenizer> tokenizer;
  pocket::PocketLm model;
};

inline PocketWorld LoadPocketWorld() {
  const std::string folder = VERDIGRIS_SOURCE_DIR "/datasets/pocket_lm";
  std::ifstream in(folder + "/tokenizer.model", std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  return {Must(verify::LoadSentencePiece(bytes)), Must(pocket::PocketLm::Load(folder))};
}

// Profile of the model's tokenizer with a scheme's defaults, and `other` members in their place.
inline Profile PocketProfile(const PocketWorld& world, const Scheme& scheme, int share = kFullShare,
                             const nlohmann::json& other = nlohmann::json::object(), const SamplerSettings& sampler = {}) {
  nlohmann::json object = {{"scheme", std::string(scheme.name)}, {"prf", "verdigris/1/aes256"}, {"normaliser", "none/1"},
                           {"tokenizer_sha256", Hex(world.tokenizer->digest())}, {"window", 2},
                           {"vocab", world.tokenizer->vocab()}, {"provider_share", share}};
  object["unmarked_ids"] = nlohmann::json::array();
  for (const IdRange& range : world.tokenizer->special_ids()) object["unmarked_ids"].push_back({range.first, range.last});
  for (const ParamSpec& param : scheme.params) object[std::string(param.name)] = param.default_value;
  object.update(other);
  return Must(Profile::Create(Must(ParseJson(object.dump())), sampler));
}

struct PocketText {
  std::vector<uint32_t> ids;
  std::vector<double> ln_p;  // of each, as it was drawn but for the mark
  double nats = 0;           // realised price, sum of KL(Q||P)
};

// `tokens` ids; special ids, the end among them, are left out so that every text has its length. `marker`: null for none.
inline PocketText WritePocketText(const PocketWorld& world, const Marker* marker, size_t tokens, uint64_t seed, double temperature = 1,
                                  double top_p = 1) {
  std::mt19937_64 random(seed);
  pocket::Session session(world.model);
  const uint32_t start[] = {world.model.bos_id()};
  Must(session.Feed(start));
  PocketText written;
  SamplerBuffers buffers;
  SamplingOptions sampling;
  sampling.temperature = temperature;
  sampling.top_p = top_p;
  std::vector<float> logits;
  while (written.ids.size() < tokens) {
    logits.assign(session.logits().begin(), session.logits().end());
    for (const IdRange& range : world.tokenizer->special_ids()) {
      for (uint32_t id = range.first; id <= range.last; ++id) logits[id] = -std::numeric_limits<float>::infinity();
    }
    const double uniform = static_cast<double>(random() >> 11) * 0x1p-53;
    const Drawn drawn = Must(DrawToken(logits, sampling, marker, written.ids, Repeat::kFind, uniform, buffers));
    if (drawn.price.masses) written.nats += drawn.price.masses->kl_qp;
    written.ids.push_back(drawn.id);
    written.ln_p.push_back(std::min(0.0, drawn.log_p));
    Must(session.Feed({&drawn.id, 1}));
  }
  return written;
}

inline std::string TextOf(const PocketWorld& world, const std::vector<uint32_t>& ids) {
  std::string text;
  Must(world.tokenizer->Decode(ids, text));
  return text;
}

inline std::vector<uint32_t> IdsOf(const PocketWorld& world, std::string_view text) {
  verify::Scratch scratch;
  std::vector<verify::Token> tokens;
  Must(world.tokenizer->Encode(text, scratch, tokens));
  std::vector<uint32_t> ids;
  for (const verify::Token& token : tokens) ids.push_back(token.id);
  return ids;
}

}  // namespace verdigris::testing
