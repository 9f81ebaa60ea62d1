// From the files of an investigation to records of evidence: answers.jsonl with the bodies of raw.bin, or answers collected
// elsewhere, in the provider's ids, with lists aligned (suspect-models.md M3, M6, M10) and what reference models say at the
// same positions.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "verify/suspect/align.h"
#include "verify/suspect/answers.h"
#include "verify/suspect/evidence.h"
#include "verify/text/tokenizer.h"
#include "watermark/profile.h"
#include "watermark/result.h"

namespace verdigris::verify {

// One answer, or one text that was read, as evidence takes it.
struct OneRecord {
  std::string id;
  uint32_t prompt = 0;                // place in prompts.jsonl
  uint32_t number = 0;                // of the answer
  std::vector<uint32_t> shown;        // ids of what the suspect was given before the output, the system text included
  std::vector<uint32_t> output;
  std::optional<Lists> suspect;       // one list a position of the output, some perhaps empty
  std::array<Lists, kMaxReferences> references;

  uint64_t ordinal() const { return uint64_t{prompt} << 32 | number; }
  SuspectRecord View(size_t references_used) const;
};

// What a reference model gives at each position of a record: probabilities of ids after `shown` and the output so far. As many
// lists as output ids; ids of probability 2^-9 and above, the id that stands there, and those of record.suspect will do.
// Called from several threads.
using ReferenceModel = std::function<Result<Lists>(const OneRecord& record)>;

// Lists in a file (docs/formats/answers_elsewhere.md), found by prompt and output ids. Several files may stand for one model.
// Errors   of opening: those of the reader, kMalformed with the line. Of a call: kMismatch where the record is not there.
// All but the paths must outlive the model.
Result<ReferenceModel> ReferenceFromFiles(const std::vector<std::string>& paths, const Prompts& prompts, const Tokenizer& tokenizer,
                                          const PieceMap& pieces);

struct RecordInputs {
  const InvestigationFiles* files = nullptr;
  const Profile* profile = nullptr;
  const Tokenizer* tokenizer = nullptr;
  const PieceMap* pieces = nullptr;       // of the tokenizer
  std::vector<std::string> elsewhere;     // files of answers; empty: answers.jsonl and raw.bin
  std::vector<ReferenceModel> references;
  uint64_t lines = std::numeric_limits<uint64_t>::max();  // the first so many lines, and no more
  size_t threads = 1;
};

struct RecordTallies {
  std::array<uint64_t, kAnswerClasses> classes{};  // of answers.jsonl
  uint64_t lines = 0, answers = 0, tokens = 0;     // lines read; records and output ids that enter
  uint64_t other_model = 0;                        // records that name another model
  uint64_t again = 0;                              // the same record again, left out
  uint64_t other_prompt = 0;                       // to a text that the prompts no longer have, left out
  uint64_t without_lists = 0;                      // records of which no list could be used
  std::array<uint64_t, kListFaults> faults{};      // of lists, by cause
  uint64_t listed = 0, unaligned = 0, too_little_shared = 0, unstable = 0;  // positions with a list; and why others have none
  double shared_sum = 0;                           // over positions with a list or too little shared

  // Mean shared mass; 1 where there are no lists.
  double coverage() const { return listed + too_little_shared == 0 ? 1 : shared_sum / static_cast<double>(listed + too_little_shared); }
};

// Goes through the records of an investigation. Answers come in the order of their files, texts that were read position by
// position at the end, in the order of their prompts. `each` runs in the caller's thread; the result is the same for any
// number of threads.
// Errors   those of `each`, of the files and of references; kMismatch: an answer to a prompt that is not in the plan,
//          ids that are not those of the text; kInternal: one id with two contents.
// Memory   some 256 records, and all lists of texts that were read position by position.
Result<RecordTallies> ForEachRecord(const RecordInputs& inputs, const std::function<Result<void>(const OneRecord&)>& each);

// The lines of the answers at which each planned size is reached, for as many sizes as are. Also what `collect` counts.
struct LookLine {
  uint64_t tokens;  // planned
  uint64_t lines;
};
struct LookLines {
  std::vector<LookLine> reached;
  uint64_t lines = 0, tokens = 0;  // in all
};
Result<LookLines> FindLooks(const RecordInputs& inputs, const std::vector<uint64_t>& sizes);

}  // namespace verdigris::verify
