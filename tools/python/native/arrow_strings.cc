// The C data interface gives pointers without sizes: what can be checked is that offsets ascend and that views stay inside of their
// buffers; the rest is the word of who made the data.
//
// Tested by tests/python/corpus_test.py, with data made by hand, and by arrow_test.py with that of pyarrow and polars.
#include "tools/python/native/arrow_strings.h"

#include <cstring>
#include <memory>

namespace verdigris::python {
namespace {

Unexpected Malformed(std::string_view column, std::string_view why) {
  return Fail(ErrorKind::kMalformed, "column " + std::string(column) + ": " + std::string(why));
}

template <class T>
T At(const void* buffer, int64_t at) {
  T value;
  std::memcpy(&value, static_cast<const char*>(buffer) + at * static_cast<int64_t>(sizeof(T)), sizeof value);
  return value;
}

bool IsNull(const ArrowArray& array, int64_t at) {
  return array.n_buffers > 0 && array.buffers[0] != nullptr && (At<uint8_t>(array.buffers[0], at >> 3) >> (at & 7) & 1) == 0;
}

// One array of strings; `at` counts from the array's own offset on.
class Strings {
 public:
  static Result<Strings> Create(std::string_view column, const ArrowSchema& schema, const ArrowArray& array) {
    const std::string_view format = schema.format == nullptr ? "" : schema.format;
    Strings out(column, array);
    if (array.length < 0 || array.offset < 0) return Malformed(column, "length and offset must not be negative");
    if (schema.dictionary != nullptr) {
      if (array.dictionary == nullptr) return Malformed(column, "has no dictionary");
      constexpr std::string_view kIndices = "cCsSiIlL";
      if (format.size() != 1 || kIndices.find(format[0]) == format.npos) return Malformed(column, "dictionary indices must be integers");
      out.kind_ = Kind::kDictionary;
      out.index_ = format[0];
      VERDIGRIS_ASSIGN_OR_RETURN(Strings values, Create(column, *schema.dictionary, *array.dictionary));
      out.values_ = std::make_unique<Strings>(std::move(values));
    } else if (format == "u" || format == "z") {
      out.kind_ = Kind::kOffsets32;
    } else if (format == "U" || format == "Z") {
      out.kind_ = Kind::kOffsets64;
    } else if (format == "vu" || format == "vz") {
      out.kind_ = Kind::kViews;
    } else if (format == "n") {
      out.kind_ = Kind::kNull;
    } else {
      return Fail(ErrorKind::kInvalidArgument, "column " + std::string(column) + " must be of strings or bytes (Arrow u U vu z Z vz, or a dictionary of them), got " +
                                                   (format.size() <= 16 ? std::string(format) : "another type"));
    }
    const int64_t least = out.kind_ == Kind::kNull ? 0 : out.kind_ == Kind::kDictionary ? 2 : 3;
    if (array.n_buffers < least || (least > 0 && array.buffers == nullptr)) return Malformed(column, "has too few buffers");
    if (array.length > 0 && least > 0 && array.buffers[1] == nullptr) return Malformed(column, "has no buffer of places");
    return out;
  }

  int64_t length() const { return array_->length; }

  Result<std::optional<std::string_view>> Get(int64_t i) const {
    const int64_t at = array_->offset + i;
    if (kind_ == Kind::kNull || IsNull(*array_, at)) return std::nullopt;
    switch (kind_) {
      case Kind::kOffsets32: return Between(At<int32_t>(array_->buffers[1], at), At<int32_t>(array_->buffers[1], at + 1));
      case Kind::kOffsets64: return Between(At<int64_t>(array_->buffers[1], at), At<int64_t>(array_->buffers[1], at + 1));
      case Kind::kViews: return View(at);
      default: break;
    }
    const std::optional<int64_t> index = Index(at);
    if (!index || *index < 0 || *index >= values_->length()) return Malformed(column_, "an index is outside of its dictionary");
    return values_->Get(*index);
  }

 private:
  enum class Kind { kOffsets32, kOffsets64, kViews, kDictionary, kNull };
  Strings(std::string_view column, const ArrowArray& array) : column_(column), array_(&array) {}

  Result<std::optional<std::string_view>> Between(int64_t begin, int64_t end) const {
    if (begin < 0 || end < begin) return Malformed(column_, "offsets must ascend from 0 on");
    if (begin == end) return std::string_view();
    if (array_->buffers[2] == nullptr) return Malformed(column_, "has no buffer of text");
    return std::string_view(static_cast<const char*>(array_->buffers[2]) + begin, static_cast<size_t>(end - begin));
  }

