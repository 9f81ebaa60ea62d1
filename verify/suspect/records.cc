// Lines are read one after another; what takes time, parsing bodies and asking references, is done for some 256 of them at
// once by several threads, and each hands on its records in the order of the lines.
//
// Tested by tests/verify/suspect/records_test.cc.
#include "verify/suspect/records.h"

#include <algorithm>
#include <atomic>
#include <cassert>
#include <map>
#include <new>
#include <system_error>
#include <thread>
#include <unordered_map>

#include "verify/file.h"
#include "verify/suspect/answer_file.h"

namespace verdigris::verify {
namespace {

constexpr size_t kBatch = 256;
constexpr uint64_t kLeastReference = kProbabilityOne >> 9;  // where there is no list of the suspect's
constexpr size_t kWhole = std::numeric_limits<size_t>::max();

Unexpected In(const std::string& place, const Error& error) { return Fail(error.kind, place + ": " + error.message); }

Result<std::vector<uint32_t>> IdsOf(const Tokenizer& tokenizer, std::string_view text, Scratch& scratch, std::vector<Token>& tokens) {
  VERDIGRIS_RETURN_IF_ERROR(tokenizer.Encode(text, scratch, tokens));
  std::vector<uint32_t> ids;
  ids.reserve(tokens.size());
  for (const Token& token : tokens) ids.push_back(token.id);
  return ids;
}

// How lists are to be taken: of an answer the token that was sampled brings its own probability, of a given text never.
struct ListRule {
  size_t k = kWhole;
  bool reading = false;
};

// Lists at the provider's tokens `tokens` of `text` from those at the suspect's own.
Result<Lists> AlignAnswer(const PieceMap& pieces, const Tokenizer& tokenizer, std::string_view text, std::span<const Token> tokens,
                          std::span<const ResponsePosition> positions, ListRule rule, RecordTallies& tallies) {
  const auto starts = TokenStarts(text, positions);
  std::unordered_map<size_t, size_t> at;  // the last position that starts at a byte
  for (size_t i = 0; i < positions.size(); ++i) {
    if (starts[i]) at[*starts[i]] = i;
  }
  std::vector<bool> stable(tokens.size(), true);
  if (rule.reading) {
    // Whether a boundary of the whole text would stand without what follows can be known for the provider's tokenizer alone.
    bool same = true;
    for (size_t t = 0; t < tokens.size(); ++t) {
      const size_t end = t + 1 < tokens.size() ? tokens[t + 1].begin : text.size();
      const auto found = at.find(tokens[t].begin);
      same = same && found != at.end() && starts[found->second + 1] == end;
    }
    if (same) {
      VERDIGRIS_ASSIGN_OR_RETURN(stable, StableBoundaries(tokenizer, text, tokens));
    } else {
      stable.assign(tokens.size(), false);
    }
  }
  Lists lists;
  for (size_t t = 0; t < tokens.size(); ++t) {
    const auto found = at.find(tokens[t].begin);
    AlignedList aligned;
    if (!stable[t]) {
      ++tallies.unstable;
    } else if (found == at.end()) {
      ++tallies.unaligned;
    } else if (const ResponsePosition& position = positions[found->second]; position.fault != ListFault::kNone) {
      ++tallies.faults[static_cast<size_t>(position.fault)];
    } else {
      aligned = AlignTopK(pieces, position, rule.k, rule.reading ? nullptr : &position.token);
      tallies.shared_sum += aligned.shared;
      ++(aligned.entries.empty() ? tallies.too_little_shared : tallies.listed);
    }
    lists.Add(aligned.entries);
  }
  return lists;
}

// The lists of a line of a file.
Result<Lists> ListsOf(const ElsewhereAnswer& answer, const PieceMap& pieces, const Tokenizer& tokenizer, std::span<const uint32_t> output,
                      std::span<const Token> tokens, ListRule rule, RecordTallies& tallies) {
  if (!answer.positions.empty()) return AlignAnswer(pieces, tokenizer, answer.text, tokens, answer.positions, rule, tallies);
  Lists lists;
  for (size_t t = 0; t < output.size(); ++t) {
    std::vector<ListEntry> kept;
    if (t < answer.id_lists.size()) kept = KeepTopK(answer.id_lists[t], rule.k, rule.reading ? std::nullopt : std::optional(output[t]));
    if (kept.empty()) {
      ++tallies.faults[static_cast<size_t>(ListFault::kAbsent)];
    } else {
      ++tallies.listed;
      tallies.shared_sum += 1;
    }
    lists.Add(kept);
  }
  return lists;
}

void Add(RecordTallies& to, const RecordTallies& from) {
  for (size_t i = 0; i < to.faults.size(); ++i) to.faults[i] += from.faults[i];
  to.listed += from.listed;
  to.unaligned += from.unaligned;
  to.too_little_shared += from.too_little_shared;
  to.unstable += from.unstable;
  to.shared_sum += from.shared_sum;
  to.other_prompt += from.other_prompt;
}

struct Line {
  std::optional<Answer> answer;  // of answers.jsonl
  std::string text;              // of a file from elsewhere
  std::string place;
};

struct Prepared {
  std::optional<OneRecord> record;
  // Of a text that is read position by position: the list at record->number.
  std::optional<std::vector<ListEntry>> prediction;
  std::string model;
  Digest digest{};
  RecordTallies tallies;
};

class Reader {
 public:
  explicit Reader(const RecordInputs& inputs) : in_(inputs), content_(inputs.files->investigation.content()) {
    rule_.reading = content_.reading();
    // Of files that come from elsewhere the plan may take whole lists.
    const bool whole = content_.suspect.kind == SuspectKind::kFiles && content_.sampling.lists == 0;
    rule_.k = whole ? kWhole : content_.sampling.lists;
    by_position_ = content_.reading() && !content_.sampling.echo && inputs.elsewhere.empty();
  }

