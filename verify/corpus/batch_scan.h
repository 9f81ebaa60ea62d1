// Documents in batches: the step between a reader, which gives records one by one, and the threads that test them. What a batch
// gives is added up in any order (open_unit.h).
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "verify/corpus/document_scan.h"
#include "verify/corpus/reader.h"
#include "verify/corpus/run.h"
#include "verify/corpus/unit_file.h"
#include "verify/judge_keys.h"
#include "verify/text/tokenizer.h"

namespace verdigris::verify {

// Tokens of a document after the normaliser, with ranges in the document as it is; false where that changes no byte. Any number
// of threads, each with a Scratch of its own. Errors as Tokenizer::Encode.
using NormalisedEncode = std::function<Result<bool>(std::string_view document, Scratch& scratch, std::vector<Token>& out)>;

// What all threads of a scan share. Immutable while it runs.
struct ScanSetup {
  const JudgeKeys* keys = nullptr;
  const RunObject* run = nullptr;
  const Tokenizer* tokenizer = nullptr;   // null where ids are read
  NormalisedEncode normalised;            // where the run has tests of that variant
  std::optional<size_t> tokenizer_cache;  // bytes of each thread's Scratch; decides no result
  const StopList* stop_list = nullptr;

  // Of each test of the keys: its places among the tests of the run, as it is and normalised.
  struct Places {
    size_t as_is = 0;
    std::optional<size_t> normalised;
  };
  std::vector<Places> places;
  // Of the layers of each test of the keys; null where the run holds no tuples or a layer is not used.
  std::vector<std::array<std::shared_ptr<const Fingerprinter>, 2>> fingerprinters;
};

// The tests of a run: each of the keys', times the variants, in the order of C4.
std::vector<RunTest> TestsOf(const JudgeKeys& keys, bool normalised);
// Their places. Precondition: run.tests = TestsOf(keys, ..).
std::vector<ScanSetup::Places> PlacesOf(const JudgeKeys& keys, const RunObject& run);

// Consecutive documents of one unit, copied from their reader.
class RecordBatch {
 public:
  struct Item {
    uint64_t ordinal, offset;
    uint32_t part;
    bool is_text;
    size_t begin, size;  // in bytes() or ids()
    size_t name, name_size, group, group_size;  // in strings()
  };

  void Clear();
  // A record of text or ids, text in parts of at most `max_doc_bytes`; `group`: the name of its group.
  void Add(const Record& record, uint64_t ordinal, std::string_view group, uint64_t max_doc_bytes);
  bool empty() const { return items_.empty(); }
  bool full() const { return text_.size() >= kFullBytes || ids_.size() >= kFullIds || items_.size() >= kFullItems; }

  const std::vector<Item>& items() const { return items_; }
  std::string_view text(const Item& item) const { return std::string_view(text_).substr(item.begin, item.size); }
  std::span<const uint32_t> ids(const Item& item) const { return std::span(ids_).subspan(item.begin, item.size); }
  std::string_view name(const Item& item) const { return std::string_view(strings_).substr(item.name, item.name_size); }
  std::string_view group(const Item& item) const { return std::string_view(strings_).substr(item.group, item.group_size); }

 private:
  // Some milliseconds of work: little waiting at the end of a unit, and little between a signal and the end.
  static constexpr size_t kFullBytes = size_t{256} << 10, kFullIds = size_t{64} << 10, kFullItems = 4096;

  std::string text_, strings_;
  std::vector<uint32_t> ids_;
  std::vector<Item> items_;
};

// Where a text of more than `most` bytes is cut: at the last character that begins at or before `most`, at least 1; where the
// bytes are no UTF-8, at `most`. Precondition: most >= 4.
size_t CutBefore(std::string_view text, size_t most);

struct BatchResult {
  UnitCounts counts;                 // of tests: tested, untested, parts, tokens, text_bytes, invalid_utf8, ids_above_vocab
  uint64_t hits = 0;                 // documents and tests with p <= tau, by what each document has itself
  std::vector<UnitResult> results;   // by tests of the run
  std::vector<DocRow> rows;          // in order
  struct GroupTuples {               // of one document under one test
    size_t item, test, begin, end;   // in `tuples`
  };
  std::vector<GroupTuples> groups;
  std::vector<SampledTuple> tuples;
};

// One thread's.
class BatchScanner {
 public:
  explicit BatchScanner(const ScanSetup& setup);

  // Hears of the ids of each item as it is, before they are tested.
  using OnIds = std::function<Result<void>(size_t item, std::span<const uint32_t> ids)>;
  // Replaces `result`. Errors: none that a document causes; those of `on_ids`, which may be empty.
  Result<void> Scan(const RecordBatch& batch, BatchResult& result, const OnIds& on_ids = {});

 private:
  // The ids in ids_ under the tests of one variant; whether any was long enough.
  Result<bool> ScanVariant(const RecordBatch& batch, size_t item, bool normalised, BatchResult& result);

  const ScanSetup& setup_;
  DocumentScanner scanner_;
  Scratch scratch_;
  std::vector<Token> tokens_;
  std::vector<uint32_t> ids_;
};

}  // namespace verdigris::verify
