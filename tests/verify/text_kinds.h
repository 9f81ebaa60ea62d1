// Nine kinds of text, made from a seed, as unlike each other in repetition as real ones: prose, code, JSON, licences, logs,
// tables, and text in Chinese, Arabic and Devanagari script. And ids for them, by a tokenizer that needs no file.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace verdigris::testing {

inline constexpr std::array<std::string_view, 9> kTextKinds = {"prose", "code", "json", "licences", "logs", "tables", "cjk", "arabic", "indic"};

class TextMaker {
 public:
  explicit TextMaker(uint64_t seed) : random_(seed) {}

  // A document of about `bytes` bytes.
  std::string Make(std::string_view kind, size_t bytes) {
    std::string text;
    while (text.size() < bytes) {
      if (kind == "prose") Prose(text);
      if (kind == "code") Code(text);
      if (kind == "json") Object(text);
      if (kind == "licences") Clause(text);
      if (kind == "logs") LogLine(text);
      if (kind == "tables") TableRow(text);
      if (kind == "cjk") Letters(text, 0x4E00, 1500, 1, 4, "\xE3\x80\x82");
      if (kind == "arabic") Letters(text, 0x0627, 36, 2, 7, " ");
      if (kind == "indic") Letters(text, 0x0905, 60, 2, 6, " ");
    }
    return text;
  }

 private:
  uint64_t Below(uint64_t n) { return random_() % n; }
  // Small numbers far more often than large ones, as words go.
  uint64_t Often(uint64_t n) {
    const double u = static_cast<double>(random_() >> 11) * 0x1p-53;
    return static_cast<uint64_t>(static_cast<double>(n) * u * u * u);
  }
  // The same word for the same number, in every document.
  static std::string Word(uint64_t number) {
    static constexpr std::string_view kStart[] = {"b", "st", "m", "r", "tr", "l", "ch", "d", "s", "fl", "k", "w"};
    static constexpr std::string_view kMiddle[] = {"a", "e", "i", "o", "u", "ea", "oo"};
    static constexpr std::string_view kEnd[] = {"n", "t", "rd", "ll", "s", "ck", "m", "nd", "g", "sh"};
    std::string word;
    for (++number; number > 0; number /= 840) {
      word += kStart[number % 12];
      word += kMiddle[number / 12 % 7];
      word += kEnd[number / 84 % 10];
    }
    return word;
  }
  std::string Digits(size_t count) {
    std::string digits;
    for (size_t i = 0; i < count; ++i) digits += static_cast<char>('0' + Below(10));
    return digits;
  }

  void Prose(std::string& text) {
    const size_t words = 5 + Below(14);
    for (size_t i = 0; i < words; ++i) text += (i ? " " : "") + (i % 3 == 1 ? std::string(i % 2 ? "the" : "of") : Word(Often(4000)));
    text += ". ";
  }
  void Code(std::string& text) {
    const std::string name = Word(Often(300)), other = Word(Often(300));
    switch (Below(4)) {
      case 0: text += "  for (size_t i = 0; i < " + name + ".size(); ++i) {\n    " + other + " += " + name + "[i];\n  }\n"; break;
      case 1: text += "  if (" + name + " == nullptr) {\n    return " + other + ";\n  }\n"; break;
      case 2: text += "  const auto " + name + " = " + other + "(" + Digits(1 + Below(3)) + ");\n"; break;
      default: text += "}\n\nint " + name + "(int " + other + ") {\n"; break;
    }
  }
  void Object(std::string& text) {
    text += "{\"id\": " + Digits(6) + ", \"name\": \"" + Word(Often(2000)) + "\", \"tags\": [\"" + Word(Often(50)) + "\", \"" + Word(Often(50)) +
            "\"], \"active\": " + (Below(2) ? "true" : "false") + ", \"score\": 0." + Digits(3) + "},\n";
  }
  void Clause(std::string& text) {
    // A dozen clauses, word for word, with a name here and there.
    const uint64_t clause = Below(12);
    for (uint64_t i = 0; i < 40; ++i) text += Word(1000 + (clause * 40 + i * 7919) % 700) + " ";
    text += Word(Often(3000)) + ".\n";
  }
  void LogLine(std::string& text) {
    static constexpr std::string_view kLevels[] = {"INFO", "INFO", "INFO", "WARN", "ERROR"};
    text += "2027-01-" + Digits(2) + "T" + Digits(2) + ":" + Digits(2) + ":" + Digits(2) + "Z " + std::string(kLevels[Below(5)]) + " " +
            Word(Often(20)) + "[" + Digits(4) + "]: request " + Digits(5) + " to /" + Word(Often(100)) + " took " + Digits(3) + " ms\n";
  }
  void TableRow(std::string& text) {
    text += Word(Often(200));
    for (int column = 0; column < 6; ++column) text += " | " + Digits(1 + Below(3)) + "." + Digits(1);
    text += " |\n";
  }
  void Letters(std::string& text, uint32_t first, uint64_t letters, uint64_t least, uint64_t most, std::string_view gap) {
    for (uint64_t left = least + Below(most - least + 1); left > 0; --left) {
      const uint32_t point = first + static_cast<uint32_t>(Often(letters));
      if (point >= 0x800) text += static_cast<char>(0xE0 | point >> 12);
      text += static_cast<char>(point >= 0x800 ? 0x80 | (point >> 6 & 63) : 0xC0 | point >> 6);
      text += static_cast<char>(0x80 | (point & 63));
    }
    text += gap;
  }

  std::mt19937_64 random_;
};

// Pieces: up to four ASCII letters, or one other character. An id for each new piece, from 3 on.
class PieceIds {
 public:
  std::vector<uint32_t> Encode(std::string_view text) {
    std::vector<uint32_t> ids;
    while (!text.empty()) {
      size_t length = 0;
      const auto letter = [&](size_t i) { return i < text.size() && ((text[i] >= 'a' && text[i] <= 'z') || (text[i] >= 'A' && text[i] <= 'Z')); };
      while (length < 4 && letter(length)) ++length;
      if (length == 0) {
        for (length = 1; length < text.size() && (static_cast<unsigned char>(text[length]) & 0xC0) == 0x80;) ++length;
      }
      ids.push_back(ids_.try_emplace(std::string(text.substr(0, length)), 3 + static_cast<uint32_t>(ids_.size())).first->second);
      text.remove_prefix(length);
    }
    return ids;
  }
  uint32_t vocab() const { return 3 + static_cast<uint32_t>(ids_.size()); }

 private:
  std::map<std::string, uint32_t> ids_;
};

}  // namespace verdigris::testing
