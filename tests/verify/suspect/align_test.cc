// A suspect's tokens as the provider's ids (suspect-models.md M6): suspect.json `alignment`, made by the second implementation;
// S11, real tokenizers of other makers where the shared data is at hand.
#include "verify/suspect/align.h"

#include <cmath>
#include <filesystem>
#include <random>

#include "tests/verify/suspect/suspect_vectors.h"
#include "verify/file.h"
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
  std::vector<std::vector<std::string>> contexts;
  const auto next = [&](std::string_view before) {
    auto& context = contexts.emplace_back();
    while (!before.empty()) {
      for (const std::string& piece : suspect) {
        if (!before.starts_with(piece)) continue;
        context.push_back(piece);
        before.remove_prefix(piece.size());
        break;
      }
    }
    double total = 0;
    std::vector<TokenProbability> list;
    for (size_t i = 0; i < suspect.size(); ++i) total += static_cast<double>(1 + (7 * context.size() + 3 * i) % 5);
    for (size_t i = 0; i < suspect.size(); ++i) list.push_back({suspect[i], std::log(static_cast<double>(1 + (7 * context.size() + 3 * i) % 5) / total)});
    return list;
  };
  const auto aligned = AlignReading(pieces, text, places, next);
  REQUIRE(aligned.size() == vector["positions"].size());
  for (size_t i = 0; i < aligned.size(); ++i) {
    CAPTURE(i);
    const auto& want = vector["positions"][i];
    CHECK(contexts[i] == want["context"].get<std::vector<std::string>>());
    CHECK(aligned[i].shared == doctest::Approx(want["shared_mass"].get<double>()).epsilon(1e-12));
    REQUIRE(aligned[i].probabilities.size() == want["probabilities"].size());
    for (size_t j = 0; j < aligned[i].probabilities.size(); ++j) {
      CHECK(aligned[i].probabilities[j].first == want["probabilities"][j][0].get<uint32_t>());
      CHECK(aligned[i].probabilities[j].second == doctest::Approx(want["probabilities"][j][1].get<double>()).epsilon(1e-12));
    }
  }
}

TEST_CASE("too little shared: nothing is taken") {
  const PieceMap pieces = Letters();
  const auto at = [&](double shared) { return AlignProbabilities(pieces, std::vector<TokenProbability>{{"a", std::log(shared)}, {"zz", std::log1p(-shared)}}); };
  CHECK(at(0.19).probabilities.empty());
  CHECK(at(0.19).shared == doctest::Approx(0.19));
  REQUIRE(at(0.21).probabilities.size() == 1);
  CHECK(at(0.21).probabilities[0].second == doctest::Approx(1.0));
  CHECK(AlignProbabilities(pieces, {}).shared == 0);
}

