// Documents of a corpus, read again from their inputs, as the run read them, to be shown.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tools/judgement.h"
#include "verify/corpus/input.h"
#include "verify/corpus/result_files.h"
#include "verify/corpus/run.h"
#include "verify/corpus/unit.h"
#include "verify/report/corpus_page.h"

namespace verdigris::tools {

// The one input at a path that a run lists. kNotFound with the reason where there is none.
Result<verify::Input> InputAt(const std::string& path, const verify::ListOptions& options);

// The run whose inputs are read again.
struct RunToRead {
  verify::RunObject run;
  verify::ListOptions reading;
  std::string folder, root;  // of the run, and that its inputs' names are relative to; empty: none

  std::string PathOf(const std::string& uri) const { return root.empty() || uri.starts_with("/") ? uri : root + "/" + uri; }
  // What reads a listed input as the run read it.
  verify::ListOptions OptionsFor(const verify::Unit& unit) const;
};
// `base`: that folder, if not the one of the run. `summary`: of the results.
// Errors   kNotFound where no run is there; kMismatch where it is not that of the results.
Result<RunToRead> OpenRunToRead(const std::string& folder, const std::string& base, const verify::CorpusSummary& summary);

class CorpusTexts {
 public:
  explicit CorpusTexts(RunToRead run) : run_(std::move(run)) {}
  const RunToRead& run() const { return run_; }

  struct Document {
    bool is_text = true;
    std::string text;
    std::vector<uint32_t> ids;
  };
  // The document of a row. The input is read up to it: from the start of its unit, or of the file where it is compressed.
  // Errors   kMismatch where what stands there is no longer what was tested; kNotFound, kNotSupported with the reason.
  Result<Document> Read(const verify::DocumentResult& row) const;

 private:
  RunToRead run_;
};

// The same with its tokens under the keys and in the variant that the row was found with. Of a document of ids the text is its
// numbers. `judge` may lack the tokenizer where the run reads ids.
Result<verify::Snippet> ReadSnippet(const CorpusTexts& texts, const Judge& judge, const verify::DocumentResult& row);

}  // namespace verdigris::tools
