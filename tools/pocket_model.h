// The pocket model with its tokenizer, as `generate` writes with it and `detect --proxy pocket` reads with it.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "tools/pocket_lm/pocket_lm.h"
#include "verify/text/tokenizer.h"
#include "watermark/profile.h"
#include "watermark/result.h"

namespace verdigris::tools {

struct PocketModel {
  pocket::PocketLm model;
  std::unique_ptr<verify::Tokenizer> tokenizer;
};

// From the data folders. Errors: kNotFound; kMismatch where the profile is of another tokenizer, and then sets `hint`.
Result<PocketModel> LoadPocketModel(const Profile& profile, const std::string& profile_path, std::string& hint);

// Takes special tokens other than the end out of a row: they have no text, and the model was never taught to write one.
void DropSpecials(const PocketModel& pocket, std::span<float> logits);

// ln q of each token among the markable ids that the model could have written, after those before it and none before the
// first. 0 for tokens that are special. Cost: a pass over the model a token, about 0.5 ms.
Result<std::vector<double>> LogProbabilitiesOf(const PocketModel& pocket, std::span<const uint32_t> ids, double temperature);

}  // namespace verdigris::tools