  Result<Prepared> Prepare(const Line& line) const {
    auto prepared = line.answer ? FromAnswer(*line.answer) : FromElsewhere(line.text);
    if (!prepared) return In(line.place, prepared.error());
    if (prepared->record && !by_position_) {
      if (auto done = AskReferences(*prepared->record); !done) return In(line.place, done.error());
    }
    return prepared;
  }

  Result<void> AskReferences(OneRecord& record) const {
    for (size_t k = 0; k < in_.references.size(); ++k) {
      VERDIGRIS_ASSIGN_OR_RETURN(const Lists given, in_.references[k](record));
      if (given.size() != record.output.size()) return Fail(ErrorKind::kInternal, "a reference gave another number of lists");
      Lists& kept = record.references[k];
      std::vector<ListEntry> list;
      for (size_t t = 0; t < given.size(); ++t) {
        list.assign(given[t].begin(), given[t].end());
        if (!record.suspect) std::erase_if(list, [&](const ListEntry& entry) { return entry.probability < kLeastReference && entry.id != record.output[t]; });
        kept.Add(list);
      }
    }
    return {};
  }

  // A text whose predictions came position by position.
  Result<OneRecord> TextOf(uint32_t prompt) const {
    const Prompt& text = in_.files->prompts.all()[prompt];
    Scratch scratch;
    std::vector<Token> tokens;
    OneRecord record{text.id, prompt, 0, {}, {}, Lists(), {}};
    VERDIGRIS_ASSIGN_OR_RETURN(record.shown, IdsOf(*in_.tokenizer, content_.sampling.system, scratch, tokens));
    VERDIGRIS_ASSIGN_OR_RETURN(record.output, IdsOf(*in_.tokenizer, text.text, scratch, tokens));
    return record;
  }

