// How much editing a mark survives: answers of the pocket model under every scheme, edited as text, tokenized again and
// judged by the fixed, the located and the anytime test at 1e-6.
//
//   ninja -C build/release experiments && build/release/tests/robustness_experiment [texts] > robustness.csv
//   tests/experiments/robustness/plot.py robustness.csv robustness.svg
//
// One line an edit and level: share of texts detected by each test, and the median number of scored tokens at which the
// anytime test stops (empty where fewer than half of the texts stop).
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "tests/experiments/keyed_pocket.h"
#include "verify/law.h"
#include "verify/martingale.h"

using namespace verdigris;
using namespace verdigris::testing;
using namespace verdigris::verify;

namespace {

constexpr size_t kTokens = 400;
constexpr double kLog10Alpha = -6;

using Random = std::mt19937_64;
using Words = std::vector<std::string>;

bool Chance(Random& random, double p) { return static_cast<double>(random() >> 11) * 0x1p-53 < p; }

Words SplitWords(const std::string& text) {
  Words words;
  std::string word;
  for (const char c : text) {
    if (c != ' ') {
      word += c;
    } else if (!word.empty()) {
      words.push_back(std::move(word));
      word.clear();
    }
  }
  if (!word.empty()) words.push_back(std::move(word));
  return words;
}

std::string Join(const Words& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

// Where a sentence ends, the period with it.
std::vector<std::string> SplitSentences(const std::string& text) {
  std::vector<std::string> sentences;
  std::string sentence;
  for (const std::string& word : SplitWords(text)) {
    sentence += (sentence.empty() ? "" : " ") + word;
    if (word.find_last_of(".!?") == word.size() - 1) {
      sentences.push_back(std::move(sentence));
      sentence.clear();
    }
  }
  if (!sentence.empty()) sentences.push_back(std::move(sentence));
  return sentences;
}

// An edited text at level r in [0,1); `other` is unmarked text to take words and passages from.
using Edit = std::function<std::string(const std::string& text, const Words& other, double r, Random& random)>;

std::string Substitute(const std::string& text, const Words& other, double r, Random& random) {
  Words words = SplitWords(text);
  for (std::string& word : words) {
    if (Chance(random, r)) word = other[random() % other.size()];
  }
  return Join(words);
}

std::string Delete(const std::string& text, const Words&, double r, Random& random) {
  Words kept;
  for (const std::string& word : SplitWords(text)) {
    if (!Chance(random, r)) kept.push_back(word);
  }
  return Join(kept);
}

std::string Insert(const std::string& text, const Words& other, double r, Random& random) {
  Words words;
  for (const std::string& word : SplitWords(text)) {
    words.push_back(word);
    if (Chance(random, r)) words.push_back(other[random() % other.size()]);
  }
  return Join(words);
}

// A share r of the sentences change places with one another.
std::string Reorder(const std::string& text, const Words&, double r, Random& random) {
  auto sentences = SplitSentences(text);
  std::vector<size_t> chosen;
  for (size_t i = 0; i < sentences.size(); ++i) {
    if (Chance(random, r)) chosen.push_back(i);
  }
  for (size_t i = chosen.size(); i > 1; --i) std::swap(sentences[chosen[i - 1]], sentences[chosen[random() % i]]);
  return Join(sentences);
}

// The marked text whole, after r / (1 - r) times as much unmarked text.
std::string Dilute(const std::string& text, const Words& other, double r, Random& random) {
  const Words words = SplitWords(text);
  const auto before = static_cast<size_t>(static_cast<double>(words.size()) * r / (1 - r));
  Words all;
  for (size_t i = 0, start = random() % other.size(); i < before; ++i) all.push_back(other[(start + i) % other.size()]);
  all.insert(all.end(), words.begin(), words.end());
  return Join(all);
}

// Three pieces of the marked text between unmarked ones, as long as the marked text together; a share r is unmarked.
std::string Paste(const std::string& text, const Words& other, double r, Random& random) {
  const Words words = SplitWords(text);
  const size_t piece = static_cast<size_t>(static_cast<double>(words.size()) * (1 - r) / 3);
  const size_t gap = words.size() / 3 - piece;
  Words all;
  for (size_t i = 0; i < 3; ++i) {
    const size_t start = random() % other.size(), from = i * words.size() / 3;
    for (size_t k = 0; k < gap; ++k) all.push_back(other[(start + k) % other.size()]);
    all.insert(all.end(), words.begin() + static_cast<ptrdiff_t>(from), words.begin() + static_cast<ptrdiff_t>(from + piece));
  }
  return Join(all);
}

std::string CaseAndPunctuation(const std::string& text, const Words&, double r, Random& random) {
  Words words = SplitWords(text);
  for (std::string& word : words) {
    if (!Chance(random, r)) continue;
    std::string changed;
    for (const char c : word) {
      if (std::ispunct(static_cast<unsigned char>(c))) continue;
      changed += static_cast<char>(std::islower(static_cast<unsigned char>(c)) ? std::toupper(c) : std::tolower(c));
    }
    word = changed;
  }
  return Join(words);
}

// A letter of the word becomes its Cyrillic double, or a zero-width space comes in.
std::string Unicode(const std::string& text, const Words&, double r, Random& random) {
  Words words = SplitWords(text);
  for (std::string& word : words) {
    if (!Chance(random, r)) continue;
    static constexpr std::pair<char, const char*> kDoubles[] = {{'a', "а"}, {'e', "е"}, {'o', "о"}, {'c', "с"}, {'p', "р"}, {'x', "х"}};
    bool done = false;
    for (size_t i = 0; i < word.size() && !done; ++i) {
      for (const auto& [letter, twin] : kDoubles) {
        if (word[i] != letter || done) continue;
        word.replace(i, 1, twin);
        done = true;
      }
    }
    if (!done) word.insert(word.size() / 2, "\xE2\x80\x8B");
  }
  return Join(words);
}

struct Named {
  const char* name;
  Edit edit;
};

// Scored tokens at which 1/max M reaches alpha; 0 where it never does.
uint64_t StoppingLength(const NullLaw& law, const std::vector<TokenState>& trace) {
  RunningMaximum running(law);
  for (const TokenState& state : trace) {
    if (state.kind != TokenState::Kind::kScored) continue;
    running.Push(state.score);
    if (Detects(0 - running.log10_max(), kLog10Alpha)) return running.n();
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const size_t texts = argc > 1 ? static_cast<size_t>(std::atoi(argv[1])) : 50;
  const PocketWorld world = LoadPocketWorld();
  Words other;
  for (uint64_t seed = 0; seed < 20; ++seed) {
    for (std::string& word : SplitWords(TextOf(world, WritePocketText(world, nullptr, kTokens, 1'000'000 + seed).ids))) other.push_back(std::move(word));
  }
  const Named edits[] = {{"substitution", Substitute}, {"deletion", Delete},   {"insertion", Insert},
                         {"reordering", Reorder},      {"dilution", Dilute},   {"pasting", Paste},
                         {"case", CaseAndPunctuation}, {"unicode", Unicode}};
  std::puts("scheme,edit,level,texts,scored,fixed,located,anytime,stop");
  for (const Scheme* scheme : Schemes()) {
    const Profile profile = PocketProfile(world, *scheme);
    std::vector<KeyedPocket> keyed;
    std::vector<std::string> answers;
    for (uint32_t seed = 0; seed < texts; ++seed) {
      keyed.push_back(KeyedPocketOf(profile, "robustness", seed));
      answers.push_back(TextOf(world, WritePocketText(world, &keyed.back().marker, kTokens, seed).ids));
    }
    for (const Named& edit : edits) {
      for (int level = 0; level <= 6; ++level) {
        size_t fixed = 0, located = 0, anytime = 0;
        double scored = 0;
        std::vector<uint64_t> stops;
        for (size_t i = 0; i < texts; ++i) {
          Random random(i * 7 + static_cast<uint64_t>(level));
          std::vector<std::vector<TokenState>> traces;
          const auto ids = IdsOf(world, edit.edit(answers[i], other, level / 10.0, random));
          const Finding finding = Must(JudgeText(keyed[i].keys, ids, {}, &traces)).front();
          fixed += Detects(finding.log10_p, kLog10Alpha);
          located += Detects(finding.localized->log10_p, kLog10Alpha);
          anytime += Detects(finding.log10_p_anytime, kLog10Alpha);
          scored += static_cast<double>(finding.n);
          if (const uint64_t stop = StoppingLength(finding.law, traces.front()); stop != 0) stops.push_back(stop);
        }
        std::sort(stops.begin(), stops.end());
        const double n = static_cast<double>(texts);
        std::printf("%s,%s,%.1f,%zu,%.0f,%.3f,%.3f,%.3f,%s\n", std::string(scheme->name).c_str(), edit.name, level / 10.0, texts, scored / n,
                    static_cast<double>(fixed) / n, static_cast<double>(located) / n, static_cast<double>(anytime) / n,
                    stops.size() > (texts - 1) / 2 ? std::to_string(stops[(texts - 1) / 2]).c_str() : "");
        std::fflush(stdout);
      }
    }
  }
}
