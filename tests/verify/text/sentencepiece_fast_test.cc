// Our own way through SentencePiece models against libsentencepiece in one process: ids and ranges.
//
// Models: the two small ones of tests/data, that of the pocket model, random ones, and the six published ones of the folder shared/
// beside the repository where it is there. The library is the reference: where it is not 0.1.97, unigram models are left out.
#include "verify/text/sentencepiece_fast.h"

#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>

#include <sentencepiece_processor.h>

#include "tests/verify/text/tokenizer_vectors.h"
#include "verify/text/sentencepiece.h"

namespace verdigris::verify {
namespace {

using namespace std::string_literals;

const std::string kData = VERDIGRIS_SOURCE_DIR "/tests/data/";
const std::string kShared = VERDIGRIS_SHARED_DIR "/data/";
const std::string kPocket = VERDIGRIS_SOURCE_DIR "/datasets/pocket_lm/tokenizer.model";

// One model in both.
struct Peers {
  Peers(std::string name_of, std::string file_of) : name(std::move(name_of)), file(std::move(file_of)), model(*ReadSentencePieceModel(file)) {
    REQUIRE(PieceSegments::Eligible(model));
    fast = std::make_unique<FastSentencePiece>(model, kDefaultCacheBytes);
    reference = std::make_unique<sentencepiece::SentencePieceProcessor>();
    REQUIRE(reference->LoadFromSerializedProto(file).ok());
  }
  bool unigram() const { return model.type == ModelType::kUnigram; }

  std::string name, file;
  SentencePieceModel model;
  std::unique_ptr<FastSentencePiece> fast;
  std::unique_ptr<sentencepiece::SentencePieceProcessor> reference;
};

std::vector<Token> ByLibrary(const Peers& peers, std::string_view text) {
  std::vector<Token> out;
  const auto encoded = peers.reference->EncodeAsImmutableProto(text);
  for (size_t i = 0; i < encoded.pieces_size(); ++i) {
    const auto piece = encoded.pieces(static_cast<int>(i));
    out.push_back({piece.id(), piece.begin(), piece.end()});
  }
  return out;
}

bool Same(const std::vector<Token>& a, const std::vector<Token>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const Token& x, const Token& y) { return x.id == y.id && x.begin == y.begin && x.end == y.end; });
}

std::vector<Peers> TreeModels() {
  std::vector<Peers> out;
  out.emplace_back("tiny_bpe", Get(kData + "tiny_bpe.model"));
  out.emplace_back("tiny_unigram", Get(kData + "tiny_unigram.model"));
  out.emplace_back("pocket", Get(kPocket));
  return out;
}

// Nothing where the shared folder is absent.
std::vector<Peers> PublishedModels() {
  std::vector<Peers> out;
  for (const char* name : {"mistral_v1", "mistral_v3", "sp_ja_unigram8000", "sp_unigram1000", "stories_tok512", "zh_20000"}) {
    if (std::string file = Get(kShared + "tokenizers/" + name + ".model"); !file.empty()) out.emplace_back(name, std::move(file));
  }
  if (out.empty()) MESSAGE("skipped: no folder shared/ beside the repository");
  return out;
}

std::vector<std::string> SharedTexts() {
  std::vector<std::string> paths;
  std::error_code none;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(kShared + "text", none)) {
    if (entry.is_regular_file()) paths.push_back(entry.path().string());
  }
  std::sort(paths.begin(), paths.end());
  std::vector<std::string> texts;
  for (const std::string& path : paths) texts.push_back(Get(path));
  return texts;
}

std::vector<std::string> Lines(const std::string& text) {
  std::vector<std::string> out;
  for (size_t at = 0, end; at < text.size(); at = end) {
    end = std::min(text.find('\n', at), text.size() - 1) + 1;
    out.push_back(text.substr(at, end - at));
  }
  return out;
}

