// The tokenizer inside of a GGUF file: what is read, what is refused, and what the digest covers. tests/data/tiny.gguf is made by
// tests/interop/tiny_byte_level.py, which writes the format by its description.
#include "verify/text/gguf_tokenizer.h"

#include <map>
#include <random>

#include "tests/verify/text/tokenizer_vectors.h"

namespace verdigris::verify {
namespace {

using namespace std::string_literals;

const std::string kTiny = VERDIGRIS_SOURCE_DIR "/tests/data/tiny.gguf";

std::string Outcome(const std::string& file) {
  auto model = ReadGgufTokenizer(file);
  if (!model) return std::string(ErrorClass(model.error().kind)) + ": " + model.error().message;
  if (!*model) return "cut off";
  const auto tokenizer = MakeByteBpe(std::move(**model));
  return tokenizer ? "read" : std::string(ErrorClass(tokenizer.error().kind)) + ": " + tokenizer.error().message;
}

std::string Number(uint64_t value, int bytes) {
  std::string out;
  for (int i = 0; i < bytes; ++i) out.push_back(static_cast<char>(i < 8 ? value >> 8 * i : 0));
  return out;
}
std::string Text(const std::string& text) { return Number(text.size(), 8) + text; }
std::string TextRecord(const std::string& name, const std::string& value) { return Text(name) + Number(8, 4) + Text(value); }

// The small file with the value of one string replaced.
std::string WithText(const std::string& name, const std::string& from, const std::string& to) {
  std::string file = Get(kTiny);
  const std::string old = TextRecord(name, from);
  const size_t at = file.find(old);
  REQUIRE(at != file.npos);
  return file.replace(at, old.size(), TextRecord(name, to));
}

TEST_CASE("the metadata are read, not what follows") {
  const std::string file = Get(kTiny), metadata = file.substr(0, file.size() - 64);
  CHECK(Outcome(file) == "read");
  CHECK(Outcome(metadata) == "read");
  CHECK(Outcome(metadata.substr(0, metadata.size() - 1)) == "cut off");
  CHECK(Outcome("GGUF") == "cut off");
  CHECK(Outcome("GGML") == "malformed: not a GGUF file");
}

TEST_CASE("models and cuts that are not known are refused by their values") {
  const std::string model = "tokenizer.ggml.model", pre = "tokenizer.ggml.pre";
  CHECK(Outcome(WithText(model, "gpt2", "llama")) == "unsupported: gguf.model.llama is not supported; for a SentencePiece tokenizer give its .model file");
  CHECK(Outcome(WithText(model, "gpt2", "bert")) == "unsupported: gguf.model.bert is not supported");
  CHECK(Outcome(WithText(model, "gpt2", "\x1B[31m")) == "unsupported: gguf.model.?[31m is not supported");
  CHECK(Outcome(WithText(pre, "qwen2", "default")) == "unsupported: gguf.pre.default is not supported");
  CHECK(Outcome(WithText(pre, "qwen2", "")) == "unsupported: gguf.pre. is not supported");
  struct Row {
    Pattern pattern;
    bool whole_pieces_first, compose;
  };
  const std::map<std::string, Row> rows = {{"gpt-2", {Pattern::kGpt2, false, false}},     {"llama-bpe", {Pattern::kLlama3, true, false}},
                                           {"llama-v3", {Pattern::kLlama3, true, false}}, {"llama3", {Pattern::kLlama3, true, false}},
                                           {"qwen2", {Pattern::kQwen2, false, true}},     {"qwen35", {Pattern::kQwen35, false, true}},
                                           {"gpt-4o", {Pattern::kO200k, false, false}},   {"llama4", {Pattern::kO200k, false, false}},
                                           {"smollm", {Pattern::kSmolLm, false, false}}};
  for (const auto& [name, row] : rows) {
    CAPTURE(name);
    const auto read = ReadGgufTokenizer(WithText(pre, "qwen2", name));
    REQUIRE(read.has_value());
    REQUIRE(read->has_value());
    CHECK((*read)->pattern == row.pattern);
    CHECK((*read)->whole_pieces_first == row.whole_pieces_first);
    CHECK((*read)->compose == row.compose);
  }
}

TEST_CASE("the digest covers the tokenizer's records and nothing else") {
  const auto digest = [](const std::string& file) { return Hex((*ReadGgufTokenizer(file))->digest); };
  const std::string file = Get(kTiny), own = digest(file);
  CHECK(digest(file + "other weights") == own);
  CHECK(digest(WithText("general.architecture", "none", "another")) == own);
  CHECK(digest(WithText("tokenizer.ggml.pre", "qwen2", "smollm")) != own);
  // By hand: the records one after another, in the order of their names.
  const size_t first = file.find(Text("tokenizer.ggml.model"));
  const auto record = [&](const char* name, const char* next) {
    const size_t at = file.find(Text("tokenizer.ggml."s + name));
    return file.substr(at, (*next != '\0' ? file.find(Text("tokenizer.ggml."s + next)) : file.size() - 64) - at);
  };
  REQUIRE(first != file.npos);
  const std::string records = record("add_bos_token", "") + record("merges", "add_bos_token") + record("model", "pre") + record("pre", "tokens") +
                              record("token_type", "merges") + record("tokens", "token_type");
  CHECK(Hex(Sha256(AsBytes(records))) == own);
}

// SmolLM2's vocabulary lacks 21 bytes.
TEST_CASE("the unknown token stands for bytes that are no token") {
  std::string file = Get(kTiny);
  const size_t at = file.find(Text("\xC4\x84"));  // the name of 0x04
  REQUIRE(at != file.npos);
  file.replace(at, 10, Text("~~"));
  CHECK(Outcome(file) == "malformed: byte 0x04 is no token");

  const uint32_t special = (*ReadGgufTokenizer(file))->special_ids.at(0).first;
  const auto with_unknown = [&](uint32_t id) {
    std::string longer = file;
    longer.insert(longer.size() - 64, Text("tokenizer.ggml.unknown_token_id") + Number(4, 4) + Number(id, 4));
    ++longer[16];  // records
    return longer;
  };
  CHECK(Outcome(with_unknown(40)) == "malformed: byte 0x04 is no token");  // an ordinary token would take part in windows
  auto model = ReadGgufTokenizer(with_unknown(special));
  REQUIRE(model.has_value());
  REQUIRE(model->has_value());
  const auto tokenizer = MakeByteBpe(std::move(**model));
  REQUIRE(tokenizer.has_value());
  const auto tokens = Encode(**tokenizer, "a\x04");
  REQUIRE(tokens.size() == 2);
  CHECK(tokens[1].id == special);
}

TEST_CASE("sizes and types are bounded") {
  const std::string head = "GGUF" + Number(3, 4) + Number(0, 8);
  CHECK(Outcome("GGUF" + Number(1, 4) + Number(0, 16)) == "unsupported: GGUF version 1 is not supported");
  CHECK(Outcome(head + Number(65537, 8)) == "limit: GGUF file of 65537 records, the limit is 2^16");
  CHECK(Outcome(head + Number(1, 8) + Number(1ull << 40, 8)) == "limit: a string of 1099511627776 bytes, the limit is 2^24");
  const std::string named = head + Number(1, 8) + Text("x");
  CHECK(Outcome(named + Number(13, 4)) == "malformed: x: type 13");
  CHECK(Outcome(named + Number(9, 4) + Number(9, 4) + Number(1, 8)) == "unsupported: x: an array of arrays is not supported");
  CHECK(Outcome(named + Number(9, 4) + Number(0, 4) + Number((1 << 24) + 1, 8)) == "limit: x: an array of 16777217, the limit is 2^24");
  CHECK(Outcome(head + Number(2, 8) + TextRecord("x", "a") + TextRecord("x", "b")) == "malformed: x is there twice");
  CHECK(Outcome(head + Number(2, 8) + TextRecord("tokenizer.ggml.model", "gpt2") + TextRecord("tokenizer.ggml.pre", "gpt-2")) ==
        "malformed: tokenizer.ggml.tokens is missing");
  std::string type = Get(kTiny);
  const size_t at = type.find(Text("tokenizer.ggml.token_type")) + 8 + 25 + 4 + 4 + 8;
  type[at] = 6;
  CHECK(Outcome(type) == "unsupported: tokenizer.ggml.tokens[0] of type 6 is not supported");
}

TEST_CASE("mutated files are refused, cut off or read") {
  std::mt19937_64 random(3);
  const std::string good = Get(kTiny), text = "The harbour<|end|>x    caf\xC3\xA9 \xFF";
  int cut = 0, read = 0;
  for (size_t i = 0; i < 400; ++i) {
    CAPTURE(i);
    auto model = ReadGgufTokenizer(Mutated(good, i, random));
    if (!model) continue;
    cut += !*model;
    if (!*model) continue;
    const auto tokenizer = MakeByteBpe(std::move(**model));
    if (!tokenizer) continue;
    ++read;
    CheckAscending(Encode(**tokenizer, text), text.size());
  }
  CHECK(cut >= 190);
  CHECK(read < 200);
}

}  // namespace
}  // namespace verdigris::verify
