// A suspect's tokens as the provider's ids (suspect-models.md M6): suspect.json `alignment`, made by the second implementation;
// S11, real tokenizers of other makers where the shared data is at hand.
#include "verify/suspect/align.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <map>
#include <random>
#include <sstream>

#include <openssl/evp.h>

#include "tests/verify/suspect/suspect_vectors.h"
#include "verify/file.h"
#include "verify/text/bpe_files.h"
#include "verify/text/sentencepiece.h"

using namespace verdigris;
using namespace verdigris::testing;
using namespace verdigris::verify;

namespace {

std::unique_ptr<Tokenizer> Load(const std::string& path) {
  const auto bytes = ReadFile(path, size_t{64} << 20);
  REQUIRE_MESSAGE(bytes, path);
  auto tokenizer = LoadSentencePiece(*bytes);
  REQUIRE_MESSAGE(tokenizer, path);
  return std::move(*tokenizer);
}

const std::string kTiny = VERDIGRIS_SOURCE_DIR "/tests/data/tiny_bpe.model";

std::vector<Token> Encoded(const Tokenizer& tokenizer, std::string_view text) {
  Scratch scratch;
  std::vector<Token> tokens;
  REQUIRE(tokenizer.Encode(text, scratch, tokens));
  return tokens;
}

PieceMap Letters() {
  const std::vector<std::pair<std::string, uint32_t>> pieces = {{"a", 1}, {"b", 2}, {"ab", 3}, {" a", 4}};
  return PieceMap(pieces);
}

ResponsePosition Position(std::string token, std::optional<double> own, std::vector<TokenProbability> list) {
  ResponsePosition position;
  position.token = std::move(token);
  position.log_probability = own;
  position.list = std::move(list);
  return position;
}

}  // namespace

TEST_CASE("the vectors: each place is asked after the suspect's tokens of the bytes before it alone") {
  const auto& vector = SuspectVectors()["alignment"];
  std::vector<std::pair<std::string, uint32_t>> vocab;
  for (const auto& [id, text] : vector["vocab"].items()) vocab.emplace_back(text.get<std::string>(), static_cast<uint32_t>(std::stoul(id)));
  const PieceMap pieces(vocab);
  const auto suspect = vector["suspect_pieces"].get<std::vector<std::string>>();
  const auto text = vector["text"].get<std::string>();
  const auto places = vector["prefix_ends"].get<std::vector<size_t>>();
  REQUIRE(places.size() == vector["positions"].size());
  for (size_t i = 0; i < places.size(); ++i) {
    CAPTURE(i);
    const auto& want = vector["positions"][i];
    // The suspect cuts the bytes before the place, the longest piece first, and predicts by how many tokens there were.
    std::vector<std::string> context;
    for (std::string_view before = std::string_view(text).substr(0, places[i]); !before.empty(); before.remove_prefix(context.back().size())) {
      context.push_back(*std::find_if(suspect.begin(), suspect.end(), [&](const std::string& piece) { return before.starts_with(piece); }));
    }
    CHECK(context == want["context"].get<std::vector<std::string>>());
    double total = 0;
    ResponsePosition position;
    const auto weight = [&](size_t j) { return static_cast<double>(1 + (7 * context.size() + 3 * j) % 5); };
    for (size_t j = 0; j < suspect.size(); ++j) total += weight(j);
    for (size_t j = 0; j < suspect.size(); ++j) position.list.push_back({suspect[j], std::log(weight(j) / total)});
    AlignedList aligned = AlignTopK(pieces, position, suspect.size(), nullptr);
    std::sort(aligned.entries.begin(), aligned.entries.end(), [](const ListEntry& a, const ListEntry& b) { return a.id < b.id; });
    CHECK(aligned.shared == doctest::Approx(want["shared_mass"].get<double>()).epsilon(1e-12));
    REQUIRE(aligned.entries.size() == want["probabilities"].size());
    for (size_t j = 0; j < aligned.entries.size(); ++j) {
      CHECK(aligned.entries[j].id == want["probabilities"][j][0].get<uint32_t>());
      CHECK(std::fabs(static_cast<double>(aligned.entries[j].probability) - 0x1p32 * want["probabilities"][j][1].get<double>()) <= 1);
    }
  }
}

TEST_CASE("too little shared: nothing is taken") {
  const PieceMap pieces = Letters();
  const auto at = [&](double shared) { return AlignTopK(pieces, Position("", {}, {{"a", std::log(shared)}, {"zz", std::log1p(-shared)}}), 20, nullptr); };
  CHECK(at(0.19).entries.empty());
  CHECK(at(0.19).shared == doctest::Approx(0.19));
  REQUIRE(at(0.21).entries.size() == 1);
  CHECK(static_cast<double>(at(0.21).entries[0].probability) == doctest::Approx(0x1p32));
  CHECK(AlignTopK(pieces, Position("", {}, {}), 20, nullptr).shared == 0);
}