TEST_CASE("top k: ranks before ids, the sampled token brings its own, a given text's token does not") {
  const PieceMap pieces = Letters();
  const double ln2 = std::log(2.0);
  // Three are listed, the third was appended by the endpoint since it stood there.
  const ResponsePosition position = Position("b", -3 * ln2, {{"a", -ln2}, {"zz", -2 * ln2}, {"b", -3 * ln2}});
  const std::string sampled = "b";
  const AlignedEntries closed = AlignTopK(pieces, position, 2, &sampled), reading = AlignTopK(pieces, position, 2, nullptr);
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
  const AlignedEntries same = AlignTopK(pieces, Position("a", -ln2, {{"a", -0.7}, {"ab", -1.3}}), 2, nullptr);
  REQUIRE(same.entries.size() == 2);
  CHECK(same.entries[0].probability == FixedProbability(-0.7));
  CHECK(same.entries[1].probability == FixedProbability(-1.3));
  // Ties: the smaller id first, one without an id last.
  const AlignedEntries tie = AlignTopK(pieces, Position("", {}, {{"zz", -1}, {"b", -1}, {"a", -1}}), 1, nullptr);
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

TEST_CASE("S11: what is asked does not depend on the bytes behind a place, and coverage is what is shared") {
  const std::string provider_path = VERDIGRIS_SHARED_DIR "/data/tokenizers/mistral_v1.model";
  if (!std::filesystem::exists(provider_path)) {
    MESSAGE("the shared tokenizers are not at hand: left out");
    return;
  }
  const auto provider = Load(provider_path);
  const auto pieces = PieceMap::Of(*provider);
  REQUIRE(pieces);
  const std::string text = "Once upon a time there was a lighthouse keeper who wrote down every storm. ", other = text.substr(0, 40) + "XQZ qzx 99 ;;";
  for (const char* name : {"sp_unigram1000.model", "stories_tok512.model", "zh_20000.model", "sp_ja_unigram8000.model", "mistral_v1.model"}) {
    const std::string path = VERDIGRIS_SHARED_DIR "/data/tokenizers/" + std::string(name);
    if (!std::filesystem::exists(path)) continue;
    CAPTURE(path);
    const auto suspect = Load(path);
    // A distribution over some of its tokens that depends on its own tokens of the prefix, and on nothing else.
    std::vector<std::string> texts(suspect->vocab());
    const auto own = PieceMap::Of(*suspect);
    REQUIRE(own);
    const SpecialIds special(suspect->special_ids(), suspect->vocab());
    // Behind a letter, since what stands at the start of a text may lose a space.
    std::string letter = "e";
    if (!own->Find(letter)) letter = "\xE4\xB8\x80";
    REQUIRE(own->Find(letter));
    for (uint32_t id = 0; id < suspect->vocab(); ++id) {
      const uint32_t pair[] = {*own->Find(letter), id};
      if (special.Contains(id)) continue;
      REQUIRE(suspect->Decode(pair, texts[id]));
      texts[id].erase(0, letter.size());
      if (texts[id] == "\xEF\xBF\xBD") texts[id].clear();
    }
    const auto next = [&](std::string_view before) {
      const auto tokens = Encoded(*suspect, before);
      uint64_t seed = tokens.size();
      for (const Token& token : tokens) seed = seed * 1000003 + token.id;
      std::mt19937_64 random(seed);
      std::vector<TokenProbability> list;
      for (size_t i = 0; i < 50; ++i) {
        const std::string& piece = texts[random() % texts.size()];
        const bool again = std::any_of(list.begin(), list.end(), [&](const TokenProbability& entry) { return entry.token == piece; });
        if (!piece.empty() && !again) list.push_back({piece, std::log(0.02)});
      }
      return list;
    };
    std::vector<size_t> places;
    for (const Token& token : Encoded(*provider, text)) {
      if (token.begin <= 40) places.push_back(token.begin);
    }
    const auto a = AlignReading(*pieces, text, places, next), b = AlignReading(*pieces, other, places, next);
    double coverage = 0;
    for (size_t i = 0; i < a.size(); ++i) {
      CHECK(a[i].probabilities == b[i].probabilities);
      CHECK(a[i].shared == b[i].shared);
      // By hand: the share of listed tokens whose bytes are a piece of the provider's.
      double shared = 0;
      const auto list = next(std::string_view(text).substr(0, places[i]));
      for (const TokenProbability& entry : list) shared += pieces->Find(entry.token) ? 1 : 0;
      CHECK(a[i].shared == doctest::Approx(shared / static_cast<double>(list.size())));
      double sum = 0;
      for (const auto& [id, p] : a[i].probabilities) sum += p;
      if (!a[i].probabilities.empty()) CHECK(sum == doctest::Approx(0.02 * static_cast<double>(list.size())));
      coverage += a[i].shared;
    }
    MESSAGE(std::string(name) << ": coverage " << coverage / static_cast<double>(a.size()));
  }
}

TEST_CASE("boundaries of a whole text that what follows has shaped are told from those that stand") {
  const auto tokenizer = Load(VERDIGRIS_SOURCE_DIR "/datasets/pocket_lm/tokenizer.model");
  const std::string text = "Once upon a time there was a little dragon, and the dragon's name was Copperwing.";
  const auto tokens = Encoded(*tokenizer, text);
  const auto stable = StableBoundaries(*tokenizer, text, tokens);
  REQUIRE(stable);
  REQUIRE(stable->size() == tokens.size());
  for (size_t t = 0; t < tokens.size(); ++t) {
    CAPTURE(t);
    const auto before = Encoded(*tokenizer, std::string_view(text).substr(0, tokens[t].begin));
    bool same = before.size() == t;
    for (size_t i = 0; i < before.size() && same; ++i) same = before[i].id == tokens[i].id;
    CHECK((*stable)[t] == same);
  }
  CHECK((*stable)[1]);
}
