// CSV and TSV with the quoting of RFC 4180: a field that begins with a quote ends with one, and may hold delimiters, line ends and
// doubled quotes. A quote inside of a field that does not begin with one is a character like others.
// Tested by tests/verify/corpus/formats_test.cc, tests/fuzz/fuzz_corpus_csv.cc.
#include <algorithm>
#include <charconv>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "verify/corpus/json_record.h"
#include "verify/corpus/stream_reader.h"

namespace verdigris::verify {
namespace {

constexpr size_t kMaxColumns = 4096;
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

class CsvReader : public StreamReader {
 public:
  CsvReader(ByteWindow window, const ReadOptions& options, uint64_t first, uint64_t end, char delimiter)
      : StreamReader(std::move(window), options, first, end), delimiter_(delimiter) {}

  // Reads the header, or learns the columns by number. False where that is wrong, and the input cannot be read.
  Result<bool> Start(bool ids) {
    ids_ = ids;
    const std::string& content = ids ? options_.ids_field : options_.text_field;
    VERDIGRIS_ASSIGN_OR_RETURN(const bool mark, window_.Has(kByteOrderMark.size()));
    if (mark && window_.view().starts_with(kByteOrderMark)) window_.Drop(kByteOrderMark.size());
    if (!options_.header) {
      VERDIGRIS_ASSIGN_OR_RETURN(content_.at, ColumnNumber(content));
      // Without names only numbers name the other two.
      name_.at = ColumnNumber(options_.id_field).value_or(kNoColumn);
      group_.at = ColumnNumber(options_.group_field).value_or(kNoColumn);
      return true;
    }
    VERDIGRIS_ASSIGN_OR_RETURN(bool more, Skip());
    if (!more) return window_.fault().empty();
    VERDIGRIS_ASSIGN_OR_RETURN(const Shape shape, Scan(true));
    if (shape != Shape::kWhole) return !window_.fault().empty();
    columns_ = fields_.size();
    std::string buffer;
    for (size_t i = 0; i < columns_; ++i) {
      const std::string_view title = Decode(fields_[i], buffer);
      content_.Meet(title == content, i);
      name_.Meet(!options_.id_field.empty() && title == options_.id_field, i);
      group_.Meet(!options_.group_field.empty() && title == options_.group_field, i);
    }
    return true;
  }

 private:
  static constexpr size_t kNoColumn = SIZE_MAX;
  struct Column {
    size_t at = kNoColumn;
    bool twice = false;
    void Meet(bool named, size_t place) {
      if (!named) return;
      twice = at != kNoColumn;
      if (!twice) at = place;
    }
  };
  struct Field {
    size_t begin = 0, end = 0;  // in the record, quotes included
    bool quoted = false, doubled = false;
  };
  enum class Shape { kWhole, kBad, kTooLong, kCut };

  static Result<size_t> ColumnNumber(const std::string& text) {
    size_t number = 0;
    const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || rest != text.data() + text.size() || number >= kMaxColumns) {
      return Fail(ErrorKind::kInvalidArgument, "without a header a column is named by its number, from 0; got \"" + text + "\"");
    }
    return number;
  }

  Result<bool> Skip() override {
    window_.Drop(std::exchange(length_, 0));
    for (;;) {
      VERDIGRIS_ASSIGN_OR_RETURN(const bool more, window_.Has(2));
      if (window_.view().empty()) return false;
      // Empty lines are no records. What begins in another segment is not for us to look at.
      const std::string_view view = window_.view();
      const size_t end = view[0] == '\n' ? 1 : (more && view[0] == '\r' && view[1] == '\n') ? 2 : 0;
      if (end == 0 || window_.offset() >= end_place()) return true;
      window_.Drop(end);
    }
  }

  Result<Step> Take(Record& record, bool wanted) override {
    VERDIGRIS_ASSIGN_OR_RETURN(const Shape shape, Scan(wanted));
    if (shape == Shape::kCut) return Step::kCut;
    if (shape == Shape::kTooLong) return Failed(record, "too_long");
    if (columns_ == 0 && shape == Shape::kWhole) columns_ = column_;
    if (shape == Shape::kBad || column_ != columns_) return Failed(record, "csv");
    if (!wanted) return Step::kNone;
    if (content_.twice) return Failed(record, "duplicate_key");
    if (content_.at >= columns_) return Failed(record, "no_text");
    if (name_.at < columns_) record.name = Decode(fields_[name_.at], name_text_);
    if (group_.at < columns_) record.group = Decode(fields_[group_.at], group_text_);
    record.text = Decode(fields_[content_.at], text_);
    return ids_ ? TakeIds(record) : Step::kRecord;
  }