TEST_CASE("top k: ranks before ids, the sampled token brings its own, a given text's token does not") {
  const PieceMap pieces = Letters();
  const double ln2 = std::log(2.0);
  // Three are listed, the third was appended by the endpoint since it stood there.
  const ResponsePosition position = Position("b", -3 * ln2, {{"a", -ln2}, {"zz", -2 * ln2}, {"b", -3 * ln2}});
  const std::string sampled = "b";
  const AlignedList closed = AlignTopK(pieces, position, 2, &sampled), reading = AlignTopK(pieces, position, 2, nullptr);
  // Listed 7/8 of which 5/8 are shared; each is scaled by 7/5.
  REQUIRE(closed.entries.size() == 2);
  CHECK(closed.shared == doctest::Approx(5.0 / 7));
  CHECK(static_cast<double>(closed.entries[0].probability) == doctest::Approx(0x1p32 * 0.7).epsilon(1e-9));
  CHECK(static_cast<double>(closed.entries[1].probability) == doctest::Approx(0x1p32 * 0.175).epsilon(1e-9));
  REQUIRE(reading.entries.size() == 1);
  CHECK(reading.shared == doctest::Approx(2.0 / 3));
  // Not in the list at all.
  const ResponsePosition without = Position("b", -3 * ln2, {{"a", -ln2}});
  CHECK(AlignTopK(pieces, without, 2, &sampled).entries.size() == 2);
  CHECK(AlignTopK(pieces, without, 2, nullptr).entries.size() == 1);
  // With all tokens known nothing is scaled: the very integer of the log-probability.
  const AlignedList same = AlignTopK(pieces, Position("a", -ln2, {{"a", -0.7}, {"ab", -1.3}}), 2, nullptr);
  REQUIRE(same.entries.size() == 2);
  CHECK(same.entries[0].probability == FixedProbability(-0.7));
  CHECK(same.entries[1].probability == FixedProbability(-1.3));
  // Ties: the smaller id first, one without an id last.
  const AlignedList tie = AlignTopK(pieces, Position("", {}, {{"zz", -1}, {"b", -1}, {"a", -1}}), 1, nullptr);
  REQUIRE(tie.entries.size() == 1);
  CHECK(tie.entries[0].id == 1);
  CHECK(AlignTopK(pieces, Position("", {}, {{"a", -std::numeric_limits<double>::infinity()}}), 1, nullptr).entries.empty());
}

TEST_CASE("where the tokens of an answer start") {
  const auto starts = [](std::string_view text, std::vector<std::string> tokens) {
    std::vector<ResponsePosition> positions;
    for (std::string& token : tokens) positions.push_back(Position(std::move(token), {}, {}));
    std::vector<int> out;
    for (const auto& start : TokenStarts(text, positions)) out.push_back(start ? static_cast<int>(*start) : -1);
    return out;
  };
  CHECK(starts("ab a", {"ab", " a"}) == std::vector<int>{0, 2, 4});
  CHECK(starts("ab a", {" ab", " a"}) == std::vector<int>{0, 2, 4});      // a space that tokenizers hide
  CHECK(starts("ab a", {"<s>", "ab", " a"}) == std::vector<int>{0, 0, 2, 4});
  CHECK(starts("ab a", {"ab", "x", "a"}) == std::vector<int>{0, 2, -1, -1});
  CHECK(starts("ab", {"ab", ""}) == std::vector<int>{0, 2, 2});
  CHECK(starts("", {"a"}) == std::vector<int>{0, 0});
}