const std::vector<std::string>& Alphabet() {
  static const std::vector<std::string> alphabet =
      Characters(nlohmann::json::parse(Get(VERDIGRIS_SOURCE_DIR "/tests/vectors/pre_tokenizer.json"))["alphabet"].get<std::string>() + " \xE2\x96\x81\xEF\xAC\x81\xE2\x80\x8B\n" + "aaabbcd  "s);
  return alphabet;
}

// Characters of the alphabet, runs of them, ill-formed bytes.
std::string RandomText(std::mt19937_64& random, size_t most) {
  std::string text;
  for (size_t left = random() % (most + 1); left > 0; --left) {
    const uint64_t kind = random() % 40;
    const std::string& character = Alphabet()[random() % Alphabet().size()];
    if (kind == 0) {
      text += static_cast<char>(random());
    } else if (kind == 1) {
      for (uint64_t n = random() % 9; n > 0; --n) text += character;
    } else {
      text += kind < 12 ? std::string(1, "abcdabc  \n"[random() % 10]) : character;
    }
  }
  return text;
}

// A text of the corpus with things put in.
std::string Mixed(std::mt19937_64& random, const std::vector<std::string>& texts) {
  const std::string& text = texts[random() % texts.size()];
  const size_t sizes[] = {50, 500, 4000, 40000};
  std::string part = text.substr(random() % text.size(), sizes[random() % 4]);
  for (size_t n = random() % 3 * part.size() / 100; n > 0; --n) part.insert(random() % (part.size() + 1), random() % 8 == 0 ? std::string(1, static_cast<char>(random())) : Alphabet()[random() % Alphabet().size()]);
  return part;
}

// Texts whose tokens differ, of all, with ranges, under a cache of this size.
size_t Differing(const Peers& peers, const std::vector<std::string>& texts, size_t cache_bytes) {
  const FastSentencePiece fast(peers.model, cache_bytes);
  Scratch scratch;
  std::vector<Token> tokens;
  size_t differ = 0;
  for (const std::string& text : texts) {
    fast.Encode(text, scratch, tokens);
    differ += !Same(tokens, ByLibrary(peers, text));
  }
  return differ;
}

// A model over few letters with scores of few values, so that ties and near ties are everywhere; every switch at random.
struct RandomModel {
  RandomModel(std::mt19937_64& random, ModelType type) {
    SentencePieceModel model;
    model.type = type;
    model.byte_fallback = random() % 2 == 0;
    NormalizerRules& rules = model.normalizer;
    rules.add_dummy_prefix = random() % 4 != 0;
    rules.remove_extra_whitespaces = random() % 2 == 0;
    static const std::string tiny = Get(kData + "tiny_unigram.model");
    static const std::string map(ReadSentencePieceModel(tiny)->normalizer.character_map_bytes);
    if (random() % 2 == 0) rules.character_map_bytes = map;
    texts = {"<unk>"};
    if (model.byte_fallback) {
      for (int byte = 0; byte < 256; ++byte) {
        char text[8];
        std::snprintf(text, sizeof text, "<0x%02X>", byte);
        texts.push_back(text);
      }
    }
    const size_t ordinary = texts.size();
    static const std::vector<std::string> letters = Characters("aabbccd\xE2\x96\x81\xE2\x96\x81\n\xC3\xA9\xE6\x97\xA5\xE6\x9C\xAC\xF0\x9F\x98\x80");
    const bool spaces_end_words = random() % 4 == 0;
    while (texts.size() < ordinary + 60) {
      std::string text;
      for (uint64_t length = 1 + random() % 4; length > 0; --length) {
        const std::string& letter = letters[random() % letters.size()];
        if (letter == "\xE2\x96\x81" && !text.empty() && !spaces_end_words && !text.ends_with("\xE2\x96\x81")) continue;
        text += letter;
      }
      if (std::find(texts.begin(), texts.end(), text) == texts.end()) texts.push_back(text);
    }
    for (size_t id = 0; id < texts.size(); ++id) {
      Piece piece;
      piece.text = texts[id];
      piece.type = id == 0 ? PieceType::kUnknown : id < ordinary ? PieceType::kByte : random() % 20 == 0 ? PieceType::kUserDefined : PieceType::kNormal;
      piece.score = id < ordinary ? 0 : -0.1f * static_cast<float>(1 + random() % 30) * (type == ModelType::kUnigram ? static_cast<float>(Characters(texts[id]).size()) : 1.0f);
      model.pieces.push_back(piece);
    }
    file = WriteSentencePieceModel(model);
  }
  std::vector<std::string> texts;
  std::string file;
};