 private:
  Result<OneRecord> Start(std::string_view id, const Prompt& prompt, Scratch& scratch) const {
    OneRecord record;
    record.id = id;
    record.prompt = static_cast<uint32_t>(&prompt - in_.files->prompts.all().data());
    std::vector<Token> tokens;
    VERDIGRIS_ASSIGN_OR_RETURN(record.shown, IdsOf(*in_.tokenizer, content_.sampling.system, scratch, tokens));
    if (rule_.reading) return record;
    VERDIGRIS_ASSIGN_OR_RETURN(const auto ids, IdsOf(*in_.tokenizer, prompt.text, scratch, tokens));
    record.shown.insert(record.shown.end(), ids.begin(), ids.end());
    return record;
  }

  Result<const Prompt*> PromptOf(std::string_view id) const {
    const Prompt* prompt = in_.files->prompts.Find(id);
    if (prompt == nullptr) return Fail(ErrorKind::kMismatch, "the answer is to a prompt that prompts.jsonl does not have");
    return prompt;
  }

  Result<Prepared> FromAnswer(const Answer& answer) const {
    Prepared prepared;
    if (!EntersEvidence(answer.answer_class)) return prepared;
    VERDIGRIS_ASSIGN_OR_RETURN(const Prompt* prompt, PromptOf(answer.prompt_id()));
    if (Sha256(AsBytes(prompt->text)) != answer.prompt_sha256) {
      ++prepared.tallies.other_prompt;
      return prepared;
    }
    Scratch scratch;
    std::vector<Token> tokens;
    VERDIGRIS_ASSIGN_OR_RETURN(OneRecord record, Start(answer.id, *prompt, scratch));
    record.number = static_cast<uint32_t>(answer.number());
    prepared.model = answer.model;
    const std::string& text = rule_.reading ? prompt->text : answer.text;
    VERDIGRIS_ASSIGN_OR_RETURN(record.output, IdsOf(*in_.tokenizer, text, scratch, tokens));
    const bool same = by_position_ ? answer.ids.size() == 1 && record.number < record.output.size() && record.output[record.number] == answer.ids[0]
                                   : record.output == answer.ids;
    if (!same) return Fail(ErrorKind::kMismatch, "ids are not those that the tokenizer makes of the text");
    if (rule_.k != 0) {
      VERDIGRIS_ASSIGN_OR_RETURN(const std::string body, ReadFileRange(in_.files->Path("raw.bin"), answer.raw_offset, answer.raw_length));
      VERDIGRIS_ASSIGN_OR_RETURN(const Response response, ParseResponse(body, content_.suspect.api));
      prepared.tallies.faults[static_cast<size_t>(ListFault::kUnequal)] += response.faults[static_cast<size_t>(ListFault::kUnequal)];
      if (by_position_) {
        Prediction(response, prepared);
      } else {
        VERDIGRIS_ASSIGN_OR_RETURN(record.suspect, AlignAnswer(*in_.pieces, *in_.tokenizer, text, tokens, response.positions, rule_, prepared.tallies));
      }
    }
    prepared.record = std::move(record);
    return prepared;
  }

  // What the suspect predicted behind the bytes before a token.
  void Prediction(const Response& response, Prepared& prepared) const {
    RecordTallies& tallies = prepared.tallies;
    prepared.prediction.emplace();
    if (response.positions.empty() || response.positions[0].fault != ListFault::kNone) {
      ++tallies.faults[static_cast<size_t>(response.positions.empty() ? ListFault::kAbsent : response.positions[0].fault)];
      return;
    }
    AlignedList aligned = AlignTopK(*in_.pieces, response.positions[0], rule_.k, nullptr);
    tallies.shared_sum += aligned.shared;
    ++(aligned.entries.empty() ? tallies.too_little_shared : tallies.listed);
    prepared.prediction = std::move(aligned.entries);
  }

