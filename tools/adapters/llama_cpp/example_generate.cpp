// Marked answers with llama.cpp: the least that a host does.
//
//   example_generate MODEL.gguf PROFILE.json PROMPTS.txt OUT.jsonl [--key FILE]... [--max-tokens N] [--tokens N]
//                    [--parallel N] [--temperature T] [--seed N] [--text FOLDER]
//
// PROMPTS.txt has a prompt a line, which becomes the user's turn of the model's chat template. OUT.jsonl gets a line an
// answer, in the order of prompts: {"prompt":[ids],"output":[ids],"ended":true,"states":[...],"kl_qp_nats":1.5}; lines that are there
// already are kept, and as many prompts are left out. Without keys nothing is marked. --text also puts each answer's text into
// FOLDER/NUMBER.txt. --tokens stops once that many are written. Several answers are decoded in one batch, each with a chain of its own. A fault ends the answer, and the program.
#include <llama.h>
#include <verdigris.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "verdigris_marker.h"
#include "verdigris_sampler.h"

namespace {

struct Options {
  std::string model, profile, prompts, out, text;
  std::vector<std::string> keys;
  size_t max_tokens = 240, tokens = SIZE_MAX, parallel = 1;
  float temperature = 1;
  uint32_t seed = 1;
};

template <auto kFree>
struct Freed {
  template <class T>
  void operator()(T* handle) const {
    kFree(handle);
  }
};
template <class T, auto kFree>
using Owned = std::unique_ptr<T, Freed<kFree>>;
using verdigris::llama::LoadMarker;
using verdigris::llama::Marker;

void Check(int32_t code, const vdg_error& err, const std::string& what) {
  if (code != VDG_OK) throw std::runtime_error(what + ": " + err.message + " (" + vdg_code_name(code) + ")");
}

std::vector<llama_token> PromptIds(const llama_model* model, const std::string& prompt) {
  const char* format = llama_model_chat_template(model, nullptr);
  if (format == nullptr) throw std::runtime_error("the model has no chat template");
  const llama_chat_message message{"user", prompt.c_str()};
  std::string text(2 * prompt.size() + 1024, '\0');
  const int32_t length = llama_chat_apply_template(format, &message, 1, true, text.data(), static_cast<int32_t>(text.size()));
  if (length < 0 || static_cast<size_t>(length) > text.size()) throw std::runtime_error("the chat template cannot be applied");
  std::vector<llama_token> ids(static_cast<size_t>(length) + 16);
  const int32_t n = llama_tokenize(llama_model_get_vocab(model), text.data(), length, ids.data(), static_cast<int32_t>(ids.size()), true, true);
  if (n < 0) throw std::runtime_error("a prompt cannot be tokenized");
  ids.resize(static_cast<size_t>(n));
  return ids;
}

// One answer that is being written, in a sequence of the context.
struct Slot {
  Owned<llama_sampler, llama_sampler_free> chain;
  llama_sampler* mark = nullptr;  // in the chain
  std::vector<llama_token> prompt, output;
  size_t answer = 0;       // its number
  llama_pos position = 0;  // of the next token in the sequence
  int32_t row = 0;         // of its logits in the batch
  bool busy = false;
};

Slot NewSlot(const Options& options, const vdg_marker* marker, llama_token end_id) {
  Slot slot;
  slot.chain.reset(llama_sampler_chain_init(llama_sampler_chain_default_params()));
  llama_sampler_chain_add(slot.chain.get(), llama_sampler_init_temp(options.temperature));
  if (marker != nullptr) {
    verdigris_llama_policy policy{};
    policy.size = sizeof policy;
    policy.end_id = end_id;
    vdg_error err;
    slot.mark = verdigris_llama_init(marker, &policy, &err);
    if (slot.mark == nullptr) throw std::runtime_error(err.message);
    llama_sampler_chain_add(slot.chain.get(), slot.mark);
  }
  return slot;
}

void AddDist(Slot& slot, uint32_t seed) {
  // `dist` draws from its own seed; each answer has another, so that an answer depends on its number alone.
  const int32_t last = llama_sampler_chain_n(slot.chain.get()) - 1;
  if (std::strcmp(llama_sampler_name(llama_sampler_chain_get(slot.chain.get(), last)), "dist") == 0) {
    llama_sampler_free(llama_sampler_chain_remove(slot.chain.get(), last));
  }
  llama_sampler_chain_add(slot.chain.get(), llama_sampler_init_dist(seed));
  llama_sampler_reset(slot.chain.get());
  vdg_error err;
  if (slot.mark != nullptr) Check(verdigris_llama_check_chain(slot.chain.get(), &err), err, "chain");
}

std::string IdsText(const std::vector<llama_token>& ids) {
  std::string text = "[";
  for (const llama_token id : ids) text += (text.size() > 1 ? "," : "") + std::to_string(id);
  return text + "]";
}

std::string Line(const Slot& slot, bool ended) {
  std::string line = "{\"prompt\":" + IdsText(slot.prompt) + ",\"output\":" + IdsText(slot.output) + ",\"ended\":" + (ended ? "true" : "false");
  if (slot.mark != nullptr) {
    verdigris_llama_result result;
    verdigris_llama_status(slot.mark, &result);
    line += ",\"states\":[";
    for (int state = VDG_STATE_MARKED; state <= VDG_STATE_NO_CHOICE; ++state) line += (state > 1 ? "," : "") + std::to_string(result.states[state]);
    char kl[32];
    std::snprintf(kl, sizeof kl, "%.4f", result.kl_qp);
    line += std::string("],\"kl_qp_nats\":") + kl;
  }
  return line + "}\n";
}

void AddToBatch(llama_batch& batch, llama_token id, llama_pos position, llama_seq_id sequence, bool logits) {
  const int32_t i = batch.n_tokens++;
  batch.token[i] = id;
  batch.pos[i] = position;
  batch.n_seq_id[i] = 1;
  batch.seq_id[i][0] = sequence;
  batch.logits[i] = logits ? 1 : 0;
}

void WriteText(const Options& options, const llama_vocab* vocab, const Slot& slot) {
  if (options.text.empty()) return;
  std::string text(16 * slot.output.size() + 64, '\0');
  const auto detokenize = [&] {
    return llama_detokenize(vocab, slot.output.data(), static_cast<int32_t>(slot.output.size()), text.data(), static_cast<int32_t>(text.size()), false, false);
  };
  int32_t length = detokenize();
  if (length < 0) {
    text.resize(static_cast<size_t>(-length));
    length = detokenize();
  }
  char name[32];
  std::snprintf(name, sizeof name, "/%02zu.txt", slot.answer + 1);
  std::ofstream file(options.text + name, std::ios::binary);
  if (!file.write(text.data(), length)) throw std::runtime_error(options.text + name + ": cannot be written");
}

size_t CountOutput(const std::string& line) {
  const size_t start = line.find("\"output\":[") + 10, end = line.find(']', start);
  if (start == end) return 0;
  size_t n = 1;
  for (size_t i = start; i < end; ++i) n += line[i] == ',';
  return n;
}

void Generate(const Options& options) {
  llama_log_set([](ggml_log_level level, const char* text, void*) { if (level == GGML_LOG_LEVEL_ERROR) std::fputs(text, stderr); }, nullptr);
  const Owned<llama_model, llama_model_free> model(llama_model_load_from_file(options.model.c_str(), llama_model_default_params()));
  if (!model) throw std::runtime_error(options.model + ": cannot be loaded");
  const llama_vocab* vocab = llama_model_get_vocab(model.get());
  const Marker marker = options.keys.empty() ? nullptr : LoadMarker(options.profile, options.keys, llama_vocab_n_tokens(vocab));

  std::vector<std::string> prompts;
  std::ifstream in(options.prompts);
  for (std::string line; std::getline(in, line);) prompts.push_back(line);
  size_t next = 0, tokens = 0;
  std::ifstream before(options.out);
  for (std::string line; std::getline(before, line); ++next) tokens += CountOutput(line);
  std::ofstream out(options.out, std::ios::app);
  if (!out) throw std::runtime_error(options.out + ": cannot be written");

  constexpr uint32_t kPromptTokens = 512;
  llama_context_params params = llama_context_default_params();
  params.n_seq_max = static_cast<uint32_t>(options.parallel);
  params.n_ctx = params.n_seq_max * (kPromptTokens + static_cast<uint32_t>(options.max_tokens));
  params.n_batch = params.n_ubatch = params.n_seq_max * kPromptTokens;
  params.n_threads = params.n_threads_batch = 1;
  const Owned<llama_context, llama_free> context(llama_init_from_model(model.get(), params));
  if (!context) throw std::runtime_error("no context");
  llama_memory_t memory = llama_get_memory(context.get());
  llama_token end_id = llama_vocab_eot(vocab);
  if (end_id < 0) end_id = llama_vocab_eos(vocab);

  std::vector<Slot> slots;
  for (size_t i = 0; i < options.parallel; ++i) slots.push_back(NewSlot(options, marker.get(), end_id));
  llama_batch batch = llama_batch_init(static_cast<int32_t>(params.n_batch), 0, 1);
  std::vector<std::string> done(prompts.size());  // lines that wait for those before them
  size_t written = next;
  while (true) {
    batch.n_tokens = 0;
    for (size_t i = 0; i < slots.size(); ++i) {
      Slot& slot = slots[i];
      const auto sequence = static_cast<llama_seq_id>(i);
      if (slot.busy) {
        AddToBatch(batch, slot.output.back(), slot.position++, sequence, true);
      } else if (next < prompts.size() && tokens < options.tokens) {
        slot.prompt = PromptIds(model.get(), prompts[next]);
        if (slot.prompt.size() > kPromptTokens) slot.prompt.resize(kPromptTokens);
        slot.output.clear();
        slot.answer = next++;
        slot.busy = true;
        AddDist(slot, options.seed + static_cast<uint32_t>(slot.answer));
        llama_memory_seq_rm(memory, sequence, -1, -1);
        for (slot.position = 0; slot.position < static_cast<llama_pos>(slot.prompt.size()); ++slot.position) {
          const auto at = static_cast<size_t>(slot.position);
          llama_sampler_accept(slot.chain.get(), slot.prompt[at]);
          AddToBatch(batch, slot.prompt[at], slot.position, sequence, at + 1 == slot.prompt.size());
        }
      }
      slot.row = batch.n_tokens - 1;
    }
    if (batch.n_tokens == 0) break;
    if (llama_decode(context.get(), batch) != 0) throw std::runtime_error("llama_decode failed");
    for (Slot& slot : slots) {
      if (!slot.busy) continue;
      const llama_token id = llama_sampler_sample(slot.chain.get(), context.get(), slot.row);
      verdigris_llama_result result{};
      if (slot.mark != nullptr && verdigris_llama_status(slot.mark, &result) != VDG_OK) throw std::runtime_error(result.message);
      const bool ended = llama_vocab_is_eog(vocab, id);
      if (!ended) {
        slot.output.push_back(id);
        ++tokens;
      }
      if (ended || slot.output.size() >= options.max_tokens) {
        WriteText(options, vocab, slot);
        done[slot.answer] = Line(slot, ended);
        slot.busy = false;
        while (written < prompts.size() && !done[written].empty()) out << done[written++] << std::flush;
      }
    }
  }
  llama_batch_free(batch);
}

Options Parse(int argc, char** argv) {
  Options options;
  std::vector<std::string> files;
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    if (name.compare(0, 2, "--") != 0) {
      files.push_back(name);
      continue;
    }
    if (i + 1 == argc) throw std::invalid_argument(name + " needs a value");
    const std::string value = argv[++i];
    if (name == "--key") options.keys.push_back(value);
    else if (name == "--max-tokens") options.max_tokens = std::stoul(value);
    else if (name == "--tokens") options.tokens = std::stoul(value);
    else if (name == "--parallel") options.parallel = std::stoul(value);
    else if (name == "--temperature") options.temperature = std::stof(value);
    else if (name == "--text") options.text = value;
    else if (name == "--seed") options.seed = static_cast<uint32_t>(std::stoul(value));
    else throw std::invalid_argument(name + " is no option");
  }
  if (files.size() != 4) throw std::invalid_argument("MODEL.gguf PROFILE.json PROMPTS.txt OUT.jsonl must be given");
  if (options.max_tokens < 1 || options.parallel < 1 || options.parallel > 64) throw std::invalid_argument("--max-tokens must be at least 1, --parallel 1 to 64");
  if (!(options.temperature > 0)) throw std::invalid_argument("--temperature must be above 0: at 0 there is no choice that could be marked");
  options.model = files[0];
  options.profile = files[1];
  options.prompts = files[2];
  options.out = files[3];
  return options;
}

}  // namespace

int main(int argc, char** argv) try {
  Generate(Parse(argc, argv));
} catch (const std::invalid_argument& error) {
  return std::fprintf(stderr, "example_generate: error: %s\n", error.what()), 2;
} catch (const std::exception& error) {
  return std::fprintf(stderr, "example_generate: error: %s\n", error.what()), 3;
}
