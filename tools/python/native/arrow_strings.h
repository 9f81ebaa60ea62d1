// Columns of strings, and of documents, out of Arrow data, as the PyCapsule protocol hands it over (__arrow_c_stream__, __arrow_c_array__). The
// structs are those of the Arrow C data interface, whose layout never changes, so no Arrow library is linked.
//
// Errors   kInvalidArgument: no table, a column that is not there or holds no strings. kMalformed: buffers that contradict
//          each other, as far as they can be seen to. kIo: what a stream says of itself.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "watermark/result.h"

extern "C" {

struct ArrowSchema {
  const char* format;
  const char* name;
  const char* metadata;
  int64_t flags;
  int64_t n_children;
  ArrowSchema** children;
  ArrowSchema* dictionary;
  void (*release)(ArrowSchema*);
  void* private_data;
};

struct ArrowArray {
  int64_t length;
  int64_t null_count;
  int64_t offset;
  int64_t n_buffers;
  int64_t n_children;
  const void** buffers;
  ArrowArray** children;
  ArrowArray* dictionary;
  void (*release)(ArrowArray*);
  void* private_data;
};

struct ArrowArrayStream {
  int (*get_schema)(ArrowArrayStream*, ArrowSchema* out);
  int (*get_next)(ArrowArrayStream*, ArrowArray* out);
  const char* (*get_last_error)(ArrowArrayStream*);
  void (*release)(ArrowArrayStream*);
  void* private_data;
};
}

namespace verdigris::python {

// One of the structs above, moved out of its capsule and released in the end.
template <class T>
class Owned {
 public:
  Owned() = default;
  explicit Owned(T& from) : value_(from) { from.release = nullptr; }
  Owned(Owned&& other) noexcept : value_(other.value_) { other.value_.release = nullptr; }
  Owned& operator=(Owned&&) = delete;
  ~Owned() {
    if (value_.release != nullptr) value_.release(&value_);
  }
  T& operator*() { return value_; }
  T* operator->() { return &value_; }

 private:
  T value_{};
};

// A null is nothing. Views stand until the callback returns.
using RowOfStrings = std::span<const std::optional<std::string_view>>;
using OnRow = std::function<Result<void>(RowOfStrings row)>;

// Calls `on_row` with the values of `columns` for each row of a batch: a struct whose children have formats u U vu z Z vz, n, or are
// dictionaries of those.
Result<void> ForEachRow(const ArrowSchema& schema, const ArrowArray& batch, std::span<const std::string> columns, const OnRow& on_row);

// A text or token ids; a null is nothing. It stands until the callback returns.
using ArrowDocument = std::variant<std::monostate, std::string_view, std::span<const uint32_t>>;
using OnDocument = std::function<Result<void>(const ArrowDocument&)>;

// Whether the column holds lists of integers (+l, +L, +w), which are token ids, and not strings as above.
// Errors   kInvalidArgument: no table, no such column.
Result<bool> HoldsIds(const ArrowSchema& schema, const std::string& column);

// The same of one column of documents.
// Errors   kInvalidArgument also for what is no id: a null, or outside of [0,2^32).
Result<void> ForEachDocument(const ArrowSchema& schema, const ArrowArray& batch, const std::string& column, const OnDocument& on_document);

// Of all batches of a stream.
Result<void> ForEachRow(ArrowArrayStream& stream, std::span<const std::string> columns, const OnRow& on_row);

}  // namespace verdigris::python
