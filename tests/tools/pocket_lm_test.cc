// The pocket model against PyTorch, and against itself.
//
// Expected logits: datasets/pocket_lm/reference_logits.json, from LlamaForCausalLM of Hugging Face transformers on
// PyTorch (datasets/pocket_lm/export_reference.py), float32. A model of 2 layers with random weights serves where the
// weights do not matter; random numbers come from fixed seeds.
#include "tools/pocket_lm/pocket_lm.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <fstream>
#include <functional>
#include <limits>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "tests/tools/small_model.h"

namespace verdigris::pocket {
namespace {

using nlohmann::json;
using testing::Files;
using testing::Folder;
using testing::Small;

const std::string kFolder = VERDIGRIS_SOURCE_DIR "/datasets/pocket_lm";

PocketLm MustLoad(const std::string& folder) {
  auto model = PocketLm::Load(folder);
  REQUIRE_MESSAGE(model.has_value(), (model ? "" : model.error().message));
  return *std::move(model);
}

std::vector<uint32_t> RandomIds(size_t count, uint32_t vocab, uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<uint32_t> ids(count);
  for (uint32_t& id : ids) id = random() % vocab;
  return ids;
}

void FeedOneByOne(Session& session, std::span<const uint32_t> ids) {
  for (uint32_t id : ids) REQUIRE(session.Feed({&id, 1}).has_value());
}

Session Fed(const PocketLm& model, std::span<const uint32_t> ids) {
  Session session(model);
  REQUIRE(session.Feed(ids).has_value());
  return session;
}

bool Same(std::span<const float> a, std::span<const float> b) {
  return !a.empty() && std::equal(a.begin(), a.end(), b.begin(), b.end());
}

PocketLm SmallModel() {
  const Folder folder;
  folder.Put(Small());
  return MustLoad(folder.path());
}

// Compares one row of the reference file.
void CheckRow(std::span<const float> logits, const json& row) {
  CHECK(static_cast<size_t>(std::max_element(logits.begin(), logits.end()) - logits.begin()) ==
        row.at("argmax").get<size_t>());
  double sum = 0;
  for (float logit : logits) sum += std::exp(static_cast<double>(logit));
  CHECK(std::fabs(std::log(sum) - row.at("logsumexp").get<double>()) < 1e-3);
  REQUIRE(row.at("logits").size() >= 50);
  double largest_difference = 0;
  for (const json& pair : row.at("logits")) {
    const auto id = pair.at(0).get<size_t>();
    REQUIRE(id < logits.size());
    REQUIRE(std::isfinite(logits[id]));
    largest_difference =
        std::max(largest_difference, std::fabs(static_cast<double>(logits[id]) - pair.at(1).get<double>()));
  }
  CHECK(largest_difference < 1e-3);
}

TEST_CASE("the committed model gives the logits that PyTorch gives, to 1e-3") {
  const PocketLm model = MustLoad(kFolder);
  std::ifstream in(kFolder + "/reference_logits.json");
  REQUIRE(in.good());
  const json reference = json::parse(in);
  REQUIRE(reference.at("cases").size() >= 3);
  for (const json& one : reference.at("cases")) {
    CAPTURE(one.at("name").get<std::string>());
    const auto ids = one.at("ids").get<std::vector<uint32_t>>();
    CHECK(ids.front() == model.bos_id());
    REQUIRE(one.at("rows").size() >= 4);
    Session step_by_step(model);
    for (const json& row : one.at("rows")) {  // in ascending order of position
      const auto position = row.at("position").get<size_t>();
      CAPTURE(position);
      REQUIRE(position < ids.size());
      const std::span<const uint32_t> fed(ids.data(), position + 1);
      CheckRow(Fed(model, fed).logits(), row);
      FeedOneByOne(step_by_step, fed.subspan(step_by_step.length()));
      CheckRow(step_by_step.logits(), row);
    }
  }
}

TEST_CASE("the committed model has the size its documents state") {
  const PocketLm model = MustLoad(kFolder);
  CHECK(model.vocab() == 4096);
  CHECK(model.context() == 512);
  CHECK(model.bos_id() == 1);
  CHECK(model.eos_id() == 2);
}

TEST_CASE("feeding one by one equals feeding at once, to the last bit") {
  const PocketLm model = MustLoad(kFolder);
  const auto ids = RandomIds(200, model.vocab(), 2);
  const Session at_once = Fed(model, ids);
  Session one_by_one(model), in_parts(model);
  FeedOneByOne(one_by_one, ids);
  for (size_t at = 0; at < ids.size();) {
    const size_t count = std::min<size_t>(at % 90 + 1, ids.size() - at);  // 1, 2, 4, ... over the batch size
    REQUIRE(in_parts.Feed({ids.data() + at, count}).has_value());
    at += count;
  }
  CHECK(Same(at_once.logits(), one_by_one.logits()));
  CHECK(Same(at_once.logits(), in_parts.logits()));
  CHECK(at_once.length() == 200);
}

TEST_CASE("the logits after each token of one call are those of tokens fed one by one, to the last bit") {
  const PocketLm committed = MustLoad(kFolder), small = SmallModel();  // small: 16 tokens of context, so that halves are dropped
  for (const PocketLm* model : {&committed, &small}) {
    const size_t vocab = model->vocab();
    const auto ids = RandomIds(100, model->vocab(), 5);
    for (const size_t before : {0, 1, 15, 16, 17, 40}) {  // fed by an ordinary call
      CAPTURE(before);
      Session one_by_one = before == 0 ? Session(*model) : Fed(*model, std::span(ids).first(before)), at_once = one_by_one;
      const auto rest = std::span(ids).subspan(before);
      std::vector<float> rows(rest.size() * vocab);
      REQUIRE(at_once.FeedEach(rest, rows).has_value());
      for (size_t i = 0; i < rest.size(); ++i) {
        FeedOneByOne(one_by_one, rest.subspan(i, 1));
        REQUIRE(Same(one_by_one.logits(), std::span(rows).subspan(i * vocab, vocab)));
      }
      CHECK(Same(at_once.logits(), one_by_one.logits()));
      CHECK(std::ranges::equal(at_once.ids(), one_by_one.ids()));
    }
  }
}

TEST_CASE("an id out of range leaves a session and the rows of a call as they were") {
  const PocketLm model = SmallModel();
  Session session = Fed(model, RandomIds(3, model.vocab(), 6));
  const uint32_t ids[] = {1, model.vocab()};
  std::vector<float> rows(2 * model.vocab(), 7);
  const auto fed = session.FeedEach(ids, rows);
  REQUIRE(!fed.has_value());
  CHECK(fed.error().kind == ErrorKind::kInvalidArgument);
  CHECK(session.length() == 3);
  CHECK(std::ranges::all_of(rows, [](float x) { return x == 7; }));
}

TEST_CASE("at the end of the context the newer half goes on as a fresh session would") {
  const PocketLm model = MustLoad(kFolder);
  const auto ids = RandomIds(model.context() + 1, model.vocab(), 3);
  Session session = Fed(model, std::span(ids).first(512));
  CHECK(session.length() == 512);
  FeedOneByOne(session, std::span(ids).last(1));
  CHECK(session.length() == 257);
  const Session fresh = Fed(model, std::span(ids).last(257));
  CHECK(Same(session.logits(), fresh.logits()));
}

TEST_CASE("the tokens held depend on how many came, not on how they came") {
  const PocketLm model = SmallModel();
  REQUIRE(model.context() == 16);
  const auto ids = RandomIds(200, model.vocab(), 4);
  Session one_by_one(model);
  for (size_t count = 1; count <= ids.size(); ++count) {
    CAPTURE(count);
    FeedOneByOne(one_by_one, std::span(ids).subspan(count - 1, 1));
    // 16 are held, then 9 again: every 8 tokens, 8 are dropped.
    const size_t held = count <= 16 ? count : 9 + (count - 17) % 8;
    REQUIRE(one_by_one.length() == held);
    const auto all = std::span(ids).first(count);
    REQUIRE(std::ranges::equal(one_by_one.ids(), all.last(held)));
    const Session at_once = Fed(model, all);
    REQUIRE(std::ranges::equal(at_once.ids(), all.last(held)));
    REQUIRE(Same(at_once.logits(), Fed(model, all.last(held)).logits()));
    REQUIRE(Same(at_once.logits(), one_by_one.logits()));
  }
}

TEST_CASE("a context of an odd length slides too") {
  Files files = Small();
  files.config["max_position_embeddings"] = 3;
  const Folder folder;
  folder.Put(files);
  const PocketLm model = MustLoad(folder.path());
  const auto ids = RandomIds(20, model.vocab(), 5);
  Session session(model);
  FeedOneByOne(session, ids);
  CHECK(session.length() == 3);
  CHECK(Same(session.logits(), Fed(model, std::span(ids).last(3)).logits()));
}

TEST_CASE("a session starts without logits, and an empty feed changes nothing") {
  const PocketLm model = SmallModel();
  Session session(model);
  CHECK(session.logits().empty());
  REQUIRE(session.Feed({}).has_value());
  CHECK(session.logits().empty());
  CHECK(session.length() == 0);
  const uint32_t id = 3;
  REQUIRE(session.Feed({&id, 1}).has_value());
  const std::vector<float> before(session.logits().begin(), session.logits().end());
  REQUIRE(session.Feed({}).has_value());
  CHECK(Same(session.logits(), before));
  CHECK(before.size() == model.vocab());
}

TEST_CASE("an id outside of the vocabulary is refused, and the session stays as it was") {
  const PocketLm model = SmallModel();
  Session session = Fed(model, RandomIds(5, model.vocab(), 6));
  const std::vector<float> before(session.logits().begin(), session.logits().end());
  for (const uint32_t bad : {model.vocab(), UINT32_MAX}) {
    const uint32_t ids[] = {1, bad};
    const auto fed = session.Feed(ids);
    REQUIRE(!fed.has_value());
    CHECK(fed.error().kind == ErrorKind::kInvalidArgument);
    CHECK(fed.error().message == "token id must be below 11, got " + std::to_string(bad));
  }
  CHECK(session.length() == 5);
  CHECK(Same(session.logits(), before));
}

TEST_CASE("copies of a session go their own ways, and outlive the model's name") {
  auto model = std::make_unique<PocketLm>(SmallModel());
  const auto ids = RandomIds(10, model->vocab(), 7);
  const Session straight = Fed(*model, ids);
  Session first = Fed(*model, std::span(ids).first(8));
  Session second = first;
  model.reset();
  const uint32_t other[] = {5, 6, 7};
  REQUIRE(second.Feed(other).has_value());
  REQUIRE(first.Feed(std::span(ids).subspan(8)).has_value());
  CHECK(Same(first.logits(), straight.logits()));
  CHECK(second.length() == 11);
}

TEST_CASE("sessions in several threads share a model") {
  const PocketLm model = SmallModel();
  const auto ids = RandomIds(100, model.vocab(), 8);
  const Session alone = Fed(model, ids);
  std::vector<Session> sessions(4, Session(model));
  std::vector<std::thread> threads;
  for (Session& session : sessions) {
    threads.emplace_back([&session, &ids] { (void)session.Feed(ids).has_value(); });
  }
  for (auto& thread : threads) thread.join();
  for (const Session& session : sessions) CHECK(Same(session.logits(), alone.logits()));
}

TEST_CASE("both versions of a config load, and the base of the rotation counts") {
  Files files = Small();
  const Folder folder;
  folder.Put(files);
  const auto ids = RandomIds(12, 11, 9);
  const Session first = Fed(MustLoad(folder.path()), ids);
  files.config.erase("rope_theta");
  files.config["rope_parameters"] = {{"rope_theta", 10000.0}, {"rope_type", "default"}};
  files.config["pad_token_id"] = nullptr;
  folder.Put(files);
  CHECK(Same(Fed(MustLoad(folder.path()), ids).logits(), first.logits()));
  files.config["rope_parameters"]["rope_theta"] = 100.0;
  folder.Put(files);
  CHECK(!Same(Fed(MustLoad(folder.path()), ids).logits(), first.logits()));
}

TEST_CASE("a config that this model is not is refused by the name of what is wrong") {
  struct Row {
    const char* member;
    json value;  // discarded: the member is taken away
    ErrorKind kind;
    const char* message;
  };
  using enum ErrorKind;
  const json gone(json::value_t::discarded);
  const Row rows[] = {
      {"architectures",
       {"MistralForCausalLM"},
       kUnsupported,
       "architectures must be [\"LlamaForCausalLM\"], is 'MistralForCausalLM'"},
      {"architectures", gone, kUnsupported, "architectures must be [\"LlamaForCausalLM\"], is missing"},
      {"architectures", 3, kUnsupported, "architectures must be"},
      {"architectures", {"\x1B[2J"}, kUnsupported, "is of 4 bytes"},
      {"model_type", "gemma", kUnsupported, "model_type must be \"llama\", is 'gemma'"},
      {"tie_word_embeddings", false, kUnsupported, "tie_word_embeddings must be true"},
      {"tie_word_embeddings", gone, kUnsupported, "tie_word_embeddings must be true, is missing"},
      {"hidden_act", "gelu", kUnsupported, "hidden_act"},
      {"attention_bias", true, kUnsupported, "attention_bias"},
      {"mlp_bias", true, kUnsupported, "mlp_bias"},
      {"rope_scaling", {{"type", "linear"}, {"factor", 2.0}}, kUnsupported, "rope_scaling"},
      {"pretraining_tp", 2, kUnsupported, "pretraining_tp"},
      {"sliding_window", 128, kUnsupported, "member 'sliding_window' is not known"},
      {"num_key_value_heads", 1, kUnsupported, "num_key_value_heads"},
      {"head_dim", 2, kUnsupported, "head_dim"},
      {"rope_parameters", {{"rope_theta", 1.0}, {"rope_type", "default"}}, kMalformed, "both"},
      {"rope_theta", gone, kMalformed, "rope_theta must be a number above 0"},
      {"rope_theta", 0.0, kMalformed, "rope_theta"},
      {"rope_theta", 1e300, kMalformed, "rope_theta"},
      {"rms_norm_eps", -1e-5, kMalformed, "rms_norm_eps"},
      {"rms_norm_eps", 1e-60, kMalformed, "rms_norm_eps"},  // 0 in float32
      {"rms_norm_eps", "1e-5", kMalformed, "rms_norm_eps"},
      {"vocab_size", gone, kMalformed, "vocab_size must be an integer from 2 to 1048576, is missing"},
      {"vocab_size", 0, kMalformed, "vocab_size must be an integer from 2 to 1048576, got 0"},
      {"vocab_size", -1, kMalformed, "got -1"},
      {"vocab_size", 11.0, kMalformed, "vocab_size must be an integer"},
      {"vocab_size", UINT64_MAX, kMalformed, "vocab_size"},
      {"hidden_size", 24, kUnsupported, "hidden_size must be a multiple of 16, got 24"},
      {"intermediate_size", 31, kUnsupported, "intermediate_size must be a multiple of 16, got 31"},
      {"num_attention_heads", 0, kMalformed, "num_attention_heads"},
      {"num_attention_heads", 3, kMalformed, "multiple of 2 * num_attention_heads"},
      {"num_hidden_layers", 65, kMalformed, "num_hidden_layers"},
      {"max_position_embeddings", 1, kMalformed, "max_position_embeddings"},
      {"bos_token_id", 11, kMalformed, "bos_token_id must be an integer from 0 to 10, got 11"},
      {"eos_token_id", {2, 3}, kMalformed, "eos_token_id"},
      // The tensors are those of another size.
      {"vocab_size", 12, kMismatch, "'model.embed_tokens.weight' must have shape [12,16], has [11,16]"},
      {"hidden_size", 32, kMismatch, "must have shape [11,32], has [11,16]"},
      {"intermediate_size", 48, kMismatch,
       "'model.layers.0.mlp.gate_proj.weight' must have shape [48,16], has [32,16]"},
      {"num_hidden_layers", 3, kMismatch, "'model.layers.2.input_layernorm.weight' is missing"},
      {"num_hidden_layers", 1, kMismatch, "has no place in this model"},
  };
  const Folder folder;
  for (const Row& row : rows) {
    CAPTURE(row.member);
    CAPTURE(row.message);
    Files files = Small();
    if (row.value.is_discarded()) {
      files.config.erase(row.member);
    } else {
      files.config[row.member] = row.value;
    }
    folder.Put(files);
    const auto model = PocketLm::Load(folder.path());
    REQUIRE(!model.has_value());
    CHECK(model.error().kind == row.kind);
    CAPTURE(model.error().message);
    CHECK(model.error().message.find(row.message) != std::string::npos);
  }
}

TEST_CASE("weights that are missing, too many, of another shape or not numbers are refused") {
  struct Row {
    ErrorKind kind;
    const char* message;
    std::function<void(Files&)> spoil;
  };
  using enum ErrorKind;
  const std::string name = "model.layers.1.self_attn.v_proj.weight";
  const Row rows[] = {
      {kMismatch, "'model.layers.1.self_attn.v_proj.weight' is missing", [&](Files& f) { f.tensors.erase(name); }},
      {kMismatch, "must have shape [16,16], has [256]", [&](Files& f) { f.tensors[name].first = {256}; }},
      {kMismatch, "must have shape [16,16], has [8,32]",
       [&](Files& f) {
         f.tensors[name].first = {8, 32};
       }},
      {kMismatch, "'lm_head.weight' has no place",
       [&](Files& f) { f.tensors["lm_head.weight"] = f.tensors["model.embed_tokens.weight"]; }},
      {kMalformed, "v_proj.weight' has a number that is not finite",
       [&](Files& f) { f.tensors[name].second[5] = std::numeric_limits<float>::quiet_NaN(); }},
      {kMalformed, "'model.norm.weight' has a number that is not finite",
       [&](Files& f) { f.tensors["model.norm.weight"].second[7] = std::numeric_limits<float>::infinity(); }},
  };
  const Folder folder;
  for (const Row& row : rows) {
    CAPTURE(row.message);
    Files files = Small();
    row.spoil(files);
    folder.Put(files);
    const auto model = PocketLm::Load(folder.path());
    REQUIRE(!model.has_value());
    CHECK(model.error().kind == row.kind);
    CAPTURE(model.error().message);
    CHECK(model.error().message.find(row.message) != std::string::npos);
    CHECK(model.error().message.find(folder.path()) == 0);
  }
}

TEST_CASE("a missing folder or file is not found, by its name") {
  const Folder folder;
  const auto without_folder = PocketLm::Load(folder.path() + "/none");
  REQUIRE(!without_folder.has_value());
  CHECK(without_folder.error().kind == ErrorKind::kNotFound);
  CHECK(without_folder.error().message.find("/none/config.json") != std::string::npos);
  folder.Put("config.json", Small().config.dump());
  const auto without_weights = PocketLm::Load(folder.path());
  REQUIRE(!without_weights.has_value());
  CHECK(without_weights.error().kind == ErrorKind::kNotFound);
  CHECK(without_weights.error().message.find("/model.safetensors") != std::string::npos);
}

TEST_CASE("a weights file cut short anywhere is malformed") {
  const Files files = Small();
  const std::string file = files.Safetensors();
  const Folder folder;
  folder.Put(files);
  for (size_t size = 0; size < file.size(); size += size < 64 ? 1 : 61) {
    CAPTURE(size);
    folder.Put("model.safetensors", file.substr(0, size));
    const auto model = PocketLm::Load(folder.path());
    REQUIRE(!model.has_value());
    CHECK(model.error().kind == ErrorKind::kMalformed);
  }
}

}  // namespace
}  // namespace verdigris::pocket