TEST_CASE("200 random models give the library's ids and ranges, whatever the cache") {
  std::mt19937_64 random(11);
  size_t unigram_differ_without_sum = 0;
  for (int i = 0; i < 200; ++i) {
    CAPTURE(i);
    const RandomModel random_model(random, i % 2 == 0 ? ModelType::kBpe : ModelType::kUnigram);
    const Peers peers("random", random_model.file);
    std::vector<std::string> texts = {"", " ", "\xE2\x96\x81", "\xE2\x80\x8B", "a"};
    for (int k = 0; k < 40; ++k) texts.push_back(RandomText(random, k < 30 ? 60 : 800));
    for (const size_t cache_bytes : {size_t{0}, size_t{65536}, kDefaultCacheBytes}) CHECK(Differing(peers, texts, cache_bytes) == 0);
    // Control: the same with the sum of scores forgotten before each segment differs.
    if (!peers.unigram() || peers.model.byte_fallback) continue;
    PieceSegments::Work work;
    std::vector<SegmentPiece> from_sum, from_zero;
    float sum = 0;
    for (int k = 0; k < 300; ++k) {
      std::string segment = "\xE2\x96\x81";
      for (int n = 0; n < 8; ++n) segment += "abcd"[random() % 4];
      float zero = 0;
      peers.fast->segments().EncodeUnigram(segment, zero, work, from_zero);
      peers.fast->segments().EncodeUnigram(segment, sum, work, from_sum);
      unigram_differ_without_sum += !std::equal(from_zero.begin(), from_zero.end(), from_sum.begin(), from_sum.end(), [](auto& x, auto& y) { return x.id == y.id; });
    }
  }
  MESSAGE("segments of random unigram models that the sum so far decides: " << unigram_differ_without_sum);
  CHECK(unigram_differ_without_sum > 100);
}

TEST_CASE("models of the tree and published ones give the library's ids and ranges on 20,000 random strings") {
  std::mt19937_64 random(1);
  std::vector<std::string> strings;
  for (int i = 0; i < 20000; ++i) strings.push_back(RandomText(random, 40));
  for (const auto& models : {TreeModels(), PublishedModels()}) {
    for (const Peers& peers : models) {
      CAPTURE(peers.name);
      CHECK(Differing(peers, strings, 65536) == 0);
      CHECK(Differing(peers, Lines(Get(kData + "tiny_corpus.txt")), kDefaultCacheBytes) == 0);
    }
  }
}

