// The expressions are never run: each pattern is a function of its own that looks at the next character and takes a run, so a
// text of any kind costs linear time, where a backtracking engine may not. What each function must give is what Perl's rules
// give: the first alternative that matches, greedy, with backtracking. The places where backtracking changes something are named.
//
// Expressions: openai/gpt-2 encoder.py, tiktoken 0.14.0 openai_public.py, and the tokenizer.json of Llama 3, Qwen 2, Qwen 3.5 and
// SmolLM. Tested by tests/verify/text/pre_tokenizer_test.cc.
#include "verify/text/pre_tokenizer.h"

#include <algorithm>
#include <array>
#include <utility>

#include "verify/text/unicode_classes.h"

namespace verdigris::verify {
namespace {

constexpr std::pair<Pattern, std::string_view> kNames[] = {
    {Pattern::kGpt2, "gpt2"},     {Pattern::kCl100k, "cl100k"}, {Pattern::kLlama3, "llama-3"}, {Pattern::kQwen2, "qwen2"},
    {Pattern::kQwen35, "qwen3.5"}, {Pattern::kO200k, "o200k"},   {Pattern::kSmolLm, "smollm"}};

constexpr std::string_view kGpt2Expression = R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
constexpr std::string_view kCl100kExpression =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kQwen2Expression =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kQwen35Expression =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kO200kExpression =
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|)"
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|)"
    R"(\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

// Other spellings of parts of the first three, with equal cuts: what is possessive has nothing to give back there. Not among
// them: `{1,3}+`, which repeats in the engine of tokenizers, and tiktoken's `\s++$`, which cuts the end of a text otherwise.
constexpr std::pair<std::string_view, std::string_view> kSpellings[] = {
    {R"('(?i:[sdmt]|ll|ve|re)|)", R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|)"},
    {R"('(?:[sdmt]|ll|ve|re)|)", R"('s|'t|'re|'ve|'m|'ll|'d|)"},
    {R"([^\r\n\p{L}\p{N}]?+\p{L})", R"([^\r\n\p{L}\p{N}]?\p{L})"},
    {R"(\p{L}++|)", R"(\p{L}+|)"},
    {R"(\p{N}++|)", R"(\p{N}+|)"},
    {R"([^\s\p{L}\p{N}]++)", R"([^\s\p{L}\p{N}]+)"},
    {R"([\r\n]*+|)", R"([\r\n]*|)"},
    {R"(\s*[\r\n]|)", R"(\s*[\r\n]+|)"}};

constexpr std::array<uint16_t, 128> kAscii = [] {
  std::array<uint16_t, 128> table{};
  for (size_t c = 0; c < table.size(); ++c) {
    table[c] = c >= 'A' && c <= 'Z'   ? kUpper
               : c >= 'a' && c <= 'z' ? kLower
               : c >= '0' && c <= '9' ? kNumber
               : c == '\r' || c == '\n' ? kSpace | kNewline
               : c == ' ' || (c >= 9 && c <= 13) ? kSpace
                                                 : kOther;
  }
  return table;
}();

struct Character {
  uint16_t bits;
  uint8_t bytes;
};

// The character at `at`, in well-formed UTF-8 that does not end there.
inline Character At(const char* at) {
  const auto byte = [at](int i) { return static_cast<uint32_t>(static_cast<uint8_t>(at[i])); };
  if (byte(0) < 0x80) return {kAscii[byte(0)], 1};
  if (byte(0) < 0xE0) return {UnicodeClass((byte(0) & 0x1F) << 6 | (byte(1) & 0x3F)), 2};
  if (byte(0) < 0xF0) return {UnicodeClass((byte(0) & 0x0F) << 12 | (byte(1) & 0x3F) << 6 | (byte(2) & 0x3F)), 3};
  return {UnicodeClass((byte(0) & 0x07) << 18 | (byte(1) & 0x3F) << 12 | (byte(2) & 0x3F) << 6 | (byte(3) & 0x3F)), 4};
}

// Behind the run of characters of `classes` at `at`.
inline const char* Run(const char* at, const char* end, uint16_t classes) {
  while (at != end) {
    const Character c = At(at);
    if ((c.bits & classes) == 0) break;
    at += c.bytes;
  }
  return at;
}

