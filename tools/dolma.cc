// Attributes as https://github.com/allenai/dolma describes them (docs/data-format.md): a file of the same name as the one with
// the documents, in the same order. Tested by tests/cli/report_dolma.sh.
#include "tools/dolma.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <memory>
#include <optional>
#include <vector>

#include <zlib.h>

#include "tools/corpus_texts.h"
#include "verify/corpus/batch_scan.h"
#include "verify/corpus/reader.h"
#include "verify/corpus/scan_directory.h"
#include "verify/corpus/unit.h"
#include "verify/corpus/unit_file.h"
#include "verify/file.h"
#include "watermark/json.h"

namespace verdigris::tools {
namespace {

using verify::DocumentResult;

constexpr std::string_view kInputsFile = "inputs.jsonl";

// A file that is there only when it is whole.
class GzipFile {
 public:
  static Result<GzipFile> Create(const std::string& path) {
    VERDIGRIS_ASSIGN_OR_RETURN(verify::AtomicFile file, verify::AtomicFile::Create(path));
    return GzipFile(std::move(file));
  }
  void Write(std::string_view bytes) { Deflate(bytes, Z_NO_FLUSH); }
  Result<void> Commit() {
    Deflate("", Z_FINISH);
    return file_.Commit();
  }

 private:
  struct End {
    void operator()(z_stream* stream) const {
      deflateEnd(stream);
      delete stream;
    }
  };
  static constexpr int kGzip = 15 + 16;

  explicit GzipFile(verify::AtomicFile file) : file_(std::move(file)), stream_(new z_stream{}) {
    if (deflateInit2(stream_.get(), Z_DEFAULT_COMPRESSION, Z_DEFLATED, kGzip, 8, Z_DEFAULT_STRATEGY) != Z_OK) throw std::bad_alloc();
  }
  void Deflate(std::string_view bytes, int flush) {
    stream_->next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    stream_->avail_in = static_cast<uInt>(bytes.size());  // lines of some KiB
    Bytef out[16384];
    do {
      stream_->next_out = out;
      stream_->avail_out = sizeof out;
      deflate(stream_.get(), flush);
      file_.Write({reinterpret_cast<const char*>(out), sizeof out - stream_->avail_out});
    } while (stream_->avail_out == 0);
  }

  verify::AtomicFile file_;
  std::unique_ptr<z_stream, End> stream_;
};

// The name itself where every part of it is harmless, so that Dolma finds the attributes of a file of documents; else a digest:
// an input's name never chooses where a file of ours lies.
std::string FileOf(const std::string& uri) {
  bool harmless = true;
  char before = '/';
  for (const char c : uri) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    harmless = harmless && (letter || (before != '/' && (c == '.' || c == '-' || c == '/')));
    before = c;
  }
  const std::string name = harmless && before != '/' && uri.size() < 200 ? uri : Hex(Sha256(AsBytes(uri))).substr(0, 32);
  return name.ends_with(".jsonl.gz") || name.ends_with(".json.gz") ? name : name + ".attributes.jsonl.gz";
}

std::string Number(double value) {
  char text[32];
  return {text, std::to_chars(text, text + sizeof text, value).ptr};
}

// Characters of a text as Python counts them once ill-formed bytes are replaced.
uint64_t Characters(std::string_view text) {
  uint64_t count = 0;
  for (; !text.empty(); ++count) text.remove_prefix(std::max<size_t>(1, Utf8SequenceLength(text)));
  return count;
}

// The rows of the results, which come in the order in which documents are read again.
class Rows {
 public:
  explicit Rows(verify::ResultReader<DocumentResult> reader) : reader_(std::move(reader)) {}
  Result<const DocumentResult*> Peek() {
    if (!ready_ && !ended_) {
      VERDIGRIS_ASSIGN_OR_RETURN(const bool more, reader_.Next(row_));
      ready_ = more;
      ended_ = !more;
    }
    return ready_ ? &row_ : nullptr;
  }
  void Take() { ready_ = false; }

 private:
  verify::ResultReader<DocumentResult> reader_;
  DocumentResult row_;
  bool ready_ = false, ended_ = false;
};

Result<void> NotTested(const DocumentResult& row) {
  return Fail(ErrorKind::kMismatch, row.uri + ": what stands at record " + std::to_string(row.ordinal) + " of segment " + std::to_string(row.segment) +
                                        " is not the document that was tested: the input has changed");
}

// Lists of one record, by test.
struct Attributes {
  explicit Attributes(size_t tests) : lists(tests) {}
  std::vector<std::string> lists;
  std::string Line(std::string_view id) const {
    std::string out = R"({"attributes":{)";
    for (size_t i = 0; i < lists.size(); ++i) {
      out += (i > 0 ? R"(,"verdigris__)" : R"("verdigris__)") + std::to_string(i) + R"(__log10_p":[)" + lists[i] + "]";
    }
    return out + R"(},"id":)" + WriteJson(verify::ClipText(id, id.size() * 3)) + "}\n";
  }
};

class Writer {
 public:
  Writer(Rows rows, size_t tests, const RunToRead& run) : rows_(std::move(rows)), tests_(tests), run_(run) {}