TEST_CASE("which models are taken: not those with an unused piece, a suffix, other spaces, one text twice, bytes that are no UTF-8") {
  SentencePieceModel model;
  model.type = ModelType::kUnigram;
  model.pieces = {{"<unk>", 0, PieceType::kUnknown}, {"a", -1, PieceType::kNormal}, {"\xE2\x96\x81", -2, PieceType::kNormal}};
  CHECK(PieceSegments::Eligible(model));
  const auto with = [&](auto change) {
    SentencePieceModel other = model;
    change(other);
    // The library takes over, with an equal result.
    const std::string file = WriteSentencePieceModel(other);
    const auto tokenizer = LoadSentencePiece(file);
    REQUIRE(tokenizer.has_value());
    sentencepiece::SentencePieceProcessor library;
    REQUIRE(library.LoadFromSerializedProto(file).ok());
    const auto tokens = Encode(**tokenizer, "a b\xFF a");
    CHECK(tokens.size() == library.EncodeAsImmutableProto("a b\xFF a").pieces_size());
    return PieceSegments::Eligible(other);
  };
  CHECK_FALSE(with([](auto& m) { m.type = ModelType::kChar; }));
  CHECK_FALSE(with([](auto& m) { m.type = ModelType::kWord; }));
  CHECK_FALSE(with([](auto& m) { m.pieces.push_back({"ab", -3, PieceType::kUnused}); }));
  CHECK_FALSE(with([](auto& m) { m.treat_whitespace_as_suffix = true; }));
  CHECK_FALSE(with([](auto& m) { m.normalizer.escape_whitespaces = false; }));
  CHECK_FALSE(with([](auto& m) { m.pieces.push_back({"\xC3", -3, PieceType::kNormal}); }));
  CHECK_FALSE(with([](auto& m) { m.pieces.push_back({"a", 0, PieceType::kControl}); }));
  CHECK_FALSE(with([](auto& m) {
    m.type = ModelType::kBpe;
    m.pieces.push_back({std::string_view("\0b", 2), 0, PieceType::kNormal});
  }));
  CHECK(with([](auto& m) { m.type = ModelType::kBpe; }));
  CHECK(with([](auto& m) { m.pieces.push_back({"ab", -3, PieceType::kUserDefined}); }));
}

// What the model cuts: the text of its tokens, put together.
std::string Normalised(const Peers& peers, std::string_view text) {
  std::string out;
  const auto encoded = peers.reference->EncodeAsImmutableProto(text);
  for (size_t i = 0; i < encoded.pieces_size(); ++i) {
    const auto piece = encoded.pieces(static_cast<int>(i));
    if (peers.model.pieces[piece.id()].type == PieceType::kByte) {
      out += static_cast<char>(ByteOfPiece(piece.piece()));
    } else {
      out += piece.piece();
    }
  }
  return out;
}

// Cuts where `cut(left, right)` says so and gives each segment to `use`.
template <class Cut, class Use>
void ForEachSegment(const std::string& normalised, Cut cut, Use use) {
  std::string segment;
  PackedCharacter left = 0;
  for (const std::string& character : Characters(normalised)) {
    const PackedCharacter right = Pack(character);
    if (left != 0 && cut(left, right)) {
      use(segment);
      segment.clear();
    }
    segment += character;
    left = right;
  }
  if (!segment.empty()) use(segment);
}

// The ids of the pieces between cuts. Runs of the unknown piece count once.
template <class Cut>
std::vector<uint32_t> IdsWithCuts(const Peers& peers, const std::string& normalised, Cut cut, bool forget = false) {
  const PieceSegments& segments = peers.fast->segments();
  PieceSegments::Work work;
  std::vector<SegmentPiece> pieces;
  std::vector<uint32_t> ids;
  float sum = 0;
  ForEachSegment(normalised, cut, [&](const std::string& segment) {
    if (forget) sum = 0;
    if (segments.unigram()) {
      segments.EncodeUnigram(segment, sum, work, pieces);
    } else {
      segments.EncodeBpe(segment, work, pieces);
    }
    for (const SegmentPiece& piece : pieces) {
      if (piece.id != segments.unknown_id() || ids.empty() || ids.back() != piece.id) ids.push_back(piece.id);
    }
  });
  return ids;
}

std::vector<std::string> DocumentsFor(const std::vector<std::string>& texts, size_t count, size_t bytes) {
  std::mt19937_64 random(17);
  std::vector<std::string> out;
  while (out.size() < count) {
    const std::string& text = texts[random() % texts.size()];
    size_t at = random() % text.size();
    while (at > 0 && (text[at] & 0xC0) == 0x80) --at;
    out.push_back(text.substr(at, bytes));
  }
  return out;
}

