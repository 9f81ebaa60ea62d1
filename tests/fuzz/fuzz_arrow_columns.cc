/** Property: of a column whose buffers are as long as its lengths and offsets say, whatever stands in them, nothing outside of the buffers is
 *  read. An accepted batch gives a document a row, each inside of its buffer; lists are those of a plain loop over the integers.
 *
 *  Buffers are made to size, so that a sanitizer sees a step outside. The first bytes choose the form of the column and its extents, the rest
 *  fills buffers. What a producer alone can know, the length of a text's buffer, is kept. A column of nulls may have 2^63 - 1 rows: the
 *  callback ends after more rows than any buffer here has. */
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "tests/fuzz/require.h"
#include "tools/python/native/arrow_strings.h"

namespace {

using verdigris::testing::Require;
using namespace verdigris::python;

constexpr int64_t kMostRows = 40;

// Bytes of the input one after another; zeros behind its end.
class Bytes {
 public:
  Bytes(const uint8_t* data, size_t size) : data_(data), size_(size) {}
  uint8_t Next() { return at_ < size_ ? data_[at_++] : 0; }
  template <class T>
  T As() {
    uint8_t bytes[sizeof(T)];
    for (uint8_t& byte : bytes) byte = Next();
    T value;
    std::memcpy(&value, bytes, sizeof value);
    return value;
  }
  // Small, negative, or so large that it must be refused with any other.
  int64_t Extent() {
    const uint8_t byte = Next();
    return byte < 250 ? byte % kMostRows : byte < 253 ? -1 : INT64_MAX;
  }

 private:
  const uint8_t* data_;
  size_t size_, at_ = 0;
};

// Whether buffers can be as long as the extents say; else they are missing.
bool CanBeHeld(const ArrowArray& array) {
  const auto small = [](int64_t extent) { return extent >= 0 && extent < kMostRows; };
  return small(array.length) && small(array.offset);
}
size_t Rows(const ArrowArray& array) { return CanBeHeld(array) ? static_cast<size_t>(array.length + array.offset) : 0; }
size_t Places(const ArrowArray& array) { return CanBeHeld(array) ? Rows(array) + 1 : 0; }

// An array with its buffers; `buffers` may lack the last.
struct Column {
  ArrowSchema schema{};
  ArrowArray array{};
  std::vector<std::vector<uint8_t>> held;
  std::vector<const void*> buffers;
  std::vector<ArrowSchema*> child_schemas;
  std::vector<ArrowArray*> child_arrays;