  // An array as JSON writes it.
  Step TakeIds(Record& record) {
    const JsonPath top;
    JsonSpan span;
    const std::string_view text = std::exchange(record.text, {});
    if (!FindInJson(text, {&top, 1}, {&span, 1})) return Failed(record, "no_text");
    const JsonIds got = DecodeJsonIds(span.raw, id_values_);
    if (got != JsonIds::kIds) return Failed(record, got == JsonIds::kNotIds ? "no_text" : "id_out_of_range");
    record.kind = RecordKind::kIds;
    record.ids = id_values_;
    return Step::kRecord;
  }

  // Finds the fields and the end of the record at the window's start. One that is too long is passed over as it is scanned.
  Result<Shape> Scan(bool keep) {
    enum class In { kStart, kPlain, kQuotes, kAfterQuote };
    In in = In::kStart;
    bool bad = false, too_long = false, doubled = false, after_return = false;
    column_ = 0;
    fields_.clear();
    size_t at = 0, begin = 0;
    auto end_field = [&](size_t end) {
      if (keep && !too_long && column_ < kMaxColumns) fields_.push_back({begin, end, in == In::kAfterQuote, doubled});
      bad = bad || ++column_ > kMaxColumns;
      in = In::kStart;
      doubled = after_return = false;
      begin = end + 1;
    };
    for (;;) {
      const std::string_view view = window_.view();
      while (at < view.size()) {
        const char c = view[at];
        if (in == In::kQuotes) {
          const void* quote = std::memchr(view.data() + at, '"', view.size() - at);
          at = quote == nullptr ? view.size() : static_cast<size_t>(static_cast<const char*>(quote) - view.data()) + 1;
          if (quote != nullptr) in = In::kAfterQuote;
          continue;
        }
        if (c == delimiter_) {
          bad = bad || (in == In::kAfterQuote && after_return);
          end_field(at);
        } else if (c == '\n') {
          const size_t end = after_return && at > begin ? at - 1 : at;
          end_field(end);
          length_ = at + 1;
          if (too_long) return Shape::kTooLong;
          // Over by its own bytes, the line end not counted.
          if (end > options_.max_record_bytes) return Shape::kTooLong;
          return bad ? Shape::kBad : Shape::kWhole;
        } else if (c == '"' && in == In::kStart) {
          in = In::kQuotes;
        } else if (c == '"' && in == In::kAfterQuote && !after_return) {
          in = In::kQuotes;
          doubled = true;
        } else {
          bad = bad || (in == In::kAfterQuote && (c != '\r' || after_return));
          after_return = c == '\r';
          if (in == In::kStart) in = In::kPlain;
        }
        ++at;
      }
      if (too_long || at > options_.max_record_bytes + 2) {
        too_long = true;
        window_.Drop(at);
        at = begin = 0;
      }
      VERDIGRIS_ASSIGN_OR_RETURN(const bool more, window_.More());
      if (more) continue;
      length_ = at;
      if (!window_.fault().empty()) return Shape::kCut;
      const bool open = in == In::kQuotes;
      end_field(at);
      if (open) return Shape::kBad;
      if (too_long || at > options_.max_record_bytes) return Shape::kTooLong;
      return bad ? Shape::kBad : Shape::kWhole;
    }
  }

  std::string_view Decode(const Field& field, std::string& buffer) const {
    std::string_view text = window_.view().substr(field.begin, field.end - field.begin);
    if (!field.quoted) return text;
    text = text.substr(1, text.rfind('"') - 1);
    if (!field.doubled) return text;
    buffer.clear();
    for (size_t at = 0; at < text.size();) {
      const size_t quote = std::min(text.find('"', at), text.size() - 1);
      buffer.append(text, at, quote + 1 - at);
      at = quote + (text[quote] == '"' ? 2 : 1);
    }
    return buffer;
  }

  const char delimiter_;
  bool ids_ = false;
  Column content_, name_, group_;
  size_t columns_ = 0;  // of the first record; 0: not met yet
  size_t column_ = 0;   // of the record that was scanned last
  size_t length_ = 0;   // what is left of it in the window
  std::vector<Field> fields_;
  std::string text_, name_text_, group_text_;
  std::vector<uint32_t> id_values_;
};

}  // namespace

Result<std::unique_ptr<Reader>> OpenCsvReader(const Input& input, const ReadOptions& options, uint64_t first, uint64_t end) {
  VERDIGRIS_ASSIGN_OR_RETURN(ByteWindow window, OpenWindow(input, options));
  auto reader = std::make_unique<CsvReader>(std::move(window), options, first, end, input.format == Format::kTsv ? '\t' : ',');
  VERDIGRIS_ASSIGN_OR_RETURN(const bool readable, reader->Start(!options.ids_field.empty()));
  if (!readable) return BrokenReader("csv", reader->bytes_read());
  return std::unique_ptr<Reader>(std::move(reader));
}

}  // namespace verdigris::verify