// Behind at most `most` of them.
inline const char* Run(const char* at, const char* end, uint16_t classes, size_t most) {
  for (; most > 0 && at != end; --most) {
    const Character c = At(at);
    if ((c.bits & classes) == 0) break;
    at += c.bytes;
  }
  return at;
}

// Behind 's 't 're 've 'm 'll 'd at `at`, else `at`. In any case: also U+017F, which folds to s.
const char* Contraction(const char* at, const char* end, bool any_case) {
  if (end - at < 2 || at[0] != '\'') return at;
  const auto letter = [&](int i) { return end - at > i ? static_cast<char>(any_case && at[i] >= 'A' && at[i] <= 'Z' ? at[i] | 0x20 : at[i]) : '\0'; };
  switch (letter(1)) {
    case 's': case 't': case 'm': case 'd': return at + 2;
    case 'r': case 'v': return letter(2) == 'e' ? at + 3 : at;
    case 'l': return letter(2) == 'l' ? at + 3 : at;
    case '\xC5': return any_case && letter(2) == '\xBF' ? at + 3 : at;
    default: return at;
  }
}

// `\s+(?!\S)|\s+` at a space: before another character a run gives its last space to that, unless it is all it has.
const char* Blanks(const char* at, const char* run_end, const char* end) {
  if (run_end == end) return run_end;
  const char* last = run_end - 1;
  while ((*last & 0xC0) == 0x80) --last;
  return last == at ? run_end : last;
}

}  // namespace

std::string_view PatternName(Pattern pattern) { return kNames[static_cast<size_t>(pattern)].second; }

std::optional<Pattern> PatternOfName(std::string_view name) {
  for (const auto& [pattern, its_name] : kNames) {
    if (name == its_name) return pattern;
  }
  return std::nullopt;
}

std::string PatternNames() {
  std::string names;
  for (const auto& entry : kNames) names.append(names.empty() ? "" : ", ").append(entry.second);
  return names;
}

std::optional<Pattern> PatternOfExpression(std::string_view expression) {
  if (expression == kQwen35Expression) return Pattern::kQwen35;
  if (expression == kO200kExpression) return Pattern::kO200k;
  std::string plain(expression.substr(0, 2 * kCl100kExpression.size()));
  for (const auto& [spelling, same] : kSpellings) {
    for (size_t at = 0; (at = plain.find(spelling, at)) != plain.npos; at += same.size()) plain.replace(at, spelling.size(), same);
  }
  if (plain.ends_with(R"(|\s)")) plain += '+';
  if (plain == kGpt2Expression) return Pattern::kGpt2;
  if (plain == kCl100kExpression) return Pattern::kCl100k;
  if (plain == kQwen2Expression) return Pattern::kQwen2;
  return std::nullopt;
}

PreTokenizer::PreTokenizer(Pattern pattern, std::string_view text)
    : pattern_(pattern), at_(text.data()), end_(text.data() + text.size()), digits_at_(nullptr) {}

std::string_view PreTokenizer::Next() {
  if (at_ == end_) return {};
  const char* begin = at_;
  at_ = Cut();
  return {begin, static_cast<size_t>(at_ - begin)};
}

const char* PreTokenizer::Cut() {
  switch (pattern_) {
    case Pattern::kGpt2: return CutGpt2(end_);
    case Pattern::kCl100k:
    case Pattern::kLlama3: return CutCl100k(3, kLetter);
    case Pattern::kQwen2: return CutCl100k(1, kLetter);
    case Pattern::kQwen35: return CutCl100k(1, kLetter | kMark);
    case Pattern::kO200k: return CutO200k();
    case Pattern::kSmolLm: break;
  }
  // Numeric characters stand alone, and what lies between them is a text of its own.
  constexpr uint16_t kNumeric = kNumber | kLaterDigit;
  if (digits_at_ == nullptr || digits_at_ < at_) {
    digits_at_ = at_;
    while (digits_at_ != end_ && (At(digits_at_).bits & kNumeric) == 0) digits_at_ += At(digits_at_).bytes;
  }
  return digits_at_ == at_ ? at_ + At(at_).bytes : CutGpt2(digits_at_);
}

