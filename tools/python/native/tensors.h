// Memory of other libraries, used where it lies: numpy arrays, CPU tensors, and whatever else hands out DLPack or a buffer. Nothing is
// copied behind the caller's back: what would need a copy raises, and the message names the way.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <vector>

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

namespace verdigris::python {

using Writable = nanobind::ndarray<>;
using Readable = nanobind::ndarray<nanobind::ro>;

// Errors of both: InvalidArgument for what is no array, lies on a device or, where it is to be written, is read-only.
Writable ToWrite(nanobind::handle object, const char* name);
Readable ToRead(nanobind::handle object, const char* name);

// Logits: VDG_DTYPE_... of an array.
int32_t DtypeOf(const Writable& logits);

// rows x columns of packed rows. A vector is one row.
struct Rows {
  void* data;
  size_t rows, columns;
  size_t stride_bytes;  // from row to row; 0 where there is one row at most
};
Rows RowsOf(const Writable& array, const char* name, size_t item_bytes);

// A packed array of this shape, such as windows.
template <class T>
const T* Packed(const Readable& array, std::initializer_list<size_t> shape, const char* name, const char* type);
template <>
const uint32_t* Packed(const Readable& array, std::initializer_list<size_t> shape, const char* name, const char* type);  // i32 too
template <>
const uint8_t* Packed(const Readable& array, std::initializer_list<size_t> shape, const char* name, const char* type);
template <>
const float* Packed(const Readable& array, std::initializer_list<size_t> shape, const char* name, const char* type);
template <>
const double* Packed(const Readable& array, std::initializer_list<size_t> shape, const char* name, const char* type);

// Output ids: a sequence of ints, or an array of 32 or 64 bit integers, which is used in place where it is packed and of 32 bits. What
// is no u32 becomes 2^32 - 1, which the library refuses and names the place of.
class Ids {
 public:
  Ids(nanobind::handle object, const char* name);
  std::span<const uint32_t> view() const { return view_; }

 private:
  std::vector<uint32_t> copy_;
  nanobind::object kept_;
  Readable array_;
  std::span<const uint32_t> view_;
};

// Ids of candidates, in place: a vector of 32 or 64 bit integers, of which each must be a u32.
struct CandidateIds {
  CandidateIds(nanobind::handle object, const char* name);
  Readable array;
  const void* data;
  size_t count, stride_bytes;
};

}  // namespace verdigris::python