  // 16 bytes: i32 length; up to 12 bytes of text, or its first 4, i32 buffer, i32 offset. The last buffer has the sizes of those between.
  Result<std::optional<std::string_view>> View(int64_t at) const {
    constexpr int32_t kInline = 12;
    const char* view = static_cast<const char*>(array_->buffers[1]) + 16 * at;
    const int32_t length = At<int32_t>(view, 0), buffer = At<int32_t>(view, 2), offset = At<int32_t>(view, 3);
    if (length < 0) return Malformed(column_, "a length must not be negative");
    if (length <= kInline) return std::string_view(view + 4, static_cast<size_t>(length));
    const int64_t buffers = array_->n_buffers - 3;
    const void* sizes = array_->buffers[array_->n_buffers - 1];
    if (buffer < 0 || buffer >= buffers || sizes == nullptr || array_->buffers[2 + buffer] == nullptr) return Malformed(column_, "a view names a buffer that is not there");
    if (offset < 0 || int64_t{offset} + length > At<int64_t>(sizes, buffer)) return Malformed(column_, "a view ends outside of its buffer");
    return std::string_view(static_cast<const char*>(array_->buffers[2 + buffer]) + offset, static_cast<size_t>(length));
  }

  std::optional<int64_t> Index(int64_t at) const {
    const void* buffer = array_->buffers[1];
    switch (index_) {
      case 'c': return At<int8_t>(buffer, at);
      case 'C': return At<uint8_t>(buffer, at);
      case 's': return At<int16_t>(buffer, at);
      case 'S': return At<uint16_t>(buffer, at);
      case 'i': return At<int32_t>(buffer, at);
      case 'I': return At<uint32_t>(buffer, at);
      case 'l': return At<int64_t>(buffer, at);
      default: break;
    }
    const uint64_t index = At<uint64_t>(buffer, at);
    return index <= INT64_MAX ? std::optional(static_cast<int64_t>(index)) : std::nullopt;
  }

  std::string_view column_;
  const ArrowArray* array_;
  Kind kind_ = Kind::kNull;
  char index_ = 0;
  std::unique_ptr<Strings> values_;
};

Result<int64_t> FindColumn(const ArrowSchema& schema, const std::string& column) {
  int64_t found = -1;
  for (int64_t i = 0; i < schema.n_children; ++i) {
    const ArrowSchema* child = schema.children[i];
    if (child == nullptr || child->name == nullptr || child->name != column) continue;
    if (found >= 0) return Fail(ErrorKind::kInvalidArgument, "there are two columns named " + column);
    found = i;
  }
  if (found < 0) return Fail(ErrorKind::kInvalidArgument, "there is no column named " + column);
  return found;
}

}  // namespace

Result<void> ForEachRow(const ArrowSchema& schema, const ArrowArray& batch, std::span<const std::string> columns, const OnRow& on_row) {
  if (schema.format == nullptr || std::string_view(schema.format) != "+s") return Fail(ErrorKind::kInvalidArgument, "Arrow data must be a table: rows with named columns");
  if (batch.n_children != schema.n_children || batch.length < 0 || batch.offset < 0) return Fail(ErrorKind::kMalformed, "an Arrow batch contradicts its schema");
  std::vector<Strings> strings;
  for (const std::string& column : columns) {
    VERDIGRIS_ASSIGN_OR_RETURN(const int64_t at, FindColumn(schema, column));
    const ArrowArray* child = batch.children[at];
    if (child == nullptr) return Malformed(column, "has no data");
    VERDIGRIS_ASSIGN_OR_RETURN(Strings made, Strings::Create(column, *schema.children[at], *child));
    if (made.length() < batch.offset || made.length() - batch.offset < batch.length) return Malformed(column, "is shorter than its batch");
    strings.push_back(std::move(made));
  }
  std::vector<std::optional<std::string_view>> row(columns.size());
  for (int64_t i = 0; i < batch.length; ++i) {
    const int64_t at = batch.offset + i;
    const bool whole_row_null = IsNull(batch, at);
    for (size_t c = 0; c < strings.size(); ++c) {
      row[c].reset();
      if (whole_row_null) continue;
      VERDIGRIS_ASSIGN_OR_RETURN(row[c], strings[c].Get(at));
    }
    VERDIGRIS_RETURN_IF_ERROR(on_row(row));
  }
  return {};
}

Result<void> ForEachRow(ArrowArrayStream& stream, std::span<const std::string> columns, const OnRow& on_row) {
  const auto check = [&](int code) -> Result<void> {
    if (code == 0) return {};
    const char* said = stream.get_last_error(&stream);
    return Fail(ErrorKind::kIo, std::string("an Arrow stream ended early: ") + (said != nullptr && *said != '\0' ? said : std::strerror(code)));
  };
  Owned<ArrowSchema> schema;
  VERDIGRIS_RETURN_IF_ERROR(check(stream.get_schema(&stream, &*schema)));
  for (;;) {
    Owned<ArrowArray> batch;
    VERDIGRIS_RETURN_IF_ERROR(check(stream.get_next(&stream, &*batch)));
    if (batch->release == nullptr) return {};
    VERDIGRIS_RETURN_IF_ERROR(ForEachRow(*schema, *batch, columns, on_row));
  }
}

}  // namespace verdigris::python
