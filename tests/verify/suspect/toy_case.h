// Investigations of toy models: a tokenizer of one character an id, prompts, answers in files, a directory.
#pragma once

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include <doctest/doctest.h>

#include "tests/temporary_folder.h"
#include "tests/test_keys.h"
#include "tests/verify/suspect/toy_world.h"
#include "verify/suspect/verdict.h"

namespace verdigris::testing {

// Id 3 is 'a', 4 is 'b', ...; every other byte is id 0, which is special.
class ToyTokenizer : public verify::Tokenizer {
 public:
  static char Letter(uint32_t id) { return "abcdefghijklmnopqrstuvwxyz012"[id - ToyModel::kFirstId]; }
  static std::string Text(std::span<const uint32_t> ids) {
    std::string text;
    for (const uint32_t id : ids) text += Letter(id);
    return text;
  }

  Result<void> Encode(std::string_view document, verify::Scratch&, std::vector<verify::Token>& out) const override {
    out.clear();
    for (uint32_t i = 0; i < document.size(); ++i) {
      const std::string_view letters = "abcdefghijklmnopqrstuvwxyz012";
      const size_t at = letters.find(document[i]);
      out.push_back({at == letters.npos ? 0 : static_cast<uint32_t>(at) + ToyModel::kFirstId, i, i + 1});
    }
    return {};
  }
  Result<void> Decode(std::span<const uint32_t> ids, std::string& out) const override {
    out = Text(ids);
    return {};
  }
  uint32_t vocab() const override { return ToyModel::kVocab; }
  std::array<uint8_t, 32> digest() const override { return {}; }
  std::span<const IdRange> special_ids() const override { return {&kSpecial, 1}; }
  std::string_view kind() const override { return "toy"; }

 private:
  static constexpr IdRange kSpecial{0, ToyModel::kFirstId - 1};
};

// An answer with the distribution from which each id was drawn.
struct ToyAnswer {
  std::vector<uint32_t> ids;
  std::vector<std::vector<std::pair<uint32_t, double>>> lists;  // empty at the first two
};
// `mix`: share of the marked distribution in that of the suspect; 0 is an unmarked model.
inline ToyAnswer AnswerOf(const ToyModel& model, const Marker* marker, double mix, size_t length, std::mt19937_64& random) {
  ToyAnswer answer;
  std::vector<float> row;
  while (answer.ids.size() < length) {
    auto& list = answer.lists.emplace_back();
    const size_t t = answer.ids.size();
    if (t < 2) {
      answer.ids.push_back(ToyModel::kFirstId + static_cast<uint32_t>(random() % (ToyModel::kVocab - ToyModel::kFirstId)));
      continue;
    }
    const auto ln_p = model.After(answer.ids[t - 2], answer.ids[t - 1]);
    row.assign(ln_p.begin(), ln_p.end());
    double sum = 0;
    if (mix > 0) {
      // As a student would, after every window, repeated or not.
      const std::vector<uint32_t> window = {answer.ids[t - 2], answer.ids[t - 1]};
      if (!marker->Mark(window, Repeat::kFind, Mode::kDistribution, {LogitType::kF32, row.data(), row.size()})) std::abort();
      for (const float logit : row) sum += std::exp(static_cast<double>(logit));
      for (uint32_t id = 0; id < row.size(); ++id) row[id] = static_cast<float>(std::log((1 - mix) * std::exp(ln_p[id]) + mix * std::exp(row[id]) / sum));
    }
    for (uint32_t id = ToyModel::kFirstId; id < row.size(); ++id) list.emplace_back(id, std::min(0.0, static_cast<double>(row[id])));
    answer.ids.push_back(Draw(row, random));
  }
  return answer;
}

inline std::string LineOf(const std::string& id, const ToyAnswer& answer, bool lists, const std::string& model = "") {
  nlohmann::json line = {{"id", id}, {"output", answer.ids}};
  if (!model.empty()) line["model"] = model;
  if (lists) line["lists"] = answer.lists;
  return line.dump() + "\n";
}

// A reference that is a toy model.
inline verify::ReferenceModel ToyReference(const ToyModel& model) {
  return [&model](const verify::OneRecord& record) -> Result<verify::Lists> {
    verify::Lists lists;
    for (size_t t = 0; t < record.output.size(); ++t) {
      lists.Add(t < 2 ? std::vector<verify::ListEntry>() : model.ListAfter(record.output[t - 2], record.output[t - 1]));
    }
    return lists;
  };
}

}  // namespace verdigris::testing
