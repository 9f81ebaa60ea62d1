// The page of a corpus: whether its p-values are those of unmarked documents, what was found, what the test was worth and what
// could not be read. Rows are handed in as they are read; memory does not grow with them.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "verify/corpus/result_files.h"
#include "verify/judge.h"
#include "verify/report/html.h"
#include "verify/report/smallest.h"
#include "verify/text/tokenizer.h"

namespace verdigris::verify {

// A document read again, to show its tokens.
struct Snippet {
  std::string document;
  std::vector<Token> tokens;
  std::vector<TokenState> states;
  NullLaw law{};
};

class CorpusPage {
 public:
  // `folder`: where the result files are, for people.
  CorpusPage(CorpusSummary summary, std::string folder);

  void Add(const DocumentResult& row);
  void Add(const GroupResult& row);
  void Add(const ErrorResult& row);

  // Once, at the end. Of the `snippets` findings of least p, `read` gives the text; an error stands in its place on the page.
  void Write(size_t snippets, const std::function<Result<Snippet>(const DocumentResult&)>& read, const Sink& out);

  // What the page shows of a million of each stays below 5 MB.
  static constexpr size_t kMostRows = 1000, kMostGroups = 200, kMostErrors = 100, kMostSnippets = 100, kMostTests = 8;

 private:
  void WriteHead(const Sink& out) const;
  void WriteTest(size_t at, const Sink& out) const;
  void WriteFindings(const std::vector<DocumentResult>& rows, size_t snippets, const Sink& out) const;
  void WriteGroups(const Sink& out);
  void WriteErrors(const Sink& out) const;

  CorpusSummary summary_;
  std::string folder_;
  Smallest<DocumentResult> findings_;
  Smallest<GroupResult> groups_;
  std::vector<ErrorResult> errors_;
  uint64_t error_rows_ = 0;
  // Of each test shown: rows with -log10 p in [i/10, (i+1)/10), the last open.
  std::vector<std::vector<uint64_t>> tail_;
};

}  // namespace verdigris::verify
