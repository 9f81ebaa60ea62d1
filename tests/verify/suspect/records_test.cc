// Records by several threads: in the order of the lines, by as many as the system gives, and with an error where one runs out of
// memory.
#include "verify/suspect/records.h"

#include <fstream>
#include <new>
#include <optional>

#include "tests/no_threads.h"
#include "tests/temporary_folder.h"
#include "tests/verify/suspect/case.h"
#include "tests/watermark/testing.h"
#include "verify/text/sentencepiece.h"

using namespace verdigris;
using namespace verdigris::testing;
using namespace verdigris::verify;

namespace {

constexpr uint32_t kLines = 700;  // more than are prepared at once

struct Setup {
  TemporaryFolder folder;
  std::unique_ptr<Tokenizer> tokenizer = std::move(*LoadSentencePiece(ReadBytes(VERDIGRIS_SOURCE_DIR "/tests/data/tiny_unigram.model")));
  PieceMap pieces = *PieceMap::Of(*tokenizer);
  Case made = MakeCase();
  InvestigationFiles files{folder.path(), made.plan, made.investigation, made.prompts, {}, {}, {}, InvestigationState::kCollected};
  RecordInputs inputs;

  Setup() {
    std::ofstream out(folder / "answers.jsonl");
    for (uint32_t i = 0; i < kLines; ++i) out << "{\"id\":\"p1#" << i << "\",\"output\":[" << i << ",7]}\n";
    inputs.files = &files;
    inputs.tokenizer = tokenizer.get();
    inputs.pieces = &pieces;
    inputs.elsewhere = {folder / "answers.jsonl"};
    inputs.threads = 5;
    inputs.references = {[](const OneRecord& record) -> Result<Lists> {
      Lists lists;
      for (const uint32_t id : record.output) lists.Add(std::vector<ListEntry>{{id, kProbabilityOne}});
      return lists;
    }};
  }
};

void CheckAll(const RecordInputs& inputs) {
  uint32_t next = 0;
  const auto tallies = ForEachRecord(inputs, [&](const OneRecord& record) -> Result<void> {
    CHECK(record.number == next);
    CHECK(record.output == std::vector<uint32_t>{next, 7});
    CHECK(record.references[0][0][0].id == next);
    ++next;
    return {};
  });
  REQUIRE_MESSAGE(tallies, tallies.error().message);
  CHECK(next == kLines);
  CHECK(tallies->answers == kLines);
}

}  // namespace

TEST_CASE("records come in the order of their lines, whatever number of threads there is") {
  Setup setup;
  CheckAll(setup.inputs);
  std::optional<NoThreads> none;
  none.emplace();
  CheckAll(setup.inputs);
  none.reset();
  setup.inputs.threads = 1;
  CheckAll(setup.inputs);
}

TEST_CASE("a thread that runs out of memory is an error, that of the first such line") {
  Setup setup;
  setup.inputs.references = {[](const OneRecord& record) -> Result<Lists> {
    if (record.number == 300) throw std::bad_alloc();
    if (record.number == 301) return Fail(ErrorKind::kIo, "another");
    Lists lists;
    for (size_t t = 0; t < record.output.size(); ++t) lists.Add({});
    return lists;
  }};
  uint32_t count = 0;
  const auto tallies = ForEachRecord(setup.inputs, [&](const OneRecord&) -> Result<void> { return ++count, Result<void>(); });
  REQUIRE(!tallies);
  CHECK(tallies.error().kind == ErrorKind::kNoMemory);
  CHECK(count == 256);
}