void CheckCutsAreFree(const Peers& peers, const std::vector<std::string>& documents) {
  CAPTURE(peers.name);
  std::mt19937_64 random(23);
  const PieceSegments& segments = peers.fast->segments();
  size_t wrong = 0, cuts = 0, wrong_inside = 0;
  for (const std::string& document : documents) {
    const std::string normalised = Normalised(peers, document);
    const auto expected = IdsWithCuts(peers, normalised, [](auto, auto) { return false; });
    for (int subset = 0; subset < 5; ++subset) {
      const uint64_t one_in = uint64_t{1} << subset;
      wrong += expected != IdsWithCuts(peers, normalised, [&](auto left, auto right) {
        const bool cut = random() % one_in == 0 && segments.CutIsExact(left, right);
        cuts += cut;
        return cut;
      });
    }
    wrong_inside += expected != IdsWithCuts(peers, normalised, [&](auto left, auto right) { return random() % 20 == 0 && !segments.CutIsExact(left, right); });
  }
  CHECK(wrong == 0);
  CHECK(cuts > documents.size());
  CHECK(wrong_inside > 0);  // control: cuts inside of pairs
}

TEST_CASE("any choice of legal cuts gives the same ids") {
  const std::vector<std::string> documents = DocumentsFor({Get(kData + "tiny_corpus.txt")}, 100, 500);
  for (const Peers& peers : TreeModels()) CheckCutsAreFree(peers, documents);
}

TEST_CASE("slow: any choice of legal cuts gives the same ids: 500 documents, published models") {
  const std::vector<Peers> models = PublishedModels();
  if (models.empty()) return;
  const std::vector<std::string> documents = DocumentsFor(SharedTexts(), 500, 3500);
  for (const Peers& peers : models) CheckCutsAreFree(peers, documents);
}

// An entry of the cache that may be used is what the library would do from this sum; and most may be.
void CheckMargins(const Peers& peers, const std::vector<std::string>& documents, size_t most, double least_used) {
  CAPTURE(peers.name);
  const PieceSegments& segments = peers.fast->segments();
  PieceSegments::Work work;
  std::vector<SegmentPiece> there, from_zero;
  size_t used[7] = {}, count = 0, wrong = 0, differ = 0;
  for (const std::string& document : documents) {
    ForEachSegment(Normalised(peers, document), [&](auto left, auto right) { return left != kSpaceSymbol && right == kSpaceSymbol && segments.CutIsExact(left, right); },
                   [&](const std::string& segment) {
                     if (count == most || segment.size() > SegmentCache::kMaxSegmentBytes) return;
                     ++count;
                     for (int k = 0; k <= 6; ++k) {
                       float sum = -static_cast<float>(std::pow(10, k)), unused = 0;
                       const double magnitude = -static_cast<double>(sum);
                       const double bound = segments.EncodeUnigram(segment, unused, work, there, from_zero);
                       segments.EncodeUnigram(segment, sum, work, there);
                       const bool same = std::equal(there.begin(), there.end(), from_zero.begin(), from_zero.end(), [](auto& a, auto& b) { return a.id == b.id && a.end == b.end; });
                       used[k] += magnitude < bound;
                       wrong += magnitude < bound && !same;
                       differ += k == 6 && !same;
                     }
                   });
  }
  CHECK(wrong == 0);
  CHECK(count > 500);
  std::string shares;
  for (int k = 0; k <= 6; ++k) {
    const double share = static_cast<double>(used[k]) / static_cast<double>(count);
    shares += " " + std::to_string(share);
    if (k <= 3) CHECK(share >= least_used);
  }
  MESSAGE(peers.name << ", " << count << " segments, used at sums of -10^0 to -10^6:" << shares << "; " << differ << " differ at -10^6");
}

