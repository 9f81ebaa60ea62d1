// What is asked, and for which line of answers.jsonl: the work of an investigation in its order.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "verify/suspect/investigation.h"
#include "verify/text/tokenizer.h"
#include "watermark/profile.h"
#include "watermark/result.h"

namespace verdigris::tools {

// URL of the investigation's requests.
std::string RequestUrl(const verify::InvestigationContent& content);

// The JSON of one request for `text`: an answer, or the prediction behind it.
std::string RequestBody(const verify::InvestigationContent& content, std::string_view text);

// One request whose reply becomes a line.
struct Task {
  std::string id;
  const verify::Prompt* prompt = nullptr;
  std::string body;            // of the request
  std::vector<uint32_t> read;  // where texts are read: the ids whose predictions it brings
  uint64_t prompt_tokens = 0;  // provider's tokenizer, the system text included
  uint64_t answer_tokens = 0;  // most that it can bring
};

// Goes through what an investigation asks, in order: all prompts for their first answer, then for their second, ...; where
// texts are read, text by text, with echo in one request each, else position by position. Which positions there are follows
// from the text alone: ids of the provider's tokenizer that a window stands before, neither special nor in the middle of a
// character.
class TaskList {
 public:
  // All must outlive the list.
  TaskList(const verify::InvestigationContent& content, const verify::Prompts& prompts, const Profile& profile, const verify::Tokenizer& tokenizer);

  // The next one whose id is not in `stored`; none at the end. Errors: those of the tokenizer.
  Result<std::optional<Task>> Next(const std::unordered_set<std::string>& stored);

  // Tokens that the request for the line `number` of a prompt sends, the system text included.
  Result<uint64_t> PromptTokens(const verify::Prompt& prompt, uint64_t number);
  // Lines in all; of texts that are read position by position an upper bound from their bytes.
  uint64_t total() const { return total_; }

 private:
  Result<void> OpenText();
  Result<uint64_t> SystemTokens();
  Result<std::vector<uint32_t>> Ids(std::string_view text);

  const verify::InvestigationContent& content_;
  const verify::Prompts& prompts_;
  const Profile& profile_;
  const verify::Tokenizer& tokenizer_;
  const bool by_position_;
  verify::Scratch scratch_;
  std::vector<verify::Token> tokens_;
  std::vector<uint64_t> prompt_tokens_;  // 1 + tokens of each prompt; 0: not counted yet
  std::optional<uint64_t> system_tokens_;
  struct Place {
    size_t position;  // of the token
    uint32_t begin;   // of its bytes
  };
  std::vector<Place> places_;  // of the text at prompt_
  std::vector<uint32_t> ids_;
  bool text_open_ = false;
  size_t prompt_ = 0;
  uint64_t number_ = 0;  // of the answer; place in places_
  uint64_t total_ = 0;
};

}  // namespace verdigris::tools
