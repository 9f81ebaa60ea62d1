// Tested by tests/cli/report_snippet.sh and tests/cli/report_dolma.sh.
#include "tools/corpus_texts.h"

#include <algorithm>
#include <optional>

#include "tools/scan_options.h"
#include "verify/content.h"
#include "verify/corpus/batch_scan.h"
#include "verify/corpus/reader.h"
#include "verify/corpus/scan_directory.h"
#include "verify/corpus/unit.h"
#include "verify/file.h"
#include "verify/variants.h"

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

verify::ListOptions RunToRead::OptionsFor(const verify::Unit& unit) const {
  verify::ListOptions options = reading;
  options.format = verify::ParseFormat(unit.format);
  options.base.clear();
  return options;
}

Result<RunToRead> OpenRunToRead(const std::string& folder, const std::string& base, const verify::CorpusSummary& summary) {
  VERDIGRIS_ASSIGN_OR_RETURN(const auto run, verify::ReadRun(folder));
  if (!run) return Fail(ErrorKind::kNotFound, folder + ": no " + std::string(verify::kRunFile) + " is there");
  if (Hex(verify::RunDigest(*run)) != summary.run) return Fail(ErrorKind::kMismatch, folder + ": is another run than that of the results");
  VERDIGRIS_ASSIGN_OR_RETURN(verify::ListOptions reading, ReadingOfRun(folder, *run));
  const std::string root = base.empty() ? reading.base : base;
  return RunToRead{*run, std::move(reading), folder, root};
}

Result<CorpusTexts::Document> CorpusTexts::Read(const verify::DocumentResult& row) const {
  if (row.uri == "-") return Fail(ErrorKind::kNotSupported, "was read from a pipe, and cannot be read again");
  VERDIGRIS_ASSIGN_OR_RETURN(const verify::ListedInput listed, FindInput(run_.folder + "/" + std::string(verify::kUnitListFile), row.uri));
  const verify::ListOptions options = run_.OptionsFor(listed.unit);
  VERDIGRIS_ASSIGN_OR_RETURN(const verify::Input input, InputAt(run_.PathOf(row.uri), options));
  VERDIGRIS_ASSIGN_OR_RETURN(const auto reader, verify::OpenReader(input, options.read, row.segment, row.segment + 1));
  verify::Record record;
  for (uint64_t ordinal = 0;; ++ordinal) {
    VERDIGRIS_ASSIGN_OR_RETURN(const bool more, reader->Next(record));
    if (!more) return Fail(ErrorKind::kMismatch, "the input ends before this document: it has changed since it was tested");
    if (ordinal == row.ordinal) break;
  }
  verify::RecordBatch batch;
  if (record.kind == verify::RecordKind::kText || record.kind == verify::RecordKind::kIds) batch.Add(record, row.ordinal, "", run_.run.max_doc_bytes);
  Document document;
  if (row.part < batch.items().size()) {
    const verify::RecordBatch::Item& part = batch.items()[row.part];
    document.is_text = part.is_text;
    if (part.is_text) {
      document.text = batch.text(part);
    } else {
      document.ids.assign(batch.ids(part).begin(), batch.ids(part).end());
    }
    const std::string digest = Hex(document.is_text ? Sha256(AsBytes(document.text)) : Sha256(verify::BytesOfIds(document.ids)));
    if (part.size == row.length && digest.substr(0, row.text.size()) == row.text) return document;
  }
  return Fail(ErrorKind::kMismatch, "what stands there is not the document that was tested: the input has changed");
}

namespace {

Result<verify::Snippet> TokensOf(const CorpusTexts::Document& document, const Judge& judge, const std::string& variant) {
  verify::Snippet snippet;
  if (!document.is_text) {
    for (const uint32_t id : document.ids) {
      if (!snippet.document.empty()) snippet.document += ' ';
      const auto begin = static_cast<uint32_t>(snippet.document.size());
      snippet.document += std::to_string(id);
      snippet.tokens.push_back({id, begin, static_cast<uint32_t>(snippet.document.size())});
    }
    return snippet;
  }
  if (judge.tokenizer == nullptr) return Fail(ErrorKind::kMismatch, "is a text, and the run reads ids");
  snippet.document = document.text;
  verify::Scratch scratch;
  if (variant == verify::kAsIs) {
    VERDIGRIS_RETURN_IF_ERROR(judge.tokenizer->Encode(snippet.document, scratch, snippet.tokens));
    return snippet;
  }
  VERDIGRIS_ASSIGN_OR_RETURN(const auto normaliser, verify::Normaliser::Create(verify::kTextNormaliser));
  VERDIGRIS_ASSIGN_OR_RETURN(const bool changed, verify::EncodeNormalised(normaliser, *judge.tokenizer, snippet.document, scratch, snippet.tokens));
  if (!changed) return Fail(ErrorKind::kMismatch, "found in the normalised text, and its text is normalised as it is");
  return snippet;
}

}  // namespace

Result<verify::Snippet> ReadSnippet(const CorpusTexts& texts, const Judge& judge, const verify::DocumentResult& row) {
  VERDIGRIS_ASSIGN_OR_RETURN(const CorpusTexts::Document document, texts.Read(row));
  VERDIGRIS_ASSIGN_OR_RETURN(verify::Snippet snippet, TokensOf(document, judge, row.variant));
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