  Result<Prepared> FromElsewhere(const std::string& line) const {
    Prepared prepared;
    VERDIGRIS_ASSIGN_OR_RETURN(const ElsewhereAnswer answer, ParseElsewhereAnswer(line));
    const RecordId id = *ParseRecordId(answer.id);
    VERDIGRIS_ASSIGN_OR_RETURN(const Prompt* prompt, PromptOf(id.prompt));
    Scratch scratch;
    std::vector<Token> tokens;
    VERDIGRIS_ASSIGN_OR_RETURN(OneRecord record, Start(answer.id, *prompt, scratch));
    record.number = id.number;
    if (answer.prompt) record.shown = *answer.prompt;
    prepared.model = answer.model;
    if (answer.output) {
      record.output = *answer.output;
    } else {
      VERDIGRIS_ASSIGN_OR_RETURN(record.output, IdsOf(*in_.tokenizer, answer.text, scratch, tokens));
    }
    if (rule_.reading) {
      std::vector<Token> ignored;
      VERDIGRIS_ASSIGN_OR_RETURN(const auto planned, IdsOf(*in_.tokenizer, prompt->text, scratch, ignored));
      if (record.output != planned || record.number != 0) return Fail(ErrorKind::kMismatch, "what was read is not the text of the prompt");
    }
    if (rule_.k != 0 && (answer.has_lists || content_.sampling.lists > 0)) {
      VERDIGRIS_ASSIGN_OR_RETURN(record.suspect, ListsOf(answer, *in_.pieces, *in_.tokenizer, record.output, tokens, rule_, prepared.tallies));
    }
    prepared.digest = Sha256(AsBytes(line));
    prepared.record = std::move(record);
    return prepared;
  }

