// The C data interface gives pointers without sizes: what can be checked is that offsets ascend and that views stay inside of their
// buffers; the rest is the word of who made the data.
//
// Tested by tests/fuzz/fuzz_arrow_columns.cc, by tests/python/corpus_test.py with data made by hand, and by arrow_test.py with that of
// pyarrow and polars.
#include "tools/python/native/arrow_strings.h"

#include <charconv>
#include <cstring>
#include <memory>
#include <system_error>
#include <utility>

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

Result<void> CheckExtent(std::string_view column, const ArrowArray& array) {
  if (array.length < 0 || array.offset < 0 || array.offset > INT64_MAX - array.length) {
    return Malformed(column, "length and offset must not be negative, nor their sum above 2^63 - 1");
  }
  return {};
}

bool IsNull(const ArrowArray& array, int64_t at) {
  return array.n_buffers > 0 && array.buffers[0] != nullptr && (At<uint8_t>(array.buffers[0], at >> 3) >> (at & 7) & 1) == 0;
}

constexpr std::string_view kIntegers = "cCsSiIlL";

// Nothing for what is above the largest i64. Precondition: `format` is one of kIntegers.
std::optional<int64_t> Integer(char format, const void* buffer, int64_t at) {
  switch (format) {
    case 'c': return At<int8_t>(buffer, at);
    case 'C': return At<uint8_t>(buffer, at);
    case 's': return At<int16_t>(buffer, at);
    case 'S': return At<uint16_t>(buffer, at);
    case 'i': return At<int32_t>(buffer, at);
    case 'I': return At<uint32_t>(buffer, at);
    case 'l': return At<int64_t>(buffer, at);
    default: break;
  }
  const uint64_t value = At<uint64_t>(buffer, at);
  return value <= INT64_MAX ? std::optional(static_cast<int64_t>(value)) : std::nullopt;
}

