// Tested by tests/cli/report_snippet.sh.
#include "tools/corpus_texts.h"

#include <algorithm>
#include <optional>

#include "verify/corpus/reader.h"
#include "verify/corpus/unit.h"
#include "verify/file.h"

namespace verdigris::tools {
namespace {

constexpr size_t kMaxListLine = size_t{1} << 20;

Result<verify::ListedInput> FindInput(const std::string& unit_list, const std::string& uri) {
  VERDIGRIS_ASSIGN_OR_RETURN(verify::LineReader lines, verify::LineReader::Open(unit_list, kMaxListLine));
  bool head = true;
  for (std::string_view line;; head = false) {
    VERDIGRIS_ASSIGN_OR_RETURN(const bool more, lines.Next(line));
    if (!more) return Fail(ErrorKind::kMismatch, unit_list + ": does not list this input");
    if (head) continue;
    auto input = verify::ParseListedInput(line);
    if (!input) return InFile(lines.Place(), input.error());
    if (input->unit.uri == uri) return input;
  }
}

class OneInput : public verify::InputSink {
 public:
  bool OnInput(verify::Input input) override {
    found = std::move(input);
    return false;
  }
  bool OnFailure(verify::InputFailure failure) override {
    reason = std::move(failure.text);
    return false;
  }
  std::optional<verify::Input> found;
  std::string reason;
};

}  // namespace

Result<verify::Input> InputAt(const std::string& path, const verify::ListOptions& options) {
  OneInput sink;
  VERDIGRIS_RETURN_IF_ERROR(verify::ListInputs({&path, 1}, "", options, sink));
  if (!sink.found) return Fail(ErrorKind::kNotFound, sink.reason.empty() ? "the input is not there" : sink.reason);
  return std::move(*sink.found);
}

Result<std::string> CorpusTexts::Read(const verify::DocumentResult& row) const {
  if (row.part > 0) return Fail(ErrorKind::kNotSupported, "only the first part of a document that was cut is shown");
  VERDIGRIS_ASSIGN_OR_RETURN(const verify::ListedInput listed, FindInput(unit_list_, row.uri));
  verify::ListOptions options;
  options.format = verify::ParseFormat(listed.unit.format);
  options.read.unit_bytes = listed.unit.unit_bytes;
  if (!listed.unit.path.empty()) options.read.text_field = listed.unit.path;
  const std::string path = base_.empty() || row.uri.starts_with("/") ? row.uri : base_ + "/" + row.uri;
  VERDIGRIS_ASSIGN_OR_RETURN(const verify::Input input, InputAt(path, options));
  VERDIGRIS_ASSIGN_OR_RETURN(const auto reader, verify::OpenReader(input, options.read, row.segment, row.segment + 1));
  verify::Record record;
  for (uint64_t ordinal = 0;; ++ordinal) {
    VERDIGRIS_ASSIGN_OR_RETURN(const bool more, reader->Next(record));
    if (!more) return Fail(ErrorKind::kMismatch, "the input ends before this document: it has changed since it was tested");
    if (ordinal < row.ordinal) continue;
    if (record.kind == verify::RecordKind::kIds) return Fail(ErrorKind::kNotSupported, "a document of token ids has no text to show");
    std::string text(record.text.substr(0, row.length));
    if (record.kind != verify::RecordKind::kText || Hex(Sha256(AsBytes(text))).substr(0, row.text.size()) != row.text) {
      return Fail(ErrorKind::kMismatch, "what stands there is not the document that was tested: the input has changed");
    }
    return text;
  }
}

Result<verify::Snippet> ReadSnippet(const CorpusTexts& texts, const Judge& judge, const verify::DocumentResult& row) {
  if (row.variant != "as-is") return Fail(ErrorKind::kNotSupported, "found in the normalised text, whose tokens are not those of the text as it is");
  verify::Snippet snippet;
  VERDIGRIS_ASSIGN_OR_RETURN(snippet.document, texts.Read(row));
  verify::Scratch scratch;
  VERDIGRIS_RETURN_IF_ERROR(judge.tokenizer->Encode(snippet.document, scratch, snippet.tokens));
  std::vector<uint32_t> ids;
  ids.reserve(snippet.tokens.size());
  for (const verify::Token& token : snippet.tokens) ids.push_back(token.id);
  std::vector<std::vector<verify::TokenState>> traces;
  VERDIGRIS_ASSIGN_OR_RETURN(const auto findings, verify::JudgeText(judge.keys, ids, judge.options, &traces));
  for (size_t i = 0; i < findings.size(); ++i) {
    std::vector<std::string> kids;
    for (const verify::LayerResult& layer : findings[i].layers) kids.push_back(layer.kid);
    std::sort(kids.begin(), kids.end());
    if (kids != row.kids) continue;
    snippet.states = std::move(traces[i]);
    snippet.law = findings[i].law;
    return snippet;
  }
  return Fail(ErrorKind::kMismatch, "found with another key than those given");
}

}  // namespace verdigris::tools