  const RecordInputs& in_;
  const InvestigationContent& content_;
  ListRule rule_;
  bool by_position_ = false;
};

// Calls `work(i)` for i below `count` on several threads, and returns the error of the smallest i.
Result<void> InParallel(size_t count, size_t threads, const std::function<Result<void>(size_t)>& work) {
  std::vector<Result<void>> done(count);
  std::atomic<size_t> next{0};
  const auto part = [&] {
    for (size_t i; (i = next++) < count;) {
      try {
        done[i] = work(i);
      } catch (const std::bad_alloc&) {
        done[i] = Fail(ErrorKind::kNoMemory, "out of memory");
      }
    }
  };
  {
    std::vector<std::jthread> others;
    others.reserve(threads);
    try {
      while (others.size() + 1 < std::min(threads, count)) others.emplace_back(part);
    } catch (const std::system_error&) {  // the system gives no more; those that run do it all
    }
    part();
  }
  for (const Result<void>& each : done) VERDIGRIS_RETURN_IF_ERROR(each);
  return {};
}

// The lines of all files, up to the limit.
Result<void> ForEachLine(const RecordInputs& inputs, const std::function<Result<void>(Line)>& each) {
  uint64_t lines = 0;
  if (inputs.elsewhere.empty()) {
    const std::string path = inputs.files->Path("answers.jsonl");
    // Its reader cannot stop early, and what lies behind the limit costs little.
    return ForEachAnswer(path, [&](const Answer& answer) -> Result<void> {
      if (lines >= inputs.lines) return {};
      ++lines;
      return each({answer, {}, path + ":" + std::to_string(lines)});
    });
  }
  for (const std::string& path : inputs.elsewhere) {
    VERDIGRIS_ASSIGN_OR_RETURN(LineReader reader, LineReader::Open(path, kMaxAnswerLineBytes));
    for (std::string_view line; lines < inputs.lines; ++lines) {
      VERDIGRIS_ASSIGN_OR_RETURN(const bool more, reader.Next(line));
      if (!more) break;
      VERDIGRIS_RETURN_IF_ERROR(each({std::nullopt, std::string(line), reader.Place()}));
    }
  }
  return {};
}

}  // namespace

SuspectRecord OneRecord::View(size_t references_used) const {
  SuspectRecord view{shown, output, suspect ? &*suspect : nullptr, {}};
  for (size_t k = 0; k < references_used; ++k) view.references[k] = &references[k];
  return view;
}

Result<RecordTallies> ForEachRecord(const RecordInputs& inputs, const std::function<Result<void>(const OneRecord&)>& each) {
  assert(inputs.references.size() <= kMaxReferences);
  const Reader reader(inputs);
  RecordTallies tallies;
  std::map<std::string, Digest, std::less<>> met;                        // of files from elsewhere
  std::map<uint32_t, std::map<uint32_t, std::vector<ListEntry>>> texts;  // read position by position
  std::map<std::string, uint64_t> models;
  std::vector<Line> batch;

  const auto flush = [&]() -> Result<void> {
    std::vector<Prepared> prepared(batch.size());
    VERDIGRIS_RETURN_IF_ERROR(InParallel(batch.size(), inputs.threads, [&](size_t i) -> Result<void> {
      VERDIGRIS_ASSIGN_OR_RETURN(prepared[i], reader.Prepare(batch[i]));
      return {};
    }));
    for (size_t i = 0; i < batch.size(); ++i) {
      ++tallies.lines;
      if (batch[i].answer) ++tallies.classes[static_cast<size_t>(batch[i].answer->answer_class)];
      if (!prepared[i].record) {
        Add(tallies, prepared[i].tallies);
        continue;
      }
      const OneRecord& record = *prepared[i].record;
      if (!batch[i].answer) {
        const auto [place, fresh] = met.emplace(record.id, prepared[i].digest);
        if (!fresh && place->second != prepared[i].digest) return Fail(ErrorKind::kInternal, batch[i].place + ": an id of two contents");
        if (!fresh) {
          ++tallies.again;
          continue;
        }
      }
      Add(tallies, prepared[i].tallies);
      if (!prepared[i].model.empty()) ++models[prepared[i].model];
      ++tallies.answers;
      if (prepared[i].prediction) {
        ++tallies.tokens;
        texts[record.prompt][record.number] = std::move(*prepared[i].prediction);
        continue;
      }
      tallies.tokens += record.output.size();
      if (record.suspect) {
        bool any = false;
        for (size_t t = 0; t < record.suspect->size() && !any; ++t) any = !(*record.suspect)[t].empty();
        if (!any) ++tallies.without_lists;
      }
      VERDIGRIS_RETURN_IF_ERROR(each(record));
    }
    batch.clear();
    return {};
  };

  VERDIGRIS_RETURN_IF_ERROR(ForEachLine(inputs, [&](Line line) -> Result<void> {
    batch.push_back(std::move(line));
    return batch.size() == kBatch ? flush() : Result<void>();
  }));
  VERDIGRIS_RETURN_IF_ERROR(flush());
  // The model is the one that was asked for; of files the one that most answers name.
  const std::string& asked = inputs.files->investigation->suspect.model;
  uint64_t of_model = 0;
  for (const auto& [model, count] : models) {
    tallies.other_model += count;
    if (asked.empty() ? count > of_model : model == asked) of_model = count;
  }
  tallies.other_model -= of_model;

  std::vector<uint32_t> read;
  read.reserve(texts.size());
  for (const auto& [prompt, lists] : texts) read.push_back(prompt);
  for (size_t start = 0; start < read.size(); start += kBatch) {
    const size_t count = std::min(kBatch, read.size() - start);
    std::vector<OneRecord> records(count);
    VERDIGRIS_RETURN_IF_ERROR(InParallel(count, inputs.threads, [&](size_t i) -> Result<void> {
      VERDIGRIS_ASSIGN_OR_RETURN(records[i], reader.TextOf(read[start + i]));
      const auto& lists = texts.at(read[start + i]);
      for (uint32_t t = 0; t < records[i].output.size(); ++t) {
        const auto at = lists.find(t);
        records[i].suspect->Add(at == lists.end() ? std::vector<ListEntry>() : at->second);
      }
      return reader.AskReferences(records[i]);
    }));
    for (const OneRecord& record : records) VERDIGRIS_RETURN_IF_ERROR(each(record));
  }
  return tallies;
}

Result<LookLines> FindLooks(const RecordInputs& inputs, const std::vector<uint64_t>& sizes) {
  LookLines looks;
  Scratch scratch;
  std::vector<Token> tokens;
  VERDIGRIS_RETURN_IF_ERROR(ForEachLine(inputs, [&](const Line& line) -> Result<void> {
    ++looks.lines;
    if (line.answer) {
      looks.tokens += EvidenceTokens(*line.answer);
    } else {
      auto answer = ParseElsewhereAnswer(line.text);
      if (!answer) return In(line.place, answer.error());
      if (!answer->output) {
        if (auto encoded = inputs.tokenizer->Encode(answer->text, scratch, tokens); !encoded) return encoded;
      }
      looks.tokens += answer->output ? answer->output->size() : tokens.size();
    }
    while (looks.reached.size() < sizes.size() && looks.tokens >= sizes[looks.reached.size()]) looks.reached.push_back({sizes[looks.reached.size()], looks.lines});
    return {};
  }));
  return looks;
}

Result<ReferenceModel> ReferenceFromFiles(const std::vector<std::string>& paths, const Prompts& prompts, const Tokenizer& tokenizer,
                                          const PieceMap& pieces) {
  struct Place {
    size_t file;
    uint64_t offset, length;
  };
  struct Index {
    std::vector<std::string> paths;
    std::map<Digest, Place> places;
  };
  const auto index = std::make_shared<Index>();
  index->paths = paths;
  const auto digest_of = [](uint64_t prompt, std::span<const uint32_t> output) {
    std::vector<uint8_t> bytes;
    const auto put = [&](uint64_t value) {
      for (int i = 0; i < 8; ++i) bytes.push_back(static_cast<uint8_t>(value >> 8 * i));
    };
    put(prompt);
    for (const uint32_t id : output) put(id);
    return Sha256(bytes);
  };
  for (size_t file = 0; file < paths.size(); ++file) {
    VERDIGRIS_ASSIGN_OR_RETURN(LineReader reader, LineReader::Open(paths[file], kMaxAnswerLineBytes));
    Scratch scratch;
    std::vector<Token> tokens;
    uint64_t offset = 0;
    for (std::string_view line;;) {
      VERDIGRIS_ASSIGN_OR_RETURN(const bool more, reader.Next(line));
      if (!more) break;
      auto answer = ParseElsewhereAnswer(line);
      if (!answer) return In(reader.Place(), answer.error());
      if (!answer->has_lists) return Fail(ErrorKind::kMalformed, reader.Place() + ": has no lists");
      const Prompt* prompt = prompts.Find(ParseRecordId(answer->id)->prompt);
      if (prompt != nullptr) {
        std::vector<uint32_t> output;
        if (answer->output) {
          output = *answer->output;
        } else {
          VERDIGRIS_ASSIGN_OR_RETURN(output, IdsOf(tokenizer, answer->text, scratch, tokens));
        }
        index->places.emplace(digest_of(static_cast<uint64_t>(prompt - prompts.all().data()), output), Place{file, offset, line.size()});
      }
      offset += line.size() + 1;
    }
  }
  return ReferenceModel([index, digest_of, &tokenizer, &pieces](const OneRecord& record) -> Result<Lists> {
    const auto at = index->places.find(digest_of(record.prompt, record.output));
    if (at == index->places.end()) return Fail(ErrorKind::kMismatch, index->paths.front() + " has no lists for this answer");
    VERDIGRIS_ASSIGN_OR_RETURN(const std::string line, ReadFileRange(index->paths[at->second.file], at->second.offset, at->second.length));
    VERDIGRIS_ASSIGN_OR_RETURN(const ElsewhereAnswer answer, ParseElsewhereAnswer(line));
    Scratch scratch;
    std::vector<Token> tokens;
    if (!answer.output) VERDIGRIS_RETURN_IF_ERROR(tokenizer.Encode(answer.text, scratch, tokens));
    RecordTallies ignored;
    return ListsOf(answer, pieces, tokenizer, record.output, tokens, {kWhole, false}, ignored);
  });
}

}  // namespace verdigris::verify
