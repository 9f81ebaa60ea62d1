// Documents of a corpus, read again from their inputs to be shown.
#pragma once

#include <string>

#include "tools/judgement.h"
#include "verify/corpus/input.h"
#include "verify/corpus/result_files.h"
#include "verify/report/corpus_page.h"

namespace verdigris::tools {

// The one input at a path that a run lists. kNotFound with the reason where there is none.
Result<verify::Input> InputAt(const std::string& path, const verify::ListOptions& options);

class CorpusTexts {
 public:
  // `unit_list`: units.jsonl of the run. `base`: the folder that its URIs are relative to; empty: none.
  CorpusTexts(std::string unit_list, std::string base) : unit_list_(std::move(unit_list)), base_(std::move(base)) {}

  // The document of a row. The input is read up to it: from the start of its unit, or of the file where it is compressed.
  // Errors   kMismatch where what stands there is no longer what was tested; kNotFound, kNotSupported with the reason.
  Result<std::string> Read(const verify::DocumentResult& row) const;

 private:
  std::string unit_list_, base_;
};

// The same with its tokens under the keys that the row was found with.
Result<verify::Snippet> ReadSnippet(const CorpusTexts& texts, const Judge& judge, const verify::DocumentResult& row);

}  // namespace verdigris::tools
