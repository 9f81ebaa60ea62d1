// Answers of the pocket model under a mark, for the training data of students: temperature 1, top-p .95, green with
// gamma 1/4 and delta 3, the provider's key alone or an account's.
//
//   marked_answers PROMPTS.jsonl WINDOW SEED TOKENS [ACCOUNT SKIP] > answers.jsonl
//
// PROMPTS.jsonl: {"prompt":[ids]}, a line each, taken in order, the first SKIP left out, until TOKENS answer tokens are written. A line of the
// answers: {"prompt":[ids],"output":[ids],"ended":true}; the end of text is not among the ids.
// The key is TestKey("distillation", SEED). With ACCOUNT, a number, half of the windows are marked under the account's
// key, TestKey("distillation-account-SEED", ACCOUNT), selected by TestKey("distillation-selector", SEED). Written anew
// with the same arguments, the answers are the same.
#include <cstdio>
#include <cstdlib>
#include <iostream>

#include "tests/experiments/distillation/marked_world.h"

using namespace verdigris;
using namespace verdigris::testing;

int main(int argc, char** argv) {
  if (argc < 5) return std::fprintf(stderr, "marked_answers PROMPTS.jsonl WINDOW SEED TOKENS [ACCOUNT SKIP]\n"), 2;
  const PocketWorld world = LoadPocketWorld();
  const auto window = std::strtol(argv[2], nullptr, 10);
  const auto seed = static_cast<uint32_t>(std::strtoul(argv[3], nullptr, 10));
  const size_t tokens = std::strtoull(argv[4], nullptr, 10);
  std::optional<uint32_t> account;
  if (argc > 5) account = static_cast<uint32_t>(std::strtoul(argv[5], nullptr, 10));
  const Profile profile = DistillationProfile(world, window, account.has_value());
  const Marker marker = DistillationMarker(profile, DistillationKeys(profile, seed, account));
  std::ifstream prompts(argv[1]);
  std::string line;
  for (auto skip = argc > 6 ? std::strtoul(argv[6], nullptr, 10) : 0; skip > 0; --skip) std::getline(prompts, line);
  size_t written = 0;
  for (uint64_t number = 0; written < tokens && std::getline(prompts, line); ++number) {
    const auto prompt = nlohmann::json::parse(line).at("prompt").get<std::vector<uint32_t>>();
    const uint64_t random = (uint64_t{seed} << 40) + (uint64_t{account.value_or(0)} << 20) + number;
    const MarkedAnswer answer = WriteAnswer(world, &marker, prompt, random);
    std::cout << nlohmann::json({{"prompt", prompt}, {"output", answer.ids}, {"ended", answer.ended}}).dump() << '\n';
    written += answer.ids.size();
  }
  if (written < tokens) return std::fprintf(stderr, "%s: too few prompts\n", argv[1]), 1;
}
