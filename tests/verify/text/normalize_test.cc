// The normaliser verdigris-text/1: what it undoes, what it leaves, the map of bytes, hostile texts (text.md X12 to X15).
//
// Expected numbers: tests/vectors/normaliser.json, from another implementation; ICU's own normalizer filtered to Unicode 15.0. The
// large texts are those of the folder shared/ beside the repository; what needs them is skipped where that is absent.
#include "verify/text/normalize.h"

#include <algorithm>
#include <ctime>
#include <filesystem>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <tuple>

#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/uniset.h>
#include <unicode/unistr.h>

#include "tests/verify/text/tokenizer_vectors.h"
#include "verify/text/bpe_files.h"
#include "verify/text/sentencepiece.h"

namespace verdigris::verify {
namespace {

using nlohmann::json;

const std::string kShared = VERDIGRIS_SHARED_DIR "/data/";

const Normaliser& Text1() {
  static const Normaliser normaliser = *Normaliser::Create(kTextNormaliser);
  return normaliser;
}

std::string Normal(std::string_view text, ByteMap* map = nullptr) {
  ByteMap own;
  std::string out = "what was there before goes";
  REQUIRE(Text1().Apply(text, out, map != nullptr ? *map : own).has_value());
  return out;
}

json Vectors() { return json::parse(Get(VERDIGRIS_SOURCE_DIR "/tests/vectors/normaliser.json")); }

std::string Utf8(const icu::UnicodeString& text) {
  std::string out;
  text.toUTF8String(out);
  return out;
}

// NFC of Unicode 15.0, by ICU itself.
std::string Nfc15(const std::string& text) {
  UErrorCode error = U_ZERO_ERROR;
  static const icu::UnicodeSet known(icu::UnicodeString(u"[:age=15.0:]"), error);
  static const icu::FilteredNormalizer2 nfc(*icu::Normalizer2::getNFCInstance(error), known);
  const icu::Normalizer2& as_base = nfc;  // whose short overload the class hides
  const icu::UnicodeString normal = as_base.normalize(icu::UnicodeString::fromUTF8(text), error);
  REQUIRE(U_SUCCESS(error));
  return Utf8(normal);
}

// What nothing but good will would do: every format character out.
std::string WithoutFormatCharacters(const std::string& text) {
  icu::UnicodeString out;
  const icu::UnicodeString in = icu::UnicodeString::fromUTF8(text);
  for (int32_t i = 0; i < in.length(); i = in.moveIndex32(i, 1)) {
    if (u_charType(in.char32At(i)) != U_FORMAT_CHAR) out.append(in.char32At(i));
  }
  return Utf8(out);
}

std::string Sha256Of(const std::vector<std::string>& texts) {
  std::string all;
  for (const std::string& text : texts) all += text + '\0';
  return Hex(Sha256(AsBytes(all)));
}

std::vector<std::string> SharedTexts(const std::string& folder, const std::string& suffix) {
  std::vector<std::string> paths;
  std::error_code absent;
  for (const auto& entry : std::filesystem::directory_iterator(kShared + folder, absent)) {
    if (entry.path().string().ends_with(suffix)) paths.push_back(entry.path().string());
  }
  std::sort(paths.begin(), paths.end());
  if (paths.empty()) MESSAGE("skipped: no folder shared/ beside the repository");
  return paths;
}

TEST_CASE("texts become what another implementation makes of them") {
  const json vectors = Vectors();
  for (const json& row : vectors["rows"]) {
    const std::string text = row[0], normal = row[1];
    CAPTURE(row.dump());
    CHECK(Normal(text) == normal);
    CHECK(Normal(normal) == normal);
  }
  for (const json& stream : vectors["streams"]) {
    std::vector<std::string> once, twice;
    size_t changed = 0, again = 0;
    for (const std::string& text : Stream(stream["alphabet"])) {
      once.push_back(Normal(text));
      twice.push_back(Normal(once.back()));
      changed += once.back() != text;
      again += twice.back() != once.back();
      // A second pass acts only on an ideographic space beside another, or on a hidden character that was kept beside marks.
      if (WithoutFormatCharacters(once.back()) == once.back() && once.back().find("\u3000") == std::string::npos) CHECK(twice.back() == once.back());
    }
    CHECK(changed == stream["changed"]);
    CHECK(Sha256Of(once) == stream["sha256"]);
    CHECK(again == stream["twice"]["changed"]);
    CHECK(Sha256Of(twice) == stream["twice"]["sha256"]);
  }
  const std::string published = Get(kShared + "vectors/tokenizers.json");
  if (published.empty()) {
    MESSAGE("skipped: no folder shared/ beside the repository");
    return;
  }
  const json whole = json::parse(published);
  CHECK(whole["normaliser"]["rows"] == vectors["rows"]);
  CHECK(whole["normaliser"]["stream_sha256"] == vectors["streams"][0]["sha256"]);
}

TEST_CASE("NFC is that of Unicode 15.0, as ICU's filtered normalizer has it") {
  // Neither hidden characters nor spaces nor letters of the scripts that look alike: NFC alone is left.
  UErrorCode error = U_ZERO_ERROR;
  const icu::UnicodeSet out(icu::UnicodeString(u"[[:Cf:][:Cs:][:Cn:][:Co:][:Z:][:Latin:][:Greek:][:Cyrillic:][:Armenian:][:Cherokee:][\\U0001D400-\\U0001D7FF][:DI:]"
                                               u"[\\u1FC0-\\u1FFF\\u2126\\u212A\\u212B\\u0340-\\u0345]]"), error);
  REQUIRE(U_SUCCESS(error));
  std::vector<UChar32> pool;
  for (UChar32 c = 0x80; c < 0x30000; ++c) {
    if (!out.contains(c) && (c < 0xAC00 || c > 0xD7A3 || c % 97 == 0) && !icu::Normalizer2::getNFCInstance(error)->isInert(c)) pool.push_back(c);
  }
  REQUIRE(pool.size() > 1500);
  std::mt19937_64 random(2);
  size_t changed = 0;
  for (int i = 0; i < 20000; ++i) {
    icu::UnicodeString text;
    for (uint64_t length = 1 + random() % 12; length > 0; --length) {
      text.append(random() % 4 == 0 ? static_cast<UChar32>(u"a<=1 "[random() % 5]) : pool[random() % pool.size()]);
    }
    const std::string document = Utf8(text);
    CAPTURE(i);
    CHECK(Normal(document) == Nfc15(document));
    changed += Normal(document) != document;
  }
  CHECK(changed > 5000);
}

TEST_CASE("mathematical letters are those whose NFKC is one ASCII letter") {
  UErrorCode error = U_ZERO_ERROR;
  const icu::Normalizer2& nfkc = *icu::Normalizer2::getNFKCInstance(error);
  for (UChar32 c = 0x1D400; c < 0x1D800; ++c) {
    const icu::UnicodeString one = nfkc.normalize(icu::UnicodeString(c), error);
    const bool letter = one.length() == 1 && one[0] < 0x80 && u_isalpha(one[0]) != 0;
    CAPTURE(c);
    CHECK(Normal("x" + Utf8(icu::UnicodeString(c))) == "x" + (letter ? Utf8(one) : Utf8(icu::UnicodeString(c))));
  }
}

TEST_CASE("ASCII is never changed, and none/1 changes nothing") {
  std::string ascii;
  for (int round = 0; round < 3; ++round) {
    for (int c = 0; c < 128; ++c) ascii += static_cast<char>((c * (2 * round + 1)) % 128);
  }
  ByteMap map;
  CHECK(Normal(ascii, &map) == ascii);
  CHECK(map.identity());
  const Normaliser none = *Normaliser::Create(kNoNormaliser);
  std::string out;
  const std::string hidden = "a\u200Bb\xFF";
  REQUIRE(none.Apply(hidden, out, map).has_value());
  CHECK(out == hidden);
  CHECK(map.identity());
  CHECK(none.name() == kNoNormaliser);
  CHECK(Text1().name() == kTextNormaliser);
  CHECK(Normaliser::Create("nfc/1").error().kind == ErrorKind::kUnsupported);
  CHECK(Normaliser::Create("nfc/1").error().message == "normaliser nfc/1 is not in this build; none/1 and verdigris-text/1 are");
}

TEST_CASE("texts of living orthographies stay as they are") {
  // Persian and Hindi need joiners, emoji need joiners, selectors and tags, Khmer zero-width spaces, French no-break spaces.
  const std::string texts[] = {"\u0645\u06CC\u200C\u062E\u0648\u0627\u0647\u0645", "\u0915\u094D\u200D\u0937 \u0915\u094D\u200C\u0937",
                               "\U0001F469\u200D\U0001F4BB \u2764\uFE0F 1\uFE0F\u20E3", "\U0001F3F4\U000E0067\U000E0062\U000E0065\U000E006E\U000E0067\U000E007F"};
  for (const std::string& text : texts) {
    CAPTURE(text);
    CHECK(Normal(text) == text);
    CHECK(WithoutFormatCharacters(text) != text);  // the wrong method
  }
  for (const std::string text : {"\u0E01\u200B\u0E02", "\u00AB\u00A0oui\u00A0\u00BB\u202F!", "\u041F\u0440\u0438\u0432\u0435\u0442, \u043C\u0438\u0440!", "\u0394T k\u03A9 \u03BCm",
                                 "\u6F22\u3000\u5B57", "caf\u00E9 na\u00EFve \u00C5ngstr\u00F6m", "\u05E9\u05DC\u05D5\u05DD\u200F!"}) {
    CAPTURE(text);
    CHECK(Normal(text) == text);
  }
}

TEST_CASE("code and whole languages: only NFC acts") {
  for (const std::string name : {"text/human_eval.jsonl", "text/waterbench_lcc_code.jsonl", "text/wagahaiwa_ja.txt"}) {
    const std::string text = Get(kShared + name);
    CAPTURE(name);
    if (name == "text/wagahaiwa_ja.txt") {
      CHECK(Normal(text) == text);
      continue;
    }
    // Line by line: what is ASCII stays.
    for (size_t at = 0, end; at < text.size(); at = end + 1) {
      end = std::min(text.find('\n', at), text.size());
      const std::string line = text.substr(at, end - at);
      const bool ascii = std::all_of(line.begin(), line.end(), [](char c) { return static_cast<uint8_t>(c) < 0x80; });
      if (ascii && Normal(line) != line) FAIL("ASCII was changed");
    }
  }
  size_t languages = 0, harmed = 0;
  for (const std::string& path : SharedTexts("text/udhr", ".xml")) {
    const std::string text = Get(path), normal = Normal(text);
    CAPTURE(path);
    CHECK((normal == Nfc15(text)));
    CHECK((Normal(normal) == normal));
    ++languages;
    harmed += Nfc15(WithoutFormatCharacters(text)) != Nfc15(text);
  }
  if (languages > 0) {
    CHECK(languages == 30);
    MESSAGE(harmed << " of 30 languages are harmed where every format character is removed");
  }
}

TEST_CASE("the map leads back") {
  ByteMap map;
  const auto range = [&](size_t i) { return map[i]; };
  CHECK(Normal("pa\u200Bss \u0440\u0430y", &map) == "pass pay");
  CHECK(range(0) == ByteRange{0, 1});
  CHECK(range(1) == ByteRange{1, 2});
  CHECK(range(2) == ByteRange{5, 6});  // behind the hidden character
  CHECK(range(5) == ByteRange{8, 10});
  CHECK(range(6) == ByteRange{10, 12});
  CHECK(range(7) == ByteRange{12, 13});
  CHECK(map.ChangedCharacters("pa\u200Bss \u0440\u0430y") == 3);
  CHECK(Normal("e\u200B\u0301x", &map) == "\u00E9x");  // both bytes stand for the letter, its mark and what was between them
  CHECK(range(0) == ByteRange{0, 6});
  CHECK(range(1) == ByteRange{0, 6});
  CHECK(range(2) == ByteRange{6, 7});
  CHECK(Normal("\u200D\u200B\u2060", &map) == "");
  CHECK_FALSE(map.identity());
  CHECK(map.ChangedCharacters("\u200D\u200B\u2060") == 3);
  std::vector<Token> tokens = {{7, 0, 0}};
  map.ToDocument(tokens);
  CHECK(tokens[0].begin == 9);
  CHECK(tokens[0].end == 9);
  // Empty ranges, as dummy prefixes have, between hidden characters.
  CHECK(Normal("\u200Ba\u200Bb\u200B", &map) == "ab");
  tokens = {{1, 0, 0}, {2, 0, 1}, {3, 1, 1}, {4, 1, 2}, {5, 2, 2}};
  map.ToDocument(tokens);
  const std::pair<uint32_t, uint32_t> wanted[] = {{3, 3}, {3, 4}, {7, 7}, {7, 8}, {11, 11}};
  for (size_t i = 0; i < 5; ++i) CHECK((tokens[i].begin == wanted[i].first && tokens[i].end == wanted[i].second));
  // Ill-formed bytes are read as one U+FFFD a part.
  CHECK(Normal("a\xE2\x82" "b", &map) == "a\uFFFD" "b");
  CHECK(range(1) == ByteRange{1, 3});
  CHECK(range(4) == ByteRange{3, 4});
}

TEST_CASE("the map of random texts: ascending, inside, unchanged characters byte by byte") {
  const std::vector<std::string> alphabet = Characters(Vectors()["streams"][1]["alphabet"]);
  std::mt19937_64 random(3);
  for (int i = 0; i < 20000; ++i) {
    std::string text;
    for (uint64_t length = 1 + random() % 40; length > 0; --length) text += alphabet[random() % alphabet.size()];
    ByteMap map;
    const std::string normal = Normal(text, &map);
    CAPTURE(i);
    bool holds = true;
    ByteRange last{0, 0};
    for (size_t k = 0; k < normal.size(); ++k) {
      const ByteRange range = map[k];
      holds = holds && range.begin < range.end && range.end <= text.size() && last.begin <= range.begin && last.end <= range.end;
      const bool alone = (k == 0 || !(map[k - 1] == range)) && (k + 1 == normal.size() || !(map[k + 1] == range));
      if (alone && range.end - range.begin == 1) holds = holds && text[range.begin] == normal[k];  // one byte behind one byte: unchanged
      last = range;
    }
    CHECK(holds);
    // Whole words of tokens map as bytes do.
    std::vector<Token> tokens;
    for (uint32_t at = 0; at < normal.size(); at += 1 + static_cast<uint32_t>(random() % 5)) {
      if (!tokens.empty()) tokens.back().end = at;
      tokens.push_back({0, at, static_cast<uint32_t>(normal.size())});
    }
    const std::vector<Token> before = tokens;
    map.ToDocument(tokens);
    for (size_t t = 0; t < tokens.size(); ++t) {
      holds = holds && tokens[t].begin == map[before[t].begin].begin && tokens[t].end == map[before[t].end - 1].end;
    }
    CHECK(holds);
  }
}

TEST_CASE("each one-character edit is pointed at") {
  const std::string prose = Get(VERDIGRIS_SOURCE_DIR "/tests/data/tiny_corpus.txt").substr(0, 1200);
  const std::map<char, std::string> looks = {{'a', "\u0430"}, {'e', "\u0435"}, {'o', "\u043E"}, {'p', "\uFF50"}, {' ', "\u2003"}, {'T', "\u0422"}};
  size_t edits = 0;
  for (size_t at = 1; at + 1 < prose.size(); ++at) {
    CAPTURE(at);
    ByteMap map;
    const std::string with_hidden = prose.substr(0, at) + "\u200B" + prose.substr(at);
    CHECK(Normal(with_hidden, &map) == prose);
    CHECK((map[at - 1] == ByteRange{static_cast<uint32_t>(at - 1), static_cast<uint32_t>(at)}));
    CHECK((map[at] == ByteRange{static_cast<uint32_t>(at + 3), static_cast<uint32_t>(at + 4)}));
    const auto look = looks.find(prose[at]);
    if (look == looks.end()) continue;
    const std::string edited = prose.substr(0, at) + look->second + prose.substr(at + 1);
    if (Normal(edited, &map) != prose) continue;  // a word of one letter stays
    ++edits;
    CHECK((map[at] == ByteRange{static_cast<uint32_t>(at), static_cast<uint32_t>(at + look->second.size())}));
    CHECK(map[at + 1].begin == at + look->second.size());
    CHECK(map.ChangedCharacters(edited) == 1);
  }
  CHECK(edits > 400);
}

TEST_CASE("a tokenizer after the normaliser: ids of the clean text, ranges of the document") {
  const std::string model = Get(VERDIGRIS_SOURCE_DIR "/tests/data/tiny_bpe.model");
  std::shared_ptr<const Tokenizer> plain = std::move(*LoadSentencePiece(model));
  const auto after = AfterNormaliser(Text1(), plain);
  CHECK(after->digest() == plain->digest());
  CHECK(after->vocab() == plain->vocab());
  CHECK(after->kind() == plain->kind());
  const std::string clean = "the copper roof turns green in the rain";
  const std::string edited = "the c\u043Ep\u200Bper ro\u200Dof\u2003turns green in the ra\u2060in\u200B";
  const std::vector<Token> wanted = Encode(*plain, clean), got = Encode(*after, edited);
  CHECK(IdsOf(got) == IdsOf(wanted));
  CHECK(IdsOf(Encode(*plain, edited)) != IdsOf(wanted));
  CheckAscending(got, edited.size());
  ByteMap map;
  Normal(edited, &map);
  for (size_t i = 0; i < got.size(); ++i) {
    if (wanted[i].begin == wanted[i].end) continue;
    CHECK(got[i].begin == map[wanted[i].begin].begin);
    CHECK(got[i].end == map[wanted[i].end - 1].end);
  }
  Scratch scratch;
  std::vector<Token> tokens;
  CHECK(after->Encode(std::string(kMaxDocumentBytes + 1, 'a'), scratch, tokens).error().kind == ErrorKind::kLimit);
}

// ---- Attacks and what is left of the tuples (X15).

using Tuple = std::tuple<uint32_t, uint32_t, uint32_t>;

std::set<Tuple> TuplesOfText(const Tokenizer& tokenizer, const std::string& text) {
  const std::vector<uint32_t> ids = IdsOf(Encode(tokenizer, text));
  std::set<Tuple> tuples;
  for (size_t i = 2; i < ids.size(); ++i) tuples.insert({ids[i - 2], ids[i - 1], ids[i]});
  return tuples;
}

struct Attack {
  std::string name;
  std::function<std::string(const std::string&, std::mt19937_64&)> edit;
  double back;  // least share of the tuples after normalising
};

std::string Every(const std::string& text, size_t step, const std::function<std::string()>& what) {
  std::string out;
  size_t characters = 0;
  for (const char c : text) {
    if ((c & 0xC0) != 0x80 && characters++ % step == step - 1) out += what();
    out += c;
  }
  return out;
}

std::string Swap(const std::string& text, const std::map<char, std::string>& looks, double share, std::mt19937_64& random) {
  std::string out;
  for (const char c : text) {
    const auto look = looks.find(c);
    const bool swap = look != looks.end() && static_cast<double>(random() >> 11) * 0x1p-53 < share;
    out += swap ? look->second : std::string(1, c);
  }
  return out;
}

std::vector<Attack> Attacks() {
  std::map<char, std::string> cyrillic, wide;
  const std::string latin = "ABCEHIJKMOPSTXYacehijopsyx";
  const std::vector<std::string> looks = Characters("\u0410\u0412\u0421\u0415\u041D\u0406\u0408\u041A\u041C\u041E\u0420\u0405\u0422\u0425\u0423\u0430\u0441\u0435\u04BB\u0456\u0458\u043E\u0440\u0455\u0443\u0445");
  for (size_t i = 0; i < latin.size(); ++i) cyrillic[latin[i]] = looks[i];
  for (char c = 'a'; c <= 'z'; ++c) {
    wide[c] = Utf8(icu::UnicodeString(static_cast<UChar32>(0xFF41 + c - 'a')));
    wide[static_cast<char>(c - 32)] = Utf8(icu::UnicodeString(static_cast<UChar32>(0xFF21 + c - 'a')));
  }
  const auto every = [](std::vector<std::string> what) {
    return [what](const std::string& text, std::mt19937_64& random) { return Every(text, 3, [&] { return what[random() % what.size()]; }); };
  };
  std::vector<std::string> tags, selectors;
  for (UChar32 c = 0xE0020; c <= 0xE007E; ++c) tags.push_back(Utf8(icu::UnicodeString(c)));
  for (UChar32 c = 0xE0100; c <= 0xE01EF; ++c) selectors.push_back(Utf8(icu::UnicodeString(c)));
  const auto swap = [](std::map<char, std::string> table, double share) {
    return [table, share](const std::string& text, std::mt19937_64& random) { return Swap(text, table, share, random); };
  };
  return {{"zero-width", every({"\u200B", "\u200D", "\u200C", "\u2060", "\uFEFF"}), .95},
          {"tags", every(tags), .95},
          {"selectors 17 to 256", every(selectors), .95},
          {"bidi controls", every({"\u200E", "\u200F", "\u202A", "\u202E", "\u202C", "\u2066", "\u2069"}), .95},
          {"NFD", [](const std::string& text, std::mt19937_64&) {
             UErrorCode error = U_ZERO_ERROR;
             return Utf8(icu::Normalizer2::getNFDInstance(error)->normalize(icu::UnicodeString::fromUTF8(text), error));
           }, .95},
          {"spaces", swap({{' ', "\u2004"}}, 1), .95},
          {"full-width at 5 %", swap(wide, .05), .95},
          {"full-width at 30 %", swap(wide, .3), .90},
          {"Cyrillic at 5 %", swap(cyrillic, .05), .95},
          {"Cyrillic at 30 %", swap(cyrillic, .3), .95}};
}

// How many of the tuples of `texts` come back after each attack; `harm`: the attacks must have done something.
void CheckAttacks(const Tokenizer& tokenizer, const std::vector<std::string>& texts, bool accents) {
  for (const Attack& attack : Attacks()) {
    std::mt19937_64 random(15);
    size_t all = 0, before = 0, after = 0;
    for (const std::string& text : texts) {
      const std::string edited = attack.edit(text, random);
      const std::set<Tuple> wanted = TuplesOfText(tokenizer, text), left = TuplesOfText(tokenizer, edited), back = TuplesOfText(tokenizer, Normal(edited));
      all += wanted.size();
      for (const Tuple& tuple : wanted) {
        before += left.count(tuple);
        after += back.count(tuple);
      }
    }
    const double share_before = static_cast<double>(before) / static_cast<double>(all), share = static_cast<double>(after) / static_cast<double>(all);
    CAPTURE(attack.name);
    CHECK(share >= attack.back);
    if (accents || attack.name != "NFD") CHECK(share_before < .9);
    MESSAGE(attack.name << ": " << share_before << " of the tuples, normalised " << share);
  }
}

TEST_CASE("edits that are not seen are undone: a small text") {
  auto tokenizer = *LoadSentencePiece(Get(VERDIGRIS_SOURCE_DIR "/datasets/pocket_lm/tokenizer.model"));
  std::string text = Get(VERDIGRIS_SOURCE_DIR "/tests/data/tiny_corpus.txt");
  for (size_t at = 0; (at = text.find("copper", at)) != text.npos; at += 5) text.replace(at, 6, "caf\u00E9 na\u00EFve");
  CheckAttacks(*tokenizer, {Normal(text)}, /*accents=*/false);
}

TEST_CASE("slow: edits that are not seen are undone: 200 articles") {
  const std::string lines = Get(kShared + "text/cnn_dailymail.jsonl"), file = Get(kShared + "tokenizers/cl100k_base.tiktoken.gz");
  if (lines.empty() || file.empty()) {
    MESSAGE("skipped: no folder shared/ beside the repository");
    return;
  }
  const auto ranks = Inflated(file);
  TokenizerDescriptor descriptor;
  descriptor.pattern = Pattern::kCl100k;
  descriptor.vocab = *VocabOfFile(false, *ranks);
  const auto tokenizer = *LoadDescribed(descriptor, *ranks, "");
  std::vector<std::string> texts;
  for (size_t at = 0, end; at < lines.size() && texts.size() < 200; at = end + 1) {
    end = std::min(lines.find('\n', at), lines.size());
    const std::string article = json::parse(lines.substr(at, end - at))["article"];
    texts.push_back(Normal(article.substr(0, article.find(' ', 2000))));
  }
  REQUIRE(texts.size() == 200);
  CheckAttacks(*tokenizer, texts, /*accents=*/false);
}

// ---- Hostile texts.

double Seconds(const std::string& text) {
  ByteMap map;
  std::string out;
  double best = 1e9;
  for (int run = 0; run < 3; ++run) {
    const std::clock_t start = std::clock();
    REQUIRE(Text1().Apply(text, out, map).has_value());
    best = std::min(best, static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC);
  }
  return best;
}

std::string Repeated(const std::string& unit, size_t bytes) {
  std::string out;
  while (out.size() < bytes) out += unit;
  return out;
}

TEST_CASE("hostile texts take linear time") {
  const std::pair<const char*, const char*> units[] = {{"joiners", "\u200D"}, {"tags", "\U000E0061"}, {"selectors", "\uFE0F"}, {"marks in the wrong order", "\u0301\u0323"},
      {"no-break spaces", "\u00A0"}, {"one word of look-alikes", "\u0430"}, {"one mixed word", "a\u0430"}, {"ideographic spaces", "\u3000"}, {"jamo", "\u1161"}, {"bytes", "\xFF"},
      {"ASCII letters, then one that acts", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\u00E9"}};
  for (const auto& [name, unit] : units) {
    const std::string start = name == std::string("tags") ? "\U0001F3F4" : "a";
    const std::string whole = start + Repeated(unit, 1 << 21), quarter = start + Repeated(unit, 1 << 19);
    // Another process may run in between, so the least ratio of a few counts. Quadratic time would be 16.
    double ratio = 1e9;
    for (int tries = 0; tries < 8 && ratio > 8; ++tries) ratio = std::min(ratio, Seconds(whole) / std::max(Seconds(quarter), .002));
    CAPTURE(std::string(name));
    CHECK(ratio <= 8);
  }
  CHECK(Text1().Apply(std::string(kMaxDocumentBytes + 1, 'a'), *std::make_unique<std::string>(), *std::make_unique<ByteMap>()).error().kind == ErrorKind::kLimit);
}

}  // namespace
}  // namespace verdigris::verify
