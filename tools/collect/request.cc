// Tested by tests/tools/collect_test.py.
#include "tools/collect/request.h"

#include <nlohmann/json.hpp>

#include "watermark/context.h"
#include "watermark/json.h"

namespace verdigris::tools {
namespace {

using verify::Api;

bool StartsInCharacter(std::string_view text, size_t at) { return at < text.size() && (static_cast<uint8_t>(text[at]) & 0xC0) == 0x80; }

}  // namespace

std::string RequestUrl(const verify::InvestigationContent& content) {
  return content.suspect.url + (content.suspect.api == Api::kChat ? "/v1/chat/completions" : "/v1/completions");
}

std::string RequestBody(const verify::InvestigationContent& content, std::string_view text) {
  const auto& sampling = content.sampling;
  nlohmann::ordered_json json = {{"model", content.suspect.model}};
  if (content.suspect.api == Api::kChat) {
    json["messages"] = nlohmann::ordered_json::array();
    if (!sampling.system.empty()) json["messages"].push_back({{"role", "system"}, {"content", sampling.system}});
    json["messages"].push_back({{"role", "user"}, {"content", std::string(text)}});
  } else {
    json["prompt"] = std::string(text);
  }
  json["max_tokens"] = sampling.max_tokens;
  json["temperature"] = static_cast<double>(sampling.temperature_milli) / 1000;
  json["top_p"] = static_cast<double>(sampling.top_p_milli) / 1000;
  if (sampling.lists > 0 && content.suspect.api == Api::kChat) {
    json["logprobs"] = true;
    json["top_logprobs"] = sampling.lists;
  } else if (sampling.lists > 0) {
    json["logprobs"] = sampling.lists;
  }
  if (sampling.echo) json["echo"] = true;
  return json.dump();
}

TaskList::TaskList(const verify::InvestigationContent& content, const verify::Prompts& prompts, const Profile& profile, const verify::Tokenizer& tokenizer)
    : content_(content), prompts_(prompts), profile_(profile), tokenizer_(tokenizer), by_position_(content.reading() && !content.sampling.echo),
      prompt_tokens_(prompts.size(), 0) {
  for (const verify::Prompt& prompt : prompts.all()) total_ += by_position_ ? prompt.text.size() : content.sampling.answers;
}

Result<std::vector<uint32_t>> TaskList::Ids(std::string_view text) {
  VERDIGRIS_RETURN_IF_ERROR(tokenizer_.Encode(text, scratch_, tokens_));
  std::vector<uint32_t> ids;
  ids.reserve(tokens_.size());
  for (const verify::Token& token : tokens_) ids.push_back(token.id);
  return ids;
}

Result<uint64_t> TaskList::SystemTokens() {
  if (!system_tokens_) {
    VERDIGRIS_ASSIGN_OR_RETURN(const auto ids, Ids(content_.sampling.system));
    system_tokens_ = ids.size();
  }
  return *system_tokens_;
}

Result<uint64_t> TaskList::PromptTokens(const verify::Prompt& prompt, uint64_t number) {
  VERDIGRIS_ASSIGN_OR_RETURN(const uint64_t system_tokens, SystemTokens());
  if (by_position_) return number + system_tokens;
  uint64_t& known = prompt_tokens_[static_cast<size_t>(&prompt - prompts_.all().data())];
  if (known == 0) {
    VERDIGRIS_ASSIGN_OR_RETURN(const auto ids, Ids(prompt.text));
    known = 1 + ids.size();
  }
  return known - 1 + system_tokens;
}

// Ids and places of the text at prompt_.
Result<void> TaskList::OpenText() {
  const std::string& text = prompts_.all()[prompt_].text;
  VERDIGRIS_ASSIGN_OR_RETURN(ids_, Ids(text));
  std::vector<PositionState> states;
  ClassifyPositions(ids_, profile_.window(), profile_.special_ids(), Rule::kTuple, states);
  places_.clear();
  for (size_t i = 0; i < ids_.size(); ++i) {
    // Of tokens that are bytes of one character only the first starts where the bytes before it end.
    const bool starts = !StartsInCharacter(text, tokens_[i].begin) && (i == 0 || tokens_[i].begin > tokens_[i - 1].begin);
    if (states[i] == PositionState::kEligible && starts) places_.push_back({i, tokens_[i].begin});
  }
  return {};
}

Result<std::optional<Task>> TaskList::Next(const std::unordered_set<std::string>& stored) {
  while (by_position_ ? prompt_ < prompts_.size() : number_ < content_.sampling.answers) {
    const verify::Prompt& prompt = prompts_.all()[prompt_];
    Place place{};
    Task task;
    if (by_position_) {
      if (!text_open_) {
        VERDIGRIS_RETURN_IF_ERROR(OpenText());
        text_open_ = true;
      }
      if (number_ == places_.size()) {
        ++prompt_;
        number_ = 0;
        text_open_ = false;
        continue;
      }
      place = places_[number_++];
      task.id = prompt.id + "#" + std::to_string(place.position);
    } else {
      task.id = prompt.id + "#" + std::to_string(number_);
      if (++prompt_ == prompts_.size()) {
        prompt_ = 0;
        ++number_;
      }
    }
    if (stored.contains(task.id)) continue;
    task.prompt = &prompt;
    VERDIGRIS_ASSIGN_OR_RETURN(task.prompt_tokens, PromptTokens(prompt, by_position_ ? place.position : 0));
    std::string_view shown = prompt.text;
    if (by_position_) {
      shown = shown.substr(0, place.begin);
      task.read = {ids_[place.position]};
      task.answer_tokens = 1;
    } else {
      task.answer_tokens = content_.sampling.max_tokens;
      if (content_.sampling.echo) {
        VERDIGRIS_ASSIGN_OR_RETURN(task.read, Ids(prompt.text));
        task.answer_tokens = task.read.size();
      }
    }
    task.body = RequestBody(content_, shown);
    return std::optional<Task>(std::move(task));
  }
  return std::optional<Task>();
}

}  // namespace verdigris::tools