TEST_CASE("an entry that may be used is never wrong, at any sum of scores") {
  const std::vector<Peers> models = TreeModels();
  CheckMargins(models[1], DocumentsFor({Get(kData + "tiny_corpus.txt")}, 30, 500), 1000, 0.8);
  for (const Peers& peers : PublishedModels()) {
    if (peers.unigram()) CheckMargins(peers, DocumentsFor(SharedTexts(), 100, 3500), 10000, 0.95);
  }
}

TEST_CASE("names of special pieces in text give none of them") {
  for (const auto& models : {TreeModels(), PublishedModels()}) {
    for (const Peers& peers : models) {
      CAPTURE(peers.name);
      for (const Piece& piece : peers.model.pieces) {
        if (piece.type != PieceType::kControl && piece.type != PieceType::kUnknown) continue;
        const std::string text = "a" + std::string(piece.text) + " b" + std::string(piece.text);
        Scratch scratch;
        std::vector<Token> tokens;
        peers.fast->Encode(text, scratch, tokens);
        CHECK(Same(tokens, ByLibrary(peers, text)));
        for (const Token& token : tokens) CHECK(peers.model.pieces[token.id].type != PieceType::kControl);
      }
    }
  }
}

TEST_CASE("tokens of models that change nothing cover the text") {
  std::mt19937_64 random(5);
  size_t models_seen = 0;
  for (const auto& models : {TreeModels(), PublishedModels()}) {
    for (const Peers& peers : models) {
      if (!peers.model.normalizer.character_map_bytes.empty() || peers.model.normalizer.remove_extra_whitespaces) continue;
      CAPTURE(peers.name);
      ++models_seen;
      Scratch scratch;
      std::vector<Token> tokens;
      for (int i = 0; i < 500; ++i) {
        const std::string text = RandomText(random, 60);
        peers.fast->Encode(text, scratch, tokens);
        CheckAscending(tokens, text.size());
        uint32_t covered = 0;
        bool gap = false;
        for (const Token& token : tokens) {
          gap = gap || token.begin > covered;
          covered = std::max(covered, token.end);
        }
        CHECK_FALSE(gap);
        CHECK(covered == text.size());
      }
    }
  }
  CHECK(models_seen >= 1);
}

TEST_CASE("a Scratch that served another tokenizer changes nothing") {
  const std::vector<Peers> models = TreeModels();
  Scratch scratch;
  std::vector<Token> tokens;
  for (const std::string& text : PartsOf(Get(kData + "tiny_corpus.txt"))) {
    for (const Peers& peers : models) {
      peers.fast->Encode(text, scratch, tokens);
      CHECK(Same(tokens, ByLibrary(peers, text)));
    }
  }
}

// Peak memory of a process of its own that encodes the text, less that of one that does not, in bytes; -1 where it cannot be had.
// What is outgrown stays with the heap, the worst that glibc does: by itself that depends on what was allocated before.
[[maybe_unused]] double PeakBytes(const FastSentencePiece& fast, const std::string& text) {
  double peak[2];
  for (const bool encode : {false, true}) {
    const pid_t child = fork();
    if (child == 0) {
#ifdef M_MMAP_THRESHOLD
      mallopt(M_MMAP_THRESHOLD, 32 << 20);
#endif
      if (encode) {
        Scratch scratch;
        std::vector<Token> tokens;
        fast.Encode(text, scratch, tokens);
      }
      _exit(0);
    }
    int status = 0;
    rusage usage{};
    if (child < 0 || wait4(child, &status, 0, &usage) != child) return -1;
    peak[encode] = static_cast<double>(usage.ru_maxrss) * 1024;
  }
  return peak[1] - peak[0];
}

void CheckMemory([[maybe_unused]] const Peers& peers) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  MESSAGE("skipped: sanitizers take memory of their own");
#else
  CAPTURE(peers.name);
  const FastSentencePiece fast(peers.model, 0);
  for (const auto& row : Hostile(1 << 20)) {
    CAPTURE(row.first);
    const double bytes = PeakBytes(fast, row.second) / static_cast<double>(row.second.size());
    CHECK(bytes < 64);
    CHECK(bytes >= 0);
  }