const char* PreTokenizer::CutGpt2(const char* end) const {
  if (const char* cut = Contraction(at_, end, false); cut != at_) return cut;
  const Character first = At(at_);
  const bool blank = *at_ == ' ' && at_ + 1 != end;
  const uint16_t bits = blank ? At(at_ + 1).bits : first.bits;
  constexpr uint16_t kOthers = kOther | kMark;
  for (const uint16_t classes : {kLetter, kNumber, kOthers}) {
    if ((bits & classes) != 0) return Run(at_ + (blank ? 1 : 0), end, classes);
  }
  return Blanks(at_, Run(at_, end, kSpace), end);
}

// cl100k, and with other classes qwen2 and qwen3.5. `letters`: what a word is made of.
const char* PreTokenizer::CutCl100k(size_t most_digits, uint16_t letters) const {
  if (const char* cut = Contraction(at_, end_, true); cut != at_) return cut;
  const Character first = At(at_);
  if ((first.bits & letters) != 0) return Run(at_, end_, letters);
  if ((first.bits & kNumber) != 0) return Run(at_, end_, kNumber, most_digits);
  const uint16_t second = at_ + first.bytes == end_ ? uint16_t{0} : At(at_ + first.bytes).bits;
  if ((second & letters) != 0 && (first.bits & kNewline) == 0) return Run(at_ + first.bytes, end_, letters);
  // ` ?[^\s\p{L}\p{N}]+[\r\n]*`; where marks are letters, `letters` takes them out.
  const auto others = static_cast<uint16_t>((kOther | kMark) & ~letters);
  if ((first.bits & others) != 0 || (*at_ == ' ' && (second & others) != 0)) {
    return Run(Run(at_ + first.bytes, end_, others), end_, kNewline);
  }
  return CutSpaces();
}

// `\s*[\r\n]+|\s+(?!\S)|\s+`: up to the last line end of the run, if it has one.
const char* PreTokenizer::CutSpaces() const {
  const char* run_end = Run(at_, end_, kSpace);
  for (const char* last = run_end; last != at_; --last) {
    if (last[-1] == '\n' || last[-1] == '\r') return last;
  }
  return Blanks(at_, run_end, end_);
}

const char* PreTokenizer::CutO200k() const {
  if (const char* cut = CutLetters(); cut != at_) return Contraction(cut, end_, true);
  const Character first = At(at_);
  if ((first.bits & kNumber) != 0) return Run(at_, end_, kNumber, 3);
  constexpr uint16_t kOthers = kOther | kMark;
  const char* from = *at_ == ' ' ? at_ + 1 : at_;
  if (from != end_ && (At(from).bits & kOthers) != 0) {
    const char* cut = Run(from, end_, kOthers);
    while (cut != end_ && (*cut == '\r' || *cut == '\n' || *cut == '/')) ++cut;
    return cut;
  }
  return CutSpaces();
}

// o200k's first two alternatives without their contractions, else at_. With U and L as in the expression and P one character
// that is no letter, number or line end:
//   P?U*L+   the run of U, then one of L; where none follows, U* gives back to its last character that is in L too, and L+ has
//            that one alone.
//   P?U+L*   the run of U, where nothing in it is in L. What follows it is not in L, or the first would have matched.
// P may be a mark, which is in U and L too: the first alternative then comes to nothing only without its P.
const char* PreTokenizer::CutLetters() const {
  constexpr uint16_t kU = kUpper | kOtherLetter | kMark, kBoth = kOtherLetter | kMark, kL = kLower | kBoth;
  const Character first = At(at_);
  const bool prefix = (first.bits & (kLetter | kNumber | kNewline)) == 0;
  const char* begin = prefix ? at_ + first.bytes : at_;
  const char* at = begin;
  const char* behind_both = nullptr;  // behind the last character of the run of U that is in L too
  while (at != end_) {
    const Character c = At(at);
    if ((c.bits & kU) == 0) {
      if ((c.bits & kL) != 0) return Run(at, end_, kL);
      break;
    }
    at += c.bytes;
    if ((c.bits & kBoth) != 0) behind_both = at;
  }
  if (behind_both != nullptr) return behind_both;
  if ((first.bits & kMark) != 0) return begin;  // without its P: U* takes the mark and gives it back to L+
  return at == begin ? at_ : at;
}

}  // namespace verdigris::verify