TEST_CASE("every piece of a tokenizer is found by its bytes, and the tokenizer's own ids come back") {
  std::vector<std::string> paths = {kTiny, VERDIGRIS_SOURCE_DIR "/tests/data/tiny_unigram.model", VERDIGRIS_SOURCE_DIR "/datasets/pocket_lm/tokenizer.model"};
  for (const char* name : {"mistral_v1.model", "sp_unigram1000.model", "stories_tok512.model"}) {
    const std::string path = VERDIGRIS_SHARED_DIR "/data/tokenizers/" + std::string(name);
    if (std::filesystem::exists(path)) {
      paths.push_back(path);
    } else {
      MESSAGE("not at hand, left out: " << name);
    }
  }
  const std::string text = "The old copper roof turned green, and nobody in 1873 asked why; so it goes, again and again.";
  for (const std::string& path : paths) {
    CAPTURE(path);
    const auto tokenizer = Load(path);
    const auto pieces = PieceMap::Of(*tokenizer);
    REQUIRE_MESSAGE(pieces, pieces.error().message);
    const SpecialIds special(tokenizer->special_ids(), tokenizer->vocab());
    size_t checked = 0;
    const auto tokens = Encoded(*tokenizer, text);
    for (size_t t = 1; t < tokens.size(); ++t) {
      if (special.Contains(tokens[t].id) || tokens[t].begin == tokens[t].end) continue;
      const auto found = pieces->Find(std::string_view(text).substr(tokens[t].begin, tokens[t].end - tokens[t].begin));
      REQUIRE(found);
      CHECK(*found == tokens[t].id);
      ++checked;
    }
    CHECK(checked > 10);
    CHECK(pieces->size() > 100);
  }
}

namespace {

// A file of byte-level ranks, and the bytes of each rank as the file itself gives them.
std::unique_ptr<Tokenizer> LoadRanks(const std::string& path, Pattern pattern, std::vector<std::string>* ranks = nullptr) {
  const auto packed = ReadFile(path, size_t{64} << 20);
  REQUIRE_MESSAGE(packed, path);
  const auto file = Inflated(*packed);
  REQUIRE(file);
  TokenizerDescriptor descriptor;
  descriptor.pattern = pattern;
  std::istringstream lines(*file);
  std::string base64;
  for (uint32_t rank; lines >> base64 >> rank; ++descriptor.vocab) {
    REQUIRE(rank == descriptor.vocab);
    if (ranks == nullptr) continue;
    std::string bytes(base64.size(), '\0');
    const int size = EVP_DecodeBlock(reinterpret_cast<uint8_t*>(bytes.data()), reinterpret_cast<const uint8_t*>(base64.data()), static_cast<int>(base64.size()));
    REQUIRE(size > 0);
    bytes.resize(static_cast<size_t>(size) - static_cast<size_t>(std::count(base64.begin(), base64.end(), '=')));
    ranks->push_back(std::move(bytes));
  }
  auto tokenizer = LoadDescribed(descriptor, *file, "");
  REQUIRE(tokenizer);
  return std::move(*tokenizer);
}

// Lists of 50 texts of the suspect's pieces, as likely each, in the ids of the provider. Returns the mean shared mass.
double Coverage(const PieceMap& pieces, const Tokenizer& suspect) {
  const auto own = PieceMap::Of(suspect);
  REQUIRE(own);
  const SpecialIds special(suspect.special_ids(), suspect.vocab());
  // Texts of its pieces behind a letter, since what stands at the start of a text may lose a space.
  std::string letter = "e";
  if (!own->Find(letter)) letter = "\xE4\xB8\x80";
  REQUIRE(own->Find(letter));
  std::vector<std::string> texts;
  for (uint32_t id = 0; id < suspect.vocab(); ++id) {
    const uint32_t pair[] = {*own->Find(letter), id};
    if (special.Contains(id)) continue;
    std::string& text = texts.emplace_back();
    REQUIRE(suspect.Decode(pair, text));
    text.erase(0, letter.size());
    if (text.empty() || text == "\xEF\xBF\xBD") texts.pop_back();
  }
  std::mt19937_64 random(11);
  double coverage = 0;
  for (int n = 0; n < 200; ++n) {
    std::vector<TokenProbability> list;
    double shared = 0;
    while (list.size() < 50) {
      const std::string& text = texts[random() % texts.size()];
      if (std::any_of(list.begin(), list.end(), [&](const TokenProbability& entry) { return entry.token == text; })) continue;
      list.push_back({text, std::log(0.02)});
      shared += pieces.Find(text) ? 0.02 : 0;
    }
    const AlignedList aligned = AlignTopK(pieces, Position("", {}, list), 50, nullptr);
    CHECK(aligned.shared == doctest::Approx(shared));
    double sum = 0;
    for (const ListEntry& entry : aligned.entries) sum += static_cast<double>(entry.probability) * 0x1p-32;
    CHECK(sum == doctest::Approx(shared < kLeastSharedMass ? 0.0 : 1.0).epsilon(1e-6));
    coverage += aligned.shared / 200;
  }
  return coverage;
}

}  // namespace