  Result<void> Input(const verify::ListedInput& listed, GzipFile& out) {
    const std::string path = run_.PathOf(listed.unit.uri);
    const verify::ListOptions options = run_.OptionsFor(listed.unit);
    const auto input = InputAt(path, options);
    if (!input) return InFile(path, input.error());
    if (input->size != listed.unit.size) return Fail(ErrorKind::kMismatch, path + ": the input has changed since it was tested");
    VERDIGRIS_ASSIGN_OR_RETURN(const auto reader, verify::OpenReader(*input, options.read, 0, verify::kNoEnd));
    verify::Record record;
    uint64_t segment = 0;
    for (uint64_t ordinal = 0;; ++ordinal) {
      VERDIGRIS_ASSIGN_OR_RETURN(const bool more, reader->Next(record));
      if (!more) break;
      if (record.segment != segment) {
        segment = record.segment;
        ordinal = 0;
      }
      Attributes attributes(tests_);
      VERDIGRIS_RETURN_IF_ERROR(Fill(listed.unit.uri, record, ordinal, attributes));
      out.Write(attributes.Line(record.name));
    }
    VERDIGRIS_ASSIGN_OR_RETURN(const DocumentResult* const next, rows_.Peek());
    if (next != nullptr && next->uri == listed.unit.uri) return NotTested(*next);
    return {};
  }
  // After the last input.
  Result<void> Done() {
    VERDIGRIS_ASSIGN_OR_RETURN(const DocumentResult* const next, rows_.Peek());
    if (next != nullptr) return Fail(ErrorKind::kMismatch, next->uri + ": has results, and is not an input of the run");
    return {};
  }

 private:
  Result<void> Fill(const std::string& uri, const verify::Record& record, uint64_t ordinal, Attributes& attributes) {
    batch_.Clear();
    for (;;) {
      VERDIGRIS_ASSIGN_OR_RETURN(const DocumentResult* const row, rows_.Peek());
      if (row == nullptr || row->uri != uri || row->segment != record.segment || row->ordinal != ordinal) return {};
      if (batch_.empty() && (record.kind == verify::RecordKind::kText || record.kind == verify::RecordKind::kIds)) batch_.Add(record, ordinal, "", run_.run.max_doc_bytes);
      if (row->part >= batch_.items().size() || row->test >= tests_) return NotTested(*row);
      const verify::RecordBatch::Item& part = batch_.items()[row->part];
      if (part.size != row->length) return NotTested(*row);
      const std::span<const uint32_t> ids = batch_.ids(part);
      const std::string_view bytes = part.is_text ? batch_.text(part) : std::string_view(reinterpret_cast<const char*>(ids.data()), ids.size_bytes());
      if (Hex(Sha256(AsBytes(bytes))).substr(0, row->text.size()) != row->text) return NotTested(*row);
      uint64_t first = part.begin, end = part.begin + part.size;
      if (part.is_text) {
        first = Characters(record.text.substr(0, part.begin));
        end = first + Characters(batch_.text(part));
      }
      std::string& list = attributes.lists[row->test];
      list += (list.empty() ? "[" : ",[") + std::to_string(first) + "," + std::to_string(end) + "," + Number(row->log10_p) + "]";
      rows_.Take();
    }
  }

  Rows rows_;
  size_t tests_;
  const RunToRead& run_;
  verify::RecordBatch batch_;
};

// An empty folder, made where there is none.
Result<void> MakeFolder(const std::string& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (!error && !std::filesystem::is_empty(folder, error) && !error) return Fail(ErrorKind::kInvalidArgument, folder + ": must be empty or new, since it gets a file for each input");
  if (error) return Fail(ErrorKind::kIo, folder + ": " + error.message());
  return {};
}

}  // namespace

Result<void> WriteDolma(verify::ResultReader<DocumentResult> results, const verify::CorpusSummary& summary, const std::string& run_folder, const std::string& base,
                        const std::string& folder) {
  VERDIGRIS_ASSIGN_OR_RETURN(const RunToRead run, OpenRunToRead(run_folder, base, summary));
  VERDIGRIS_ASSIGN_OR_RETURN(const verify::UnitList list, verify::ReadUnitList(run_folder + "/" + std::string(verify::kUnitListFile)));
  VERDIGRIS_RETURN_IF_ERROR(MakeFolder(folder));
  VERDIGRIS_ASSIGN_OR_RETURN(verify::AtomicFile names, verify::AtomicFile::Create(folder + "/" + std::string(kInputsFile)));
  Writer writer(Rows(std::move(results)), summary.tests.size(), run);
  for (const verify::ListedInput& input : list.inputs) {
    const std::string& uri = input.unit.uri;
    if (uri == "-" || input.unit.size < 0) return Fail(ErrorKind::kNotSupported, uri + ": was read from a pipe, and cannot be read again");
    const std::string file = FileOf(uri), path = folder + "/" + file;
    std::error_code error;
    std::filesystem::create_directories(std::filesystem::path(path).parent_path(), error);
    if (error) return Fail(ErrorKind::kIo, path + ": " + error.message());
    if (std::filesystem::exists(path, error)) return Fail(ErrorKind::kMismatch, path + ": two inputs would share this file");
    VERDIGRIS_ASSIGN_OR_RETURN(GzipFile out, GzipFile::Create(path));
    VERDIGRIS_RETURN_IF_ERROR(writer.Input(input, out));
    VERDIGRIS_RETURN_IF_ERROR(out.Commit());
    names.Write(WriteJson(Json::FromMembers({{"file", file}, {"uri", uri}})) + "\n");
  }
  VERDIGRIS_RETURN_IF_ERROR(writer.Done());
  return names.Commit();
}

}  // namespace verdigris::tools
