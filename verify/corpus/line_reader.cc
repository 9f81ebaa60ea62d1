// Files of one document (text), of a document a line (lines), and of a JSON object a line (jsonl).
// Tested by tests/verify/corpus/formats_test.cc.
#include <array>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "verify/corpus/json_record.h"
#include "verify/corpus/stream_reader.h"

namespace verdigris::verify {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

class TextReader : public StreamReader {
 public:
  using StreamReader::StreamReader;

 private:
  Result<bool> Skip() override {
    if (!taken_) return true;  // an empty file is a document too
    window_.Drop(window_.view().size());
    return false;
  }

  Result<Step> Take(Record& record, bool wanted) override {
    taken_ = true;
    for (;;) {
      VERDIGRIS_ASSIGN_OR_RETURN(const bool more, window_.More());
      if (!more) break;
      if (!wanted || window_.offset() > 0 || window_.view().size() > options_.max_record_bytes) window_.Drop(window_.view().size());
    }
    if (!window_.fault().empty()) return Step::kCut;
    if (window_.offset() > 0) return Failed(record, "too_long");
    record.text = window_.view();
    return Step::kRecord;
  }

  bool taken_ = false;
};

class LineReader : public StreamReader {
 public:
  using StreamReader::StreamReader;

  // The window begins one byte before the first segment that is read: inside of a line of another segment, or at its end.
  Result<void> PassLine() {
    while (window_.offset() < end_place()) {
      VERDIGRIS_ASSIGN_OR_RETURN(const bool more, window_.Has(1));
      if (!more) return {};
      const size_t feed = window_.view().find('\n');
      window_.Drop(std::min(feed, window_.view().size() - 1) + 1);
      if (feed != std::string_view::npos) return {};
    }
    return {};
  }

 protected:
  // The document of a line, which is not empty.
  virtual Step Fill(Record& record, std::string_view line) {
    record.text = line;
    return Step::kRecord;
  }

 private:
  Result<bool> Skip() override {
    window_.Drop(std::exchange(taken_, 0));
    return window_.Has(1);
  }

  Result<Step> Take(Record& record, bool wanted) override {
    const uint64_t begin = window_.offset();
    VERDIGRIS_ASSIGN_OR_RETURN(std::string_view line, ReadLine());
    taken_ = line.size();
    const bool ended = !line.empty() && line.back() == '\n';
    if (!ended && !window_.fault().empty()) return Step::kCut;
    if (window_.offset() > begin) return Failed(record, "too_long");
    if (ended) line.remove_suffix(1);
    if (ended && !line.empty() && line.back() == '\r') line.remove_suffix(1);
    if (line.size() > options_.max_record_bytes) return Failed(record, "too_long");
    return line.empty() || !wanted ? Step::kNone : Fill(record, line);
  }

  // The line at the window's start, with its end; of one that is too long only what is left when the rest was dropped.
  Result<std::string_view> ReadLine() {
    bool dropped = false;
    for (size_t searched = 0;;) {
      const std::string_view view = window_.view();
      const size_t feed = view.find('\n', searched);
      if (feed != std::string_view::npos) return view.substr(0, feed + 1);
      searched = view.size();
      if (dropped || searched > options_.max_record_bytes + 1) {
        window_.Drop(searched);
        dropped = true;
        searched = 0;
      }
      VERDIGRIS_ASSIGN_OR_RETURN(const bool more, window_.More());
      if (!more) return window_.view();
    }
  }

  size_t taken_ = 0;
};

class JsonlReader : public LineReader {
 public:
  JsonlReader(ByteWindow window, const ReadOptions& options, uint64_t first, uint64_t end)
      : LineReader(std::move(window), options, first, end), ids_(!options.ids_field.empty()) {
    paths_.push_back(ParseJsonPath(ids_ ? options.ids_field : options.text_field));
    if (!options.id_field.empty()) name_ = AddPath(options.id_field);
    if (!options.group_field.empty()) group_ = AddPath(options.group_field);
    found_.resize(paths_.size());
  }

 private:
  size_t AddPath(std::string_view field) {
    paths_.push_back(ParseJsonPath(field));
    return paths_.size() - 1;
  }

  Step Fill(Record& record, std::string_view line) override {
    if (record.offset == 0 && line.starts_with(kByteOrderMark)) line.remove_prefix(kByteOrderMark.size());
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) return Step::kNone;
    if (!FindInJson(line, paths_, found_)) return Failed(record, "json");
    const JsonSpan& content = found_[0];
    if (content.duplicate) return Failed(record, "duplicate_key");
    if (name_ > 0) record.name = Plain(found_[name_].raw, name_text_);
    if (group_ > 0) record.group = Plain(found_[group_].raw, group_text_);
    if (ids_) {
      const JsonIds got = DecodeJsonIds(content.raw, id_values_);
      if (got != JsonIds::kIds) return Failed(record, got == JsonIds::kNotIds ? "no_text" : "id_out_of_range");
      record.kind = RecordKind::kIds;
      record.ids = id_values_;
      return Step::kRecord;
    }
    if (!content.is_string()) return Failed(record, "no_text");
    record.text = DecodeJsonString(content.raw, text_);
    return Step::kRecord;
  }

  // A string, or a number as it stands; nothing of other values.
  static std::string_view Plain(std::string_view raw, std::string& buffer) {
    if (raw.empty() || raw[0] == '{' || raw[0] == '[' || raw[0] == 't' || raw[0] == 'f' || raw[0] == 'n') return {};
    return raw[0] == '"' ? DecodeJsonString(raw, buffer) : raw;
  }

  const bool ids_;
  size_t name_ = 0, group_ = 0;  // places in found_; 0: not asked
  std::vector<JsonPath> paths_;
  std::vector<JsonSpan> found_;
  std::string text_, name_text_, group_text_;
  std::vector<uint32_t> id_values_;
};

}  // namespace

Result<std::unique_ptr<Reader>> OpenTextReader(const Input& input, const ReadOptions& options, uint64_t first, uint64_t end) {
  VERDIGRIS_ASSIGN_OR_RETURN(ByteWindow window, OpenWindow(input, options));
  return std::unique_ptr<Reader>(std::make_unique<TextReader>(std::move(window), options, first, end));
}

Result<std::unique_ptr<Reader>> OpenLineReader(const Input& input, const ReadOptions& options, uint64_t first, uint64_t end) {
  const uint64_t from = input.seekable && first > 0 ? StreamReader::PlaceOf(first, options) - 1 : 0;
  VERDIGRIS_ASSIGN_OR_RETURN(ByteWindow window, OpenWindow(input, options, from));
  std::unique_ptr<LineReader> reader;
  if (input.format == Format::kJsonl) {
    reader = std::make_unique<JsonlReader>(std::move(window), options, first, end);
  } else {
    reader = std::make_unique<LineReader>(std::move(window), options, first, end);
  }
  if (from > 0) VERDIGRIS_RETURN_IF_ERROR(reader->PassLine());
  return std::unique_ptr<Reader>(std::move(reader));
}

}  // namespace verdigris::verify
