// What `profile new` makes of its options: the scheme object and sampler settings of a profile, in the notation of people
// (gamma as a fraction, delta in nats, shares) instead of that of the file.
#pragma once

#include <map>
#include <string>

#include "watermark/profile.h"
#include "watermark/result.h"

namespace verdigris::tools {

struct ProfileOptions {
  std::string scheme = "green", tokenizer, merges, pattern, special_ids, vocab, tokenizer_sha256, unmarked_ids, window = "2", gamma, delta, specials, zero_temperature,
              account_share = "0", normaliser = "none/1";
  std::map<std::string, std::string> params;  // those of the schemes that have no notation of their own
};

struct MadeProfile {
  Profile profile;
  std::string tokenizer_descriptor;  // to be written beside it; empty where the tokenizer needs none
};
// Errors   kInvalidArgument with the option's name; those of ChooseTokenizer.
Result<MadeProfile> MakeProfile(const ProfileOptions& options);

// Parameters that --gamma stands for.
inline constexpr std::string_view kPlanes = "planes", kThreshold = "threshold";

}  // namespace verdigris::tools
