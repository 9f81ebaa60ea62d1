// Ids and ranges of byte-level BPE.
//
// Expected ids of the small tokenizers in tests/data: tiktoken 0.14.0 and tokenizers 0.23.3 (tests/vectors/tiny_byte_level.json). Of gpt2,
// cl100k and o200k: tokenizers.json in the folder shared/ beside the repository, from the same libraries; skipped where that folder is
// absent. Against the libraries on far more text: tests/interop/byte_level_peers.py.
#include "verify/text/byte_bpe.h"

#include <algorithm>
#include <fstream>
#include <map>
#include <random>

#include "tests/verify/text/tokenizer_vectors.h"
#include "verify/text/bpe_files.h"
#include "verify/text/gguf_tokenizer.h"
#include "verify/text/tokenizer_json.h"

namespace verdigris::verify {
namespace {

using nlohmann::json;
using namespace std::string_literals;

const std::string kData = VERDIGRIS_SOURCE_DIR "/tests/data/";
const std::string kShared = VERDIGRIS_SHARED_DIR "/data/";

template <class T>
T Must(Result<T> result) {
  if (!result) FAIL(result.error().message);
  return std::move(*result);
}

json Vectors(const char* name) { return json::parse(Get(VERDIGRIS_SOURCE_DIR "/tests/vectors/"s + name)); }

ByteBpeModel TinyJson() { return Must(ReadTokenizerJson(Get(kData + "tiny_tokenizer.json"))); }

std::unique_ptr<Tokenizer> TinyRanks(Pattern pattern) {
  TokenizerDescriptor descriptor;
  descriptor.pattern = pattern;
  descriptor.vocab = 406;
  return Must(LoadDescribed(descriptor, Get(kData + "tiny.tiktoken"), ""));
}

// The lengths that tokens have in the document.
std::vector<uint32_t> LengthsOf(const std::vector<Token>& tokens) {
  std::vector<uint32_t> lengths;
  for (const Token& token : tokens) lengths.push_back(token.end - token.begin);
  return lengths;
}

TEST_CASE("the small tokenizers give the ids of the reference libraries") {
  const json vectors = Vectors("tiny_byte_level.json");
  const json inputs = Vectors("pre_tokenizer.json")["inputs"];
  std::map<std::string, std::unique_ptr<Tokenizer>> tokenizers;
  for (const Pattern pattern : {Pattern::kGpt2, Pattern::kCl100k, Pattern::kO200k}) {
    tokenizers["tiktoken " + std::string(PatternName(pattern))] = TinyRanks(pattern);
  }
  for (const Pattern pattern : {Pattern::kGpt2, Pattern::kLlama3, Pattern::kQwen2, Pattern::kQwen35, Pattern::kSmolLm}) {
    ByteBpeModel model = TinyJson();
    model.pattern = pattern;
    model.compose = pattern == Pattern::kQwen2 || pattern == Pattern::kQwen35;
    model.whole_pieces_first = pattern == Pattern::kLlama3;
    tokenizers["json " + std::string(PatternName(pattern))] = Must(MakeByteBpe(std::move(model)));
  }
  CHECK(vectors["files"].size() == 5);
  for (const auto& [file, digest] : vectors["files"].items()) CHECK(Hex(Sha256(AsBytes(Get(kData + file)))) == digest);
  for (const auto& row : tokenizers) {
    const std::string& name = row.first;  // clang 14 captures no structured binding
    const auto& tokenizer = row.second;
    CAPTURE(name);
    const json& rows = vectors[name];
    REQUIRE(rows.size() == inputs.size());
    for (size_t i = 0; i < rows.size(); ++i) {
      CAPTURE(inputs[i]["name"]);
      const std::string text = InputText(inputs[i]);
      const auto tokens = Encode(*tokenizer, text);
      CHECK(json(IdsOf(tokens)) == rows[i]);
      CheckAscending(tokens, text.size());
      CHECK((tokens.empty() ? text.empty() : tokens.front().begin == 0 && tokens.back().end == text.size()));
    }
  }
}

TEST_CASE("vocab.json with merges.txt and the GGUF file give the ids of the tokenizer.json") {
  TokenizerDescriptor descriptor;
  descriptor.merges = true;
  descriptor.pattern = Pattern::kO200k;
  descriptor.vocab = 406;
  const auto pair = Must(LoadDescribed(descriptor, Get(kData + "tiny_vocab.json"), Get(kData + "tiny_merges.txt")));
  const auto ranks = TinyRanks(Pattern::kO200k);
  const auto gguf = Must(MakeByteBpe(*Must(ReadGgufTokenizer(Get(kData + "tiny.gguf")))));
  const auto reference = Must(MakeByteBpe(TinyJson()));  // qwen2 in both
  CHECK(pair->kind() == "bpe");
  CHECK(ranks->kind() == "tiktoken");
  CHECK(gguf->kind() == "gguf");
  CHECK(reference->kind() == "tokenizer.json");
  CHECK(gguf->vocab() == 411);
  CHECK(reference->vocab() == 411);
  REQUIRE(gguf->special_ids().size() == 1);
  CHECK(gguf->special_ids()[0].first == 406);
  CHECK(gguf->special_ids()[0].last == 407);
  REQUIRE(reference->special_ids().size() == 1);
  CHECK(reference->special_ids()[0].last == 407);
  CHECK(reference->digest() == Sha256(AsBytes(Get(kData + "tiny_tokenizer.json"))));
  for (const std::string& text : Stream(Vectors("pre_tokenizer.json")["alphabet"])) {
    CHECK(IdsOf(Encode(*pair, text)) == IdsOf(Encode(*ranks, text)));
    CHECK(IdsOf(Encode(*gguf, text)) == IdsOf(Encode(*reference, text)));
  }
}

TEST_CASE("decoding gives the text back, and an id beyond the vocabulary is named with its place") {
  const auto tokenizer = TinyRanks(Pattern::kCl100k);
  std::string out;
  for (const std::string& text : {"The light burns."s, "a  b\n\t c "s, "\xF0\x9F\x98\x80 \xE2\x82\xAC"s, "x\0y"s, ""s}) {
    REQUIRE(tokenizer->Decode(IdsOf(Encode(*tokenizer, text)), out).has_value());
    CHECK(out == text);
  }
  const uint32_t ids[] = {300, 405, 406};
  const auto result = tokenizer->Decode(ids, out);
  REQUIRE_FALSE(result.has_value());
  CHECK(result.error().kind == ErrorKind::kInvalidArgument);
  CHECK(result.error().message == "id 406 at 2, vocab 406");
  const auto added = Must(MakeByteBpe(TinyJson()));
  REQUIRE(added->Decode(std::vector<uint32_t>{406, 'a', 409}, out).has_value());
  CHECK(out == "<|end|>aharbour");
}

TEST_CASE("names of special tokens in text are ordinary text, and hide nothing but what overlaps them") {
  const auto tokenizer = Must(MakeByteBpe(TinyJson()));
  for (const std::string& text : Stream(Vectors("pre_tokenizer.json")["alphabet"])) {
    const std::string pasted = text.substr(0, 1) + "<|end|>" + text + "<|start|>";
    for (const Token& token : Encode(*tokenizer, pasted)) CHECK((token.id != 406 && token.id != 407));
  }
  // "<|end|>x" is an ordinary added token and longer than the special one.
  const auto longest = Encode(*tokenizer, "a<|end|>xharbour");
  REQUIRE(longest.size() == 3);
  CHECK(longest[1].id == 410);
  CHECK(longest[2].id == 409);
  CHECK(longest[2].begin == 9);
}

TEST_CASE("documents over 16 MiB are a limit, and nothing is left in the output") {
  const auto tokenizer = TinyRanks(Pattern::kGpt2);
  Scratch scratch;
  std::vector<Token> tokens{{1, 2, 3}};
  const auto result = tokenizer->Encode(std::string(kMaxDocumentBytes + 1, 'a'), scratch, tokens);
  REQUIRE_FALSE(result.has_value());
  CHECK(result.error().kind == ErrorKind::kLimit);
  CHECK(result.error().message == "document of 16777217 bytes, the limit is 16 MiB");
  CHECK(tokens.empty());
}

// A random vocabulary of 256 bytes and `merges` of them, over a few letters, so that ranks and lengths are all mixed.
ByteBpeModel RandomModel(std::mt19937_64& random, size_t merges, bool ranks_are_ids) {
  ByteBpeModel model;
  model.ranks_are_ids = model.whole_pieces_first = ranks_are_ids;
  std::vector<uint32_t> ids(256 + merges);
  for (uint32_t i = 0; i < ids.size(); ++i) ids[i] = i;
  std::shuffle(ids.begin(), ids.end(), random);
  std::vector<std::string> tokens;
  for (int byte = 0; byte < 256; ++byte) tokens.emplace_back(1, static_cast<char>(byte));
  std::map<std::string, uint32_t> known;
  for (size_t i = 0; i < 256; ++i) {
    REQUIRE(model.tokens.Add(ids[i], tokens[i]).has_value());
    known[tokens[i]] = ids[i];
  }
  std::vector<std::string> parts = {"a", "b", "c"};
  std::map<std::pair<uint32_t, uint32_t>, bool> pairs;
  while (known.size() < 256 + merges) {
    const std::string left = parts[random() % parts.size()], right = parts[random() % parts.size()];
    const bool fresh = known.count(left + right) == 0;
    if (left.size() + right.size() > 12) continue;
    if (fresh) {
      known[left + right] = ids[known.size()];
      REQUIRE(model.tokens.Add(known[left + right], left + right).has_value());
      parts.push_back(left + right);
    }
    if (pairs.emplace(std::pair(known[left], known[right]), true).second) model.merges.push_back({known[left], known[right], known[left + right]});
  }
  if (ranks_are_ids) model.merges.clear();
  std::shuffle(model.merges.begin(), model.merges.end(), random);
  model.vocab = model.tokens.end();
  return model;
}

// The textbook's loop: find the lowest rank, leftmost; join; again.
std::vector<uint32_t> Textbook(const ByteBpeModel& model, std::string_view piece) {
  if (model.whole_pieces_first && model.tokens.Find(piece) != kNoToken) return {model.tokens.Find(piece)};
  std::map<std::pair<uint32_t, uint32_t>, std::pair<size_t, uint32_t>> ranks;
  for (size_t i = 0; i < model.merges.size(); ++i) ranks[{model.merges[i].left, model.merges[i].right}] = {i, model.merges[i].result};
  std::vector<uint32_t> ids;
  for (const char& c : piece) ids.push_back(model.tokens.Find({&c, 1}));
  for (;;) {
    size_t best = ids.size(), best_rank = SIZE_MAX;
    uint32_t joined = 0;
    for (size_t i = 0; i + 1 < ids.size(); ++i) {
      size_t rank = SIZE_MAX;
      uint32_t result = 0;
      if (model.ranks_are_ids) {
        result = model.tokens.Find(std::string(model.tokens.Of(ids[i])) + std::string(model.tokens.Of(ids[i + 1])));
        if (result != kNoToken) rank = result;
      } else if (const auto at = ranks.find({ids[i], ids[i + 1]}); at != ranks.end()) {
        rank = at->second.first;
        result = at->second.second;
      }
      if (rank < best_rank) best = i, best_rank = rank, joined = result;
    }
    if (best == ids.size()) return ids;
    ids[best] = joined;
    ids.erase(ids.begin() + static_cast<std::ptrdiff_t>(best) + 1);
  }
}

TEST_CASE("merging gives what the textbook's loop gives: 50 random vocabularies, pieces up to 200 bytes") {
  std::mt19937_64 random(5);
  size_t merged = 0;
  for (int v = 0; v < 50; ++v) {
    CAPTURE(v);
    const ByteBpeModel model = RandomModel(random, 44, v % 2 == 0);
    const auto tokenizer = Must(MakeByteBpe(model, v % 3 == 0 ? 0 : 65536));
    for (int i = 0; i < 400; ++i) {
      std::string piece;
      for (uint64_t length = 1 + random() % (i % 2 == 0 ? 12 : 200); length > 0; --length) piece += static_cast<char>('a' + random() % 3);
      const auto ids = IdsOf(Encode(*tokenizer, piece));  // letters alone: one piece
      CHECK(ids == Textbook(model, piece));
      merged += piece.size() - ids.size();
    }
  }
  CHECK(merged > 100000);
}

TEST_CASE("the cache changes nothing: none, 64 KiB, 16 MiB, and a Scratch that served another tokenizer") {
  const std::vector<std::string> texts = [] {
    std::vector<std::string> out = Stream(Vectors("pre_tokenizer.json")["alphabet"]);
    std::mt19937_64 random(3);
    for (int i = 0; i < 40; ++i) {  // words by the ten thousand, to fill 64 KiB again and again
      std::string text;
      for (int k = 0; k < 500; ++k) text += " w" + std::to_string(random() % 100000) + std::string(random() % 3 * 200, 'o');
      out.push_back(text);
    }
    return out;
  }();
  const auto off = Must(MakeByteBpe(TinyJson(), 0)), small = Must(MakeByteBpe(TinyJson(), 65536)), large = Must(MakeByteBpe(TinyJson()));
  const auto other = TinyRanks(Pattern::kGpt2);
  Scratch scratch_small, scratch_large, shared;
  std::vector<Token> tokens;
  for (const std::string& text : texts) {
    const auto expected = Encode(*off, text);
    const auto same = [&] {
      return std::equal(tokens.begin(), tokens.end(), expected.begin(), expected.end(),
                        [](const Token& a, const Token& b) { return a.id == b.id && a.begin == b.begin && a.end == b.end; });
    };
    REQUIRE(small->Encode(text, scratch_small, tokens).has_value());
    CHECK(same());
    REQUIRE(large->Encode(text, scratch_large, tokens).has_value());
    CHECK(same());
    REQUIRE(other->Encode(text, shared, tokens).has_value());
    REQUIRE(large->Encode(text, shared, tokens).has_value());
    CHECK(same());
  }
}

TEST_CASE("eight threads with one tokenizer give what one gives") {
  CheckEightThreads(*Must(MakeByteBpe(TinyJson())), PartsOf(Get(kData + "tiny_corpus.txt")));
}

TEST_CASE("slow: hostile texts take linear time") {
  std::vector<std::unique_ptr<Tokenizer>> tokenizers;
  tokenizers.push_back(TinyRanks(Pattern::kO200k));
  tokenizers.push_back(Must(MakeByteBpe(TinyJson())));
  if (const std::string ranks = Get(kShared + "tokenizers/cl100k_base.tiktoken.gz"); !ranks.empty()) {
    TokenizerDescriptor descriptor;
    descriptor.pattern = Pattern::kCl100k;
    descriptor.vocab = 100256;
    tokenizers.push_back(Must(LoadDescribed(descriptor, Must(Inflated(ranks)), "")));
  }
  for (const auto& tokenizer : tokenizers) CheckLinearTime(*tokenizer);
}

// ---- the published vocabularies

struct Published {
  std::string name;
  json vectors;
  std::unique_ptr<Tokenizer> tokenizer;
};

// Nothing where the shared folder is absent. gpt2 by its own files, by a tiktoken file and as tokenizer.json with other cuts.
std::vector<Published> PublishedTokenizers(json& vectors) {
  std::vector<Published> out;
  const std::string file = Get(kShared + "vectors/tokenizers.json");
  if (file.empty()) {
    MESSAGE("skipped: no folder shared/ beside the repository");
    return out;
  }
  vectors = json::parse(file);
  for (const auto& [name, of] : vectors["byte_level"].items()) {
    json rows = of;
    if (rows.contains("same as")) rows["rows"] = vectors["byte_level"][rows["same as"].get<std::string>()]["rows"];
    const std::string folder = kShared + "tokenizers/";
    TokenizerDescriptor descriptor;
    descriptor.merges = name.starts_with("gpt2");
    descriptor.vocab = name == "o200k" ? 199998 : name == "cl100k" ? 100256 : 50257;
    descriptor.pattern = name == "cl100k" ? Pattern::kCl100k : name == "o200k" ? Pattern::kO200k : Pattern::kGpt2;
    const std::string vocab = Get(folder + "gpt2_encoder.json"), merges = Get(folder + "gpt2_vocab.bpe");
    if (name == "gpt2" || !descriptor.merges) {
      out.push_back({name, rows, Must(LoadDescribed(descriptor, descriptor.merges ? vocab : Must(Inflated(Get(folder + name + "_base.tiktoken.gz"))),
                                                    descriptor.merges ? merges : ""))});
      continue;
    }
    // A tokenizer.json of the same vocabulary.
    json model = {{"type", "BPE"}, {"ignore_merges", name == "gpt2 with llama-3"}, {"vocab", json::parse(vocab)}, {"merges", json::array()}};
    size_t at = merges.find('\n') + 1;
    for (size_t end; (end = merges.find('\n', at)) != merges.npos; at = end + 1) model["merges"].push_back(merges.substr(at, end - at));
    const json bytes = {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", false}};
    json bytes_regex = bytes;
    bytes_regex["use_regex"] = true;
    const auto sequence = [](json first, json second) { return json{{"type", "Sequence"}, {"pretokenizers", {std::move(first), std::move(second)}}}; };
    const auto split = [&](const char* pattern) {
      return json{{"type", "Split"}, {"pattern", {{"Regex", vectors["patterns"][pattern]}}}, {"behavior", "Isolated"}, {"invert", false}};
    };
    json whole = {{"model", model}, {"normalizer", nullptr}, {"pre_tokenizer", bytes_regex}};
    if (name == "gpt2 with llama-3") whole["pre_tokenizer"] = sequence(split("llama-3"), bytes);
    if (name == "gpt2 with qwen2") whole["pre_tokenizer"] = sequence(split("qwen2"), bytes), whole["normalizer"] = {{"type", "NFC"}};
    if (name == "gpt2 with smollm") whole["pre_tokenizer"] = sequence({{"type", "Digits"}, {"individual_digits", true}}, bytes_regex);
    out.push_back({name, rows, Must(MakeByteBpe(Must(ReadTokenizerJson(whole.dump()))))});
  }
  CHECK(out.size() == 7);
  return out;
}

TEST_CASE("slow: published vocabularies: ids, ranges, streams and whole files of the vectors") {
  json vectors;
  for (const Published& published : PublishedTokenizers(vectors)) {
    CAPTURE(published.name);
    const json& inputs = vectors["inputs"];
    REQUIRE(published.vectors["rows"].size() == inputs.size());
    for (size_t i = 0; i < inputs.size(); ++i) {
      CAPTURE(inputs[i]["name"]);
      const std::string text = InputText(inputs[i]);
      const json& row = published.vectors["rows"][i];
      const auto tokens = Encode(*published.tokenizer, text);
      CHECK(json(IdsOf(tokens)) == row["ids"]);
      CheckAscending(tokens, text.size());
      // Lengths are of the text as the tokenizer reads it.
      const bool as_it_is = !inputs[i].contains("hex") && !row.contains("normal");
      if (as_it_is) CHECK(json(LengthsOf(tokens)) == row["len"]);
      std::string decoded;
      REQUIRE(published.tokenizer->Decode(IdsOf(tokens), decoded).has_value());
      if (!inputs[i].contains("hex")) CHECK(decoded == (row.contains("normal") ? row["normal"].get<std::string>() : text));
    }
    IdDigest stream;
    for (const std::string& text : Stream(vectors["alphabet"])) stream.Add(Encode(*published.tokenizer, text));
    CHECK(stream.result() == published.vectors["stream"]);
    for (const auto& file : published.vectors["files"].items()) {
      CAPTURE(file.key());
      IdDigest digest;
      digest.Add(Encode(*published.tokenizer, Get(kShared + file.key())));
      CHECK(digest.result() == file.value());
    }
  }
}

}  // namespace
}  // namespace verdigris::verify