// One array of strings; `at` counts from the array's own offset on.
class Strings {
 public:
  static Result<Strings> Create(std::string_view column, const ArrowSchema& schema, const ArrowArray& array) {
    const std::string_view format = schema.format == nullptr ? "" : schema.format;
    Strings out(column, array);
    VERDIGRIS_RETURN_IF_ERROR(CheckExtent(column, array));
    if (schema.dictionary != nullptr) {
      if (array.dictionary == nullptr) return Malformed(column, "has no dictionary");
      if (format.size() != 1 || kIntegers.find(format[0]) == format.npos) return Malformed(column, "dictionary indices must be integers");
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
    const std::optional<int64_t> index = Integer(index_, array_->buffers[1], at);
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

  std::string_view column_;
  const ArrowArray* array_;
  Kind kind_ = Kind::kNull;
  char index_ = 0;
  std::unique_ptr<Strings> values_;
};

bool IsList(std::string_view format) { return format == "+l" || format == "+L" || format.starts_with("+w:"); }

// One array of lists of integers; `at` counts from the array's own offset on.
class Lists {
 public:
  // Precondition: IsList(schema.format).
  static Result<Lists> Create(std::string_view column, const ArrowSchema& schema, const ArrowArray& array) {
    const std::string_view format = schema.format;
    VERDIGRIS_RETURN_IF_ERROR(CheckExtent(column, array));
    if (schema.n_children != 1 || array.n_children != 1 || schema.children[0] == nullptr || array.children[0] == nullptr) {
      return Malformed(column, "a list must have one child");
    }
    const std::string_view item = schema.children[0]->format == nullptr ? "" : schema.children[0]->format;
    if (item.size() != 1 || kIntegers.find(item[0]) == kIntegers.npos || schema.children[0]->dictionary != nullptr) {
      return Fail(ErrorKind::kInvalidArgument, "column " + std::string(column) + " must be of strings, or of lists of integers, got another list");
    }
    Lists out{std::string(column), &array, array.children[0], item[0], 0, format == "+L"};
    if (format.starts_with("+w:")) {
      const auto [end, fault] = std::from_chars(format.data() + 3, format.data() + format.size(), out.fixed_);
      if (fault != std::errc() || end != format.data() + format.size() || out.fixed_ < 0) return Malformed(column, "a fixed list must have a size");
      out.is_fixed_ = true;
    }
    const ArrowArray& items = *out.items_;
    VERDIGRIS_RETURN_IF_ERROR(CheckExtent(column, items));
    if (array.n_buffers < (out.is_fixed_ ? 1 : 2) || (!out.is_fixed_ && array.length > 0 && array.buffers[1] == nullptr)) return Malformed(column, "has no buffer of places");
    if (items.n_buffers < 2 || (items.length > 0 && items.buffers[1] == nullptr)) return Malformed(column, "has no buffer of integers");
    return out;
  }

  int64_t length() const { return array_->length; }

  // Whether there is a list; its integers are then in `ids`.
  Result<bool> Get(int64_t i, std::vector<uint32_t>& ids) const {
    const int64_t at = array_->offset + i;
    ids.clear();
    if (IsNull(*array_, at)) return false;
    int64_t begin, end;
    if (is_fixed_) {
      if (fixed_ != 0 && at >= INT64_MAX / fixed_ - 1) return Malformed(column_, "offsets must ascend from 0 on");
      begin = at * fixed_;
      end = begin + fixed_;
    } else {
      const void* places = array_->buffers[1];
      begin = wide_ ? At<int64_t>(places, at) : At<int32_t>(places, at);
      end = wide_ ? At<int64_t>(places, at + 1) : At<int32_t>(places, at + 1);
    }
    if (begin < 0 || end < begin || end > items_->length) return Malformed(column_, "offsets must ascend from 0 on, inside of the integers");
    for (int64_t k = items_->offset + begin; k < items_->offset + end; ++k) {
      const std::optional<int64_t> value = IsNull(*items_, k) ? std::nullopt : Integer(item_, items_->buffers[1], k);
      if (!value || *value < 0 || *value > UINT32_MAX) {
        return Fail(ErrorKind::kInvalidArgument, "column " + column_ + ": row " + std::to_string(i) + " holds what is no token id");
      }
      ids.push_back(static_cast<uint32_t>(*value));
    }
    return true;
  }

 private:
  Lists(std::string column, const ArrowArray* array, const ArrowArray* items, char item, int64_t fixed, bool wide)
      : column_(std::move(column)), array_(array), items_(items), item_(item), fixed_(fixed), wide_(wide) {}

  std::string column_;
  const ArrowArray *array_, *items_;
  char item_;
  int64_t fixed_;
  bool wide_, is_fixed_ = false;
};

Result<void> CheckTable(const ArrowSchema& schema) {
  if (schema.format == nullptr || std::string_view(schema.format) != "+s") return Fail(ErrorKind::kInvalidArgument, "Arrow data must be a table: rows with named columns");
  return {};
}

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
  VERDIGRIS_RETURN_IF_ERROR(CheckTable(schema));
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

Result<bool> HoldsIds(const ArrowSchema& schema, const std::string& column) {
  VERDIGRIS_RETURN_IF_ERROR(CheckTable(schema));
  VERDIGRIS_ASSIGN_OR_RETURN(const int64_t at, FindColumn(schema, column));
  const char* format = schema.children[at]->format;
  return format != nullptr && IsList(format);
}

Result<void> ForEachDocument(const ArrowSchema& schema, const ArrowArray& batch, const std::string& column, const OnDocument& on_document) {
  VERDIGRIS_ASSIGN_OR_RETURN(const bool of_ids, HoldsIds(schema, column));
  if (!of_ids) {
    return ForEachRow(schema, batch, {&column, 1}, [&](RowOfStrings row) { return on_document(row[0] ? ArrowDocument(*row[0]) : ArrowDocument()); });
  }
  VERDIGRIS_ASSIGN_OR_RETURN(const int64_t at, FindColumn(schema, column));
  if (batch.n_children != schema.n_children || batch.length < 0 || batch.offset < 0) return Fail(ErrorKind::kMalformed, "an Arrow batch contradicts its schema");
  if (batch.children[at] == nullptr) return Malformed(column, "has no data");
  VERDIGRIS_ASSIGN_OR_RETURN(const Lists lists, Lists::Create(column, *schema.children[at], *batch.children[at]));
  if (lists.length() < batch.offset || lists.length() - batch.offset < batch.length) return Malformed(column, "is shorter than its batch");
  std::vector<uint32_t> ids;
  for (int64_t i = batch.offset; i < batch.offset + batch.length; ++i) {
    bool there = !IsNull(batch, i);
    if (there) {
      VERDIGRIS_ASSIGN_OR_RETURN(there, lists.Get(i, ids));
    }
    VERDIGRIS_RETURN_IF_ERROR(on_document(there ? ArrowDocument(std::span<const uint32_t>(ids)) : ArrowDocument()));
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