  // Exactly as long as it is asked to be, and null where the input says so.
  std::vector<uint8_t>& Add(Bytes& bytes, size_t size) {
    held.emplace_back(size);
    held.back().shrink_to_fit();
    for (uint8_t& byte : held.back()) byte = bytes.Next();
    return held.back();
  }
  void AddValidity(Bytes& bytes) { Add(bytes, (Rows(array) + 7) / 8); }
  void Finish(Bytes& bytes) {
    const uint8_t absent = bytes.Next();
    for (size_t i = 0; i < held.size(); ++i) {
      const bool there = !(absent >> i & 1) && !held[i].empty();
      buffers.push_back(there ? static_cast<const void*>(held[i].data()) : nullptr);
    }
    array.buffers = buffers.data();
    array.n_buffers = static_cast<int64_t>(buffers.size()) - (bytes.Next() == 1 && !buffers.empty() ? 1 : 0);
    child_schemas.push_back(nullptr);
    child_arrays.push_back(nullptr);
  }
};

constexpr std::string_view kItems = "cCsSiIlL";
size_t Width(char item) { return size_t{1} << (kItems.find(item) / 2); }

template <class T>
void FillPlaces(std::vector<uint8_t>& buffer, size_t text) {
  for (size_t at = 0; at + sizeof(T) <= buffer.size(); at += sizeof(T)) {
    T place;
    std::memcpy(&place, buffer.data() + at, sizeof place);
    if (place > static_cast<T>(text)) place = static_cast<T>(static_cast<uint64_t>(place) % (text + 1));  // which no reader could see
    std::memcpy(buffer.data() + at, &place, sizeof place);
  }
}

void MakeStrings(Bytes& bytes, Column& column, std::string_view format) {
  column.schema.format = format.data();
  column.array.length = bytes.Extent();
  column.array.offset = bytes.Extent();
  column.AddValidity(bytes);
  const size_t text = bytes.Next() % 32;
  if (format == "n") return column.Finish(bytes);
  if (format == "vu") {
    column.Add(bytes, Rows(column.array) * 16);
    column.Add(bytes, text);
    auto& sizes = column.Add(bytes, 8);
    const int64_t size = static_cast<int64_t>(text);
    std::memcpy(sizes.data(), &size, sizeof size);
  } else if (format == "u") {
    FillPlaces<int32_t>(column.Add(bytes, Places(column.array) * 4), text);
    column.Add(bytes, text);
  } else {
    FillPlaces<int64_t>(column.Add(bytes, Places(column.array) * 8), text);
    column.Add(bytes, text);
  }
  column.Finish(bytes);
}

void MakeIntegers(Bytes& bytes, Column& column, char item, std::string& format) {
  format = std::string(1, item);
  column.schema.format = format.c_str();
  column.array.length = bytes.Extent();
  column.array.offset = bytes.Extent();
  column.AddValidity(bytes);
  column.Add(bytes, Rows(column.array) * Width(item));
  column.Finish(bytes);
}

bool Inside(const Column& column, std::string_view text) {
  for (const auto& buffer : column.held) {
    const char* begin = reinterpret_cast<const char*>(buffer.data());
    if (text.data() >= begin && text.data() + text.size() <= begin + buffer.size()) return true;
  }
  return text.empty();
}

bool Valid(const ArrowArray& array, int64_t at) {
  return array.n_buffers == 0 || array.buffers[0] == nullptr || (static_cast<const uint8_t*>(array.buffers[0])[at / 8] >> (at % 8) & 1) != 0;
}

uint64_t ItemAt(const ArrowArray& items, char item, int64_t at) {
  uint64_t value = 0;
  const size_t width = Width(item);
  const uint8_t* from = static_cast<const uint8_t*>(items.buffers[1]) + static_cast<size_t>(at) * width;
  for (size_t i = 0; i < width; ++i) value |= uint64_t{from[i]} << (8 * i);  // of an accepted one no bits are above: all are ids
  return value;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Bytes bytes(data, size);
  Column column, inner;
  std::string item_format, list_format;
  const uint8_t kind = bytes.Next() % 8;
  const char item = kItems[bytes.Next() % kItems.size()];
  int64_t fixed = 0;
  constexpr const char* kStrings[] = {"u", "U", "vu", "n"};
  if (kind < 4) {
    MakeStrings(bytes, column, kStrings[kind]);
  } else if (kind == 4) {
    MakeStrings(bytes, inner, kStrings[bytes.Next() % 4]);
    MakeIntegers(bytes, column, item, item_format);
    column.schema.dictionary = &inner.schema;
    if (bytes.Next() != 1) column.array.dictionary = &inner.array;
  } else {
    MakeIntegers(bytes, inner, item, item_format);
    fixed = bytes.Extent();
    list_format = kind == 5 ? "+l" : kind == 6 ? "+L" : "+w:" + std::to_string(fixed);
    column.schema.format = list_format.c_str();
    column.array.length = bytes.Extent();
    column.array.offset = bytes.Extent();
    column.AddValidity(bytes);
    if (kind < 7) column.Add(bytes, Places(column.array) * (kind == 5 ? 4 : 8));
    column.Finish(bytes);
    column.child_schemas[0] = &inner.schema;
    column.child_arrays[0] = bytes.Next() == 1 ? nullptr : &inner.array;
    column.schema.n_children = column.array.n_children = 1;
    column.schema.children = column.child_schemas.data();
    column.array.children = column.child_arrays.data();
  }

  column.schema.name = "c";
  Column table;
  table.schema.format = "+s";
  table.array.length = bytes.Extent();
  table.array.offset = bytes.Extent();
  table.AddValidity(bytes);
  table.Finish(bytes);
  table.child_schemas[0] = &column.schema;
  table.child_arrays[0] = &column.array;
  table.schema.n_children = table.array.n_children = 1;
  table.schema.children = table.child_schemas.data();
  table.array.children = table.child_arrays.data();

  int64_t row = table.array.offset, documents = 0;
  const auto done = ForEachDocument(table.schema, table.array, "c", [&](const ArrowDocument& document) -> verdigris::Result<void> {
    const int64_t at = column.array.offset + row;
    if (!Valid(table.array, row)) Require(std::holds_alternative<std::monostate>(document));
    if (const auto* text = std::get_if<std::string_view>(&document)) Require(Inside(kind == 4 ? inner : column, *text));
    if (const auto* ids = std::get_if<std::span<const uint32_t>>(&document)) {
      Require(kind > 4 && Valid(column.array, at));
      int64_t begin = at * fixed, end = begin + fixed;
      if (kind == 5) {
        begin = static_cast<const int32_t*>(column.array.buffers[1])[at];
        end = static_cast<const int32_t*>(column.array.buffers[1])[at + 1];
      } else if (kind == 6) {
        begin = static_cast<const int64_t*>(column.array.buffers[1])[at];
        end = static_cast<const int64_t*>(column.array.buffers[1])[at + 1];
      }
      Require(begin >= 0 && end - begin == static_cast<int64_t>(ids->size()) && end <= inner.array.length);
      for (int64_t i = begin; i < end; ++i) {
        Require(Valid(inner.array, inner.array.offset + i));
        Require(ItemAt(inner.array, item, inner.array.offset + i) == (*ids)[static_cast<size_t>(i - begin)]);
      }
    }
    ++row, ++documents;
    if (documents > kMostRows) return verdigris::Fail(verdigris::ErrorKind::kLimit, "enough");
    return {};
  });
  if (done) Require(documents == table.array.length);
  return 0;
}
