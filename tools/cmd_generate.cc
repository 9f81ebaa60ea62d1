// verdigris generate: an answer of the pocket model, marked while it is sampled. The model is for trying the tool out; a
// real one is marked inside its own serving code (watermark/).
//
// The answer is drawn by std::mt19937_64, whose numbers the C++ standard fixes, so a seed gives the same answer everywhere
// the model's logits are the same. Tested by tests/cli/generate.sh and no_secrets.sh.
#include <openssl/rand.h>

#include <array>
#include <cmath>
#include <random>

#include "tools/inputs.h"
#include "tools/pocket_model.h"
#include "tools/terminal/message.h"
#include "tools/terminal/progress.h"
#include "tools/verbs.h"
#include "tools/write_key.h"
#include "verify/file.h"
#include "watermark/sampler.h"

namespace verdigris::tools {
namespace {

struct Options {
  std::string profile, prompt, output = "-";
  std::vector<std::string> keys;
  std::string max_tokens = "200", temperature = "1", top_k = "0", top_p = "1", min_p = "0", seed;
  bool unmarked = false, ids = false;
  SecretOptions secrets;
};

constexpr uint64_t kMaxTokens = 100000;
constexpr size_t kStates = 7;  // of MarkState, numbers from 1

struct Answer {
  std::vector<uint32_t> ids;
  std::array<uint64_t, kStates> states{};
  double nats = 0;  // realised price: sum of KL(Q||P)
};

Result<SamplingOptions> ParseSampling(const Options& options) {
  SamplingOptions sampling;
  VERDIGRIS_ASSIGN_OR_RETURN(sampling.temperature, ParseReal("--temperature", options.temperature));
  VERDIGRIS_ASSIGN_OR_RETURN(const uint64_t top_k, ParseInteger("--top-k", options.top_k, 0, kIdLimit));
  sampling.top_k = static_cast<uint32_t>(top_k);
  VERDIGRIS_ASSIGN_OR_RETURN(sampling.top_p, ParseReal("--top-p", options.top_p));
  VERDIGRIS_ASSIGN_OR_RETURN(sampling.min_p, ParseReal("--min-p", options.min_p));
  VERDIGRIS_RETURN_IF_ERROR(CheckSamplingOptions(sampling));
  return sampling;
}

Result<uint64_t> SeedOf(const Options& options) {
  if (!options.seed.empty()) return ParseInteger("--seed", options.seed, 0, UINT64_MAX);
  std::array<uint8_t, 8> bytes;
  if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1) return Fail(ErrorKind::kInternal, "no random numbers");
  uint64_t seed = 0;
  for (const uint8_t byte : bytes) seed = seed << 8 | byte;
  PrintNote("seed " + std::to_string(seed));
  return seed;
}

Result<std::optional<Marker>> MakeMarker(const Options& options, const Profile& profile, std::string& hint) {
  if (options.unmarked) return std::nullopt;
  if (options.keys.empty()) return Fail(ErrorKind::kInvalidArgument, "--key is required, unless --unmarked");
  VERDIGRIS_ASSIGN_OR_RETURN(const std::vector<KeyFile> keys, LoadLayerKeys(options.keys, options.secrets, profile, options.profile, hint));
  VERDIGRIS_ASSIGN_OR_RETURN(Marker marker, Marker::Create(profile, Pointers(keys)));
  return std::optional(std::move(marker));
}

Result<Answer> Generate(pocket::Session& session, const PocketModel& pocket, const Marker* marker, const SamplingOptions& sampling,
                        uint64_t max_tokens, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<float> logits;
  SamplerBuffers buffers;
  Answer answer;
  Progress progress("tokens", max_tokens);
  while (answer.ids.size() < max_tokens) {
    logits.assign(session.logits().begin(), session.logits().end());
    DropSpecials(pocket, logits);
    const double uniform = static_cast<double>(random() >> 11) * 0x1p-53;
    VERDIGRIS_ASSIGN_OR_RETURN(const Drawn drawn, DrawToken(logits, sampling, marker, answer.ids, Repeat::kFind, uniform, buffers));
    if (drawn.price.masses) answer.nats += drawn.price.masses->kl_qp;
    if (drawn.id == pocket.model.eos_id()) break;
    ++answer.states[static_cast<size_t>(drawn.price.state)];
    answer.ids.push_back(drawn.id);
    VERDIGRIS_RETURN_IF_ERROR(session.Feed({&drawn.id, 1}));
    progress.Update(answer.ids.size());
  }
  return answer;
}

void PrintPrice(const Answer& answer, bool marked, bool unbiased) {
  std::string text = std::to_string(answer.ids.size()) + " tokens: ";
  if (!marked) return PrintNote(text + "unmarked");
  static constexpr const char* kNames[kStates] = {"", "marked", "off", "at the start", "beside special tokens", "repeated", "without choice"};
  const char* separator = "";
  for (size_t state = 1; state < kStates; ++state) {
    if (answer.states[state] == 0) continue;
    text += separator + std::to_string(answer.states[state]) + " " + kNames[state];
    separator = ", ";
  }
  // What a row changes under one key says nothing of the answers over all keys, which an unbiased scheme leaves as they are.
  if (unbiased) return PrintNote(text + "; unbiased: over random keys answers are as without a mark");
  char price[64];
  std::snprintf(price, sizeof price, "; price %.3f nats a token", answer.nats / static_cast<double>(std::max<size_t>(answer.ids.size(), 1)));
  PrintNote(text + price);
}

Result<ExitCode> Run(const Options& options, Context& context) {
  VERDIGRIS_ASSIGN_OR_RETURN(const SamplingOptions sampling, ParseSampling(options));
  VERDIGRIS_ASSIGN_OR_RETURN(const uint64_t max_tokens, ParseInteger("--max-tokens", options.max_tokens, 1, kMaxTokens));
  VERDIGRIS_ASSIGN_OR_RETURN(const Profile profile, LoadProfile(options.profile));
  VERDIGRIS_ASSIGN_OR_RETURN(const std::optional<Marker> marker, MakeMarker(options, profile, context.hint));
  VERDIGRIS_ASSIGN_OR_RETURN(const PocketModel pocket, LoadPocketModel(profile, options.profile, context.hint));
  VERDIGRIS_ASSIGN_OR_RETURN(const uint64_t seed, SeedOf(options));

  verify::Scratch scratch;
  std::vector<verify::Token> prompt;
  VERDIGRIS_RETURN_IF_ERROR(pocket.tokenizer->Encode(options.prompt, scratch, prompt));
  std::vector<uint32_t> ids{pocket.model.bos_id()};
  for (const verify::Token& token : prompt) ids.push_back(token.id);
  pocket::Session session(pocket.model);
  VERDIGRIS_RETURN_IF_ERROR(session.Feed(ids));
  VERDIGRIS_ASSIGN_OR_RETURN(const Answer answer, Generate(session, pocket, marker ? &*marker : nullptr, sampling, max_tokens, seed));

  std::string text;
  if (options.ids) {
    for (const uint32_t id : answer.ids) text += (text.empty() ? "" : " ") + std::to_string(id);
    text += "\n";
  } else {
    VERDIGRIS_RETURN_IF_ERROR(pocket.tokenizer->Decode(answer.ids, text));
  }
  if (options.output == "-") {
    context.out.Write(text);
  } else if (auto written = verify::WriteFileAtomic(options.output, text); !written) {
    return AsWriteError(written.error());
  }
  PrintPrice(answer, marker.has_value(), profile.scheme().unbiased);
  return kExitYes;
}

Command Add(CLI::App& app) {
  auto options = std::make_shared<Options>();
  app.add_option("--profile", options->profile, "profile of the pocket model's tokenizer")->type_name("FILE")->required();
  app.add_option("--key", options->keys, "provider, selector or account key; once for each")->type_name("FILE")->allow_extra_args(false);
  app.add_option("--prompt", options->prompt, "text to go on from")->type_name("TEXT")->required();
  app.add_option("--max-tokens", options->max_tokens, "longest answer (200)")->type_name("N");
  app.add_option("--temperature", options->temperature, "0 to 100, 0 takes the likeliest (1)")->type_name("T");
  app.add_option("--top-k", options->top_k, "only the K likeliest; 0 for all (0)")->type_name("K");
  app.add_option("--top-p", options->top_p, "only the likeliest that make up P (1)")->type_name("P");
  app.add_option("--min-p", options->min_p, "only those of P times the likeliest (0)")->type_name("P");
  app.add_option("--seed", options->seed, "the same answer each time; else random, printed")->type_name("N");
  app.add_flag("--unmarked", options->unmarked, "the same model without a mark; needs no key");
  app.add_flag("--ids", options->ids, "print token ids, not text");
  app.add_option("-o,--output", options->output, "file for the answer (standard output)")->type_name("FILE");
  AddSecretOptions(app, options->secrets);
  return [options](Context& context) { return Run(*options, context); };
}

}  // namespace

const Verb kGenerate = {"generate",
                        "writes a marked answer with the built-in pocket model",
                        "--profile FILE --key FILE --prompt TEXT [options]",
                        "verdigris generate --profile p.json --key provider.key --prompt \"Once upon\"",
                        false,
                        Add};

}  // namespace verdigris::tools