#endif
}

TEST_CASE("memory stays below 64 bytes for each of a hostile text") {
  for (const Peers& peers : TreeModels()) CheckMemory(peers);
}

TEST_CASE("slow: memory stays below 64 bytes for each of a hostile text under published models") {
  for (const Peers& peers : PublishedModels()) CheckMemory(peers);
}

TEST_CASE("slow: hostile texts take linear time under SentencePiece models") {
  for (const auto& models : {TreeModels(), PublishedModels()}) {
    for (const Peers& peers : models) CheckLinearTime(**LoadSentencePiece(peers.file));
  }
}

TEST_CASE("slow: eight threads with a published model give what one gives") {
  for (const Peers& peers : PublishedModels()) CheckEightThreads(**LoadSentencePiece(peers.file), DocumentsFor(SharedTexts(), 60, 20000));
}

TEST_CASE("slow: files of the shared folder, whole and by line, with three sizes of cache; a cache that forgets the sum differs") {
  const std::vector<std::string> texts = SharedTexts();
  for (const Peers& peers : PublishedModels()) {
    CAPTURE(peers.name);
    std::vector<std::string> documents = texts;
    for (const std::string& text : texts) {
      for (std::string& line : Lines(text)) documents.push_back(std::move(line));
    }
    std::vector<std::unique_ptr<FastSentencePiece>> tokenizers;
    for (const size_t cache_bytes : {size_t{0}, size_t{65536}, kDefaultCacheBytes}) tokenizers.push_back(std::make_unique<FastSentencePiece>(peers.model, cache_bytes));
    Scratch scratches[3];
    std::vector<Token> tokens;
    size_t differ[3] = {}, bytes = 0, forgetting = 0;
    for (size_t k = 0; k < documents.size(); ++k) {
      bytes += documents[k].size();
      const auto expected = ByLibrary(peers, documents[k]);
      for (size_t i = 0; i < 3; ++i) {
        tokenizers[i]->Encode(documents[k], scratches[i], tokens);
        differ[i] += !Same(tokens, expected);
      }
      if (!peers.unigram() || k >= texts.size()) continue;
      const std::string normalised = Normalised(peers, documents[k]);
      const auto cut = [&](auto left, auto right) { return left != kSpaceSymbol && right == kSpaceSymbol; };
      forgetting += IdsWithCuts(peers, normalised, cut) != IdsWithCuts(peers, normalised, cut, true);
    }
    for (const size_t count : differ) CHECK(count == 0);
    CHECK((!peers.unigram() || forgetting > 0));
    MESSAGE(peers.name << ": " << documents.size() << " documents, " << bytes / 1000000 << " MB, 0 differ; forgetting the sum, " << forgetting << " files do");
  }
}

TEST_CASE("slow: 100 MB of mixed text for BPE models and for unigram models give the library's ids and ranges") {
  const std::vector<std::string> texts = SharedTexts();
  std::mt19937_64 random(29);
  for (const Peers& peers : PublishedModels()) {
    CAPTURE(peers.name);
    Scratch scratch;
    std::vector<Token> tokens;
    size_t bytes = 0, documents = 0, differ = 0;
    while (bytes < 51'000'000) {  // of each kind there are two models at least
      const std::string text = Mixed(random, texts);
      bytes += text.size();
      ++documents;
      peers.fast->Encode(text, scratch, tokens);
      differ += !Same(tokens, ByLibrary(peers, text));
    }
    CHECK(differ == 0);
    MESSAGE(peers.name << ": " << documents << " documents, " << bytes / 1000000 << " MB, " << differ << " differ");
  }
}

}  // namespace
}  // namespace verdigris::verify