TEST_CASE("S11: lists of four real tokenizers in the ids of a fifth; coverage is what is shared") {
  const std::string folder = VERDIGRIS_SHARED_DIR "/data/tokenizers/";
  if (!std::filesystem::exists(folder + "mistral_v1.model")) {
    MESSAGE("the shared tokenizers are not at hand: left out");
    return;
  }
  const auto pieces = PieceMap::Of(*Load(folder + "mistral_v1.model"));
  REQUIRE(pieces);
  for (const std::string name : {"sp_unigram1000.model", "stories_tok512.model", "zh_20000.model", "sp_ja_unigram8000.model", "mistral_v1.model"}) {
    CAPTURE(name);
    const double coverage = Coverage(*pieces, *Load(folder + name));
    MESSAGE(name << ": coverage " << coverage);
    if (name == "mistral_v1.model") CHECK(coverage > 0.99);
  }
}

TEST_CASE("S11: every rank of a byte-level tokenizer is found by its bytes, be they text or not") {
  std::vector<std::string> ranks;
  const auto tokenizer = LoadRanks(VERDIGRIS_SOURCE_DIR "/tests/data/tiny.tiktoken", Pattern::kO200k, &ranks);
  const auto pieces = PieceMap::Of(*tokenizer);
  REQUIRE(pieces);
  REQUIRE(ranks.size() > 256);
  CHECK(pieces->size() == ranks.size());
  for (uint32_t id = 0; id < ranks.size(); ++id) CHECK(pieces->Find(ranks[id]) == id);
}

TEST_CASE("S11: lists between byte-level tokenizers, and of SentencePiece in their ids") {
  const std::string folder = VERDIGRIS_SHARED_DIR "/data/tokenizers/";
  if (!std::filesystem::exists(folder + "cl100k_base.tiktoken.gz")) {
    MESSAGE("the shared tokenizers are not at hand: left out");
    return;
  }
  std::vector<std::string> ranks;
  const auto provider = LoadRanks(folder + "cl100k_base.tiktoken.gz", Pattern::kCl100k, &ranks);
  const auto pieces = PieceMap::Of(*provider);
  REQUIRE(pieces);
  // All but U+FFFD: an endpoint writes that where a token is no text.
  CHECK(pieces->size() == ranks.size() - 1);
  size_t wrong = 0;
  for (uint32_t id = 0; id < ranks.size(); ++id) wrong += pieces->Find(ranks[id]) != (ranks[id] == "\xEF\xBF\xBD" ? std::nullopt : std::optional(id));
  CHECK(wrong == 0);
  const double own = Coverage(*pieces, *provider), o200k = Coverage(*pieces, *LoadRanks(folder + "o200k_base.tiktoken.gz", Pattern::kO200k)),
               mistral = Coverage(*pieces, *Load(folder + "mistral_v1.model"));
  MESSAGE("cl100k as the provider's: coverage of itself " << own << ", o200k " << o200k << ", mistral_v1 " << mistral);
  CHECK(own > 0.99);
  CHECK(o200k > kLeastSharedMass);
  CHECK(mistral > kLeastSharedMass);
}

TEST_CASE("S11: where a boundary is called stable, other bytes behind it leave the context as it was") {
  const std::string text = "the copper roof turned green in the rains, and the coppered town turned with it";
  size_t compared = 0, kept = 0;
  for (const char* name : {"tiny_bpe.model", "tiny_unigram.model"}) {
    const auto tokenizer = Load(VERDIGRIS_SOURCE_DIR "/tests/data/" + std::string(name));
    // By the byte at which a token starts: whether that is called stable, and the ids before it.
    const auto contexts = [&](const std::string& whole) {
      const auto tokens = Encoded(*tokenizer, whole);
      const auto stable = StableBoundaries(*tokenizer, whole, tokens);
      REQUIRE(stable);
      REQUIRE(stable->size() == tokens.size());
      std::map<size_t, std::pair<bool, std::vector<uint32_t>>> out;
      std::vector<uint32_t> before;
      for (size_t t = 0; t < tokens.size(); ++t) {
        if (t == 0 || tokens[t].begin != tokens[t - 1].begin) out[tokens[t].begin] = {(*stable)[t], before};
        before.push_back(tokens[t].id);
      }
      return out;
    };
    const auto as_it_is = contexts(text);
    for (size_t cut = 1; cut < text.size(); ++cut) {
      for (const char* tail : {"ing the end", "s", " a", "er", "9"}) {
        for (const auto& [place, other] : contexts(text.substr(0, cut) + tail)) {
          const auto at = as_it_is.find(place);
          if (place > cut || at == as_it_is.end()) continue;
          ++compared;
          if (!at->second.first || !other.first) continue;
          ++kept;
          CHECK(at->second.second == other.second);
        }
      }
    }
  }
  MESSAGE(compared << " contexts, " << kept << " called stable");
  CHECK(2 * kept > compared);
  CHECK(kept < compared);
}
