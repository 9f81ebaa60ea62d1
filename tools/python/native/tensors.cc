// Tested by tests/python/marking_test.py.
#include "tools/python/native/tensors.h"

#include <bit>
#include <cstring>
#include <limits>
#include <string>

#include "tools/python/native/errors.h"
#include "watermark/verdigris.h"

namespace nb = nanobind;

namespace verdigris::python {
namespace {

using Code = nb::dlpack::dtype_code;

[[noreturn]] void Refuse(const std::string& message) { throw Raised({ErrorKind::kInvalidArgument, message}); }

bool Is(const nb::dlpack::dtype& type, Code code, int bits) {
  return type.code == static_cast<uint8_t>(code) && type.bits == bits && type.lanes == 1;
}
bool IsInteger(const nb::dlpack::dtype& type) { return (type.code == static_cast<uint8_t>(Code::Int) || type.code == static_cast<uint8_t>(Code::UInt)) && type.lanes == 1; }
bool IsSigned(const nb::dlpack::dtype& type) { return type.code == static_cast<uint8_t>(Code::Int); }

std::string NameOf(const nb::dlpack::dtype& type) {
  const std::string bits = std::to_string(int{type.bits});
  switch (static_cast<Code>(type.code)) {
    case Code::Int: return "int" + bits;
    case Code::UInt: return "uint" + bits;
    case Code::Float: return "float" + bits;
    case Code::Bool: return "bool";
    default: return "another type";
  }
}

template <class Array>
const Array& OnHost(const Array& array, const char* name) {
  const int device = array.device_type();
  if (device == nb::device::cpu::value || device == nb::device::cuda_host::value || device == nb::device::rocm_host::value) return array;
  Refuse(std::string(name) + " lie on a device (DLPack type " + std::to_string(device) +
         "): copy them to the host with .cpu(), or make a mask with mask_batch and apply it there");
}

[[noreturn]] void NoArray(const char* name) {
  Refuse(std::string(name) + " must be a numpy array, a CPU tensor or another that gives DLPack; of a tensor that requires grad, .detach()");
}

// Fewer bits widened; what is no u32 is the largest.
uint32_t ToId(int64_t value) {
  constexpr uint32_t kNone = std::numeric_limits<uint32_t>::max();
  return value < 0 || value > int64_t{kNone} ? kNone : static_cast<uint32_t>(value);
}

// Item `i` of a vector of integers of 32 or 64 bits; a u64 above the largest i64 is negative, so no id either.
int64_t Integer(const Readable& array, size_t i) {
  const char* at = static_cast<const char*>(array.data()) + static_cast<int64_t>(i) * array.stride(0) * (array.dtype().bits / 8);
  if (array.dtype().bits == 64) {
    int64_t value;
    std::memcpy(&value, at, sizeof value);
    return value;
  }
  uint32_t value;
  std::memcpy(&value, at, sizeof value);
  return IsSigned(array.dtype()) ? int64_t{static_cast<int32_t>(value)} : int64_t{value};
}

void CheckVectorOfIntegers(const Readable& array, const char* name) {
  if (array.ndim() != 1) Refuse(std::string(name) + " must be a vector, got " + std::to_string(array.ndim()) + " axes");
  if (!IsInteger(array.dtype()) || (array.dtype().bits != 32 && array.dtype().bits != 64)) {
    Refuse(std::string(name) + " must be integers of 32 or 64 bits, got " + NameOf(array.dtype()));
  }
}

}  // namespace

Writable ToWrite(nb::handle object, const char* name) {
  Writable array;
  if (nb::try_cast<Writable>(object, array, /*convert=*/false)) return OnHost(array, name);
  Readable read_only;
  if (!nb::try_cast<Readable>(object, read_only, /*convert=*/false)) NoArray(name);
  Refuse(std::string(name) + " are read-only, and are written in place: hand in a copy of them, such as numpy.array(" + name + ")");
}

Readable ToRead(nb::handle object, const char* name) {
  Readable array;
  if (!nb::try_cast<Readable>(object, array, /*convert=*/false)) NoArray(name);
  return OnHost(array, name);
}

int32_t DtypeOf(const Writable& logits) {
  const nb::dlpack::dtype type = logits.dtype();
  if (Is(type, Code::Float, 32)) return VDG_DTYPE_F32;
  if (Is(type, Code::Float, 16)) return VDG_DTYPE_F16;
  if (Is(type, Code::Bfloat, 16)) return VDG_DTYPE_BF16;
  Refuse("logits must be float32, float16 or bfloat16, got " + NameOf(type) + ": mark a float32 copy, and go on with that");
}

Rows RowsOf(const Writable& array, const char* name, size_t item_bytes) {
  if (array.ndim() != 1 && array.ndim() != 2) Refuse(std::string(name) + " must have one or two axes, got " + std::to_string(array.ndim()));
  const bool vector = array.ndim() == 1;
  const size_t rows = vector ? 1 : array.shape(0), columns = array.shape(vector ? 0 : 1);
  if (columns > 1 && array.stride(vector ? 0 : 1) != 1) {
    Refuse(std::string(name) + " must be packed along their last axis: mark a contiguous copy, and go on with that");
  }
  size_t stride = 0;
  if (rows > 1) {
    if (array.stride(0) < static_cast<int64_t>(columns)) {
      Refuse("rows of " + std::string(name) + " must follow each other without overlap, got a stride of " + std::to_string(array.stride(0)) + " for " +
             std::to_string(columns) + " columns");
    }
    stride = static_cast<size_t>(array.stride(0)) * item_bytes;
  }
  return {array.data(), rows, columns, stride};
}

namespace {

const void* PackedData(const Readable& array, std::initializer_list<size_t> shape, const char* name, const char* type) {
  std::string wanted, got;
  for (const size_t extent : shape) wanted += (wanted.empty() ? "" : ", ") + std::to_string(extent);
  for (size_t i = 0; i < array.ndim(); ++i) got += (got.empty() ? "" : ", ") + std::to_string(array.shape(i));
  if (wanted != got) Refuse(std::string(name) + " must have the shape [" + wanted + "], got [" + got + "]");
  int64_t step = 1;
  for (size_t i = array.ndim(); i-- > 0; step *= static_cast<int64_t>(array.shape(i))) {
    if (array.shape(i) > 1 && array.stride(i) != step) Refuse(std::string(name) + " must be packed: numpy.ascontiguousarray(" + name + ", numpy." + type + ")");
  }
  return array.data();
}

[[noreturn]] void WrongType(const char* name, const char* type, const nb::dlpack::dtype& got) {
  Refuse(std::string(name) + " must be of " + type + ", got " + NameOf(got) + ": numpy.ascontiguousarray(" + name + ", numpy." + type + ")");
}

}  // namespace

template <>
const uint32_t* Packed(const Readable& array, std::initializer_list<size_t> shape, const char* name, const char* type) {
  if (!Is(array.dtype(), Code::UInt, 32) && !Is(array.dtype(), Code::Int, 32)) WrongType(name, type, array.dtype());
  return static_cast<const uint32_t*>(PackedData(array, shape, name, type));
}
template <>
const uint8_t* Packed(const Readable& array, std::initializer_list<size_t> shape, const char* name, const char* type) {
  if (!Is(array.dtype(), Code::UInt, 8)) WrongType(name, type, array.dtype());
  return static_cast<const uint8_t*>(PackedData(array, shape, name, type));
}
template <>
const float* Packed(const Readable& array, std::initializer_list<size_t> shape, const char* name, const char* type) {
  if (!Is(array.dtype(), Code::Float, 32)) WrongType(name, type, array.dtype());
  return static_cast<const float*>(PackedData(array, shape, name, type));
}
template <>
const double* Packed(const Readable& array, std::initializer_list<size_t> shape, const char* name, const char* type) {
  if (!Is(array.dtype(), Code::Float, 64)) WrongType(name, type, array.dtype());
  return static_cast<const double*>(PackedData(array, shape, name, type));
}

Ids::Ids(nb::handle object, const char* name) {
  if (!PyList_Check(object.ptr()) && !PyTuple_Check(object.ptr()) && nb::ndarray_check(object)) {
    array_ = ToRead(object, name);
    CheckVectorOfIntegers(array_, name);
    const size_t count = array_.shape(0);
    if (array_.dtype().bits == 32 && (count < 2 || array_.stride(0) == 1)) {
      view_ = {static_cast<const uint32_t*>(array_.data()), count};
      return;
    }
    copy_.resize(count);
    for (size_t i = 0; i < count; ++i) copy_[i] = ToId(Integer(array_, i));
  } else {
    if (PyUnicode_Check(object.ptr()) || PyBytes_Check(object.ptr())) Refuse(std::string(name) + " must be integers");
    const nb::object items = nb::steal(PySequence_List(object.ptr()));
    if (!items.is_valid()) throw nb::python_error();
    const auto count = static_cast<size_t>(PyList_Size(items.ptr()));
    copy_.resize(count);
    for (size_t i = 0; i < count; ++i) {
      const nb::object number = nb::steal(PyNumber_Index(PyList_GetItem(items.ptr(), static_cast<Py_ssize_t>(i))));
      if (!number.is_valid()) throw nb::python_error();
      int overflow = 0;
      const long long value = PyLong_AsLongLongAndOverflow(number.ptr(), &overflow);
      copy_[i] = ToId(overflow != 0 ? -1 : value);
    }
  }
  view_ = copy_;
}

CandidateIds::CandidateIds(nb::handle object, const char* name) : array(ToRead(object, name)) {
  CheckVectorOfIntegers(array, name);
  count = array.shape(0);
  const size_t bytes = array.dtype().bits / 8;
  if (count > 1 && array.stride(0) < 1) Refuse(std::string(name) + " must go forwards in memory, and not repeat");
  for (size_t i = 0; i < count; ++i) {
    const int64_t id = Integer(array, i);
    if (id != int64_t{ToId(id)}) Refuse(std::string(name) + " must be in [0,4294967295], got " + std::to_string(id) + " at " + std::to_string(i));
  }
  // Of a wider integer that half which holds the id.
  const size_t before = std::endian::native == std::endian::big ? bytes - 4 : 0;
  data = static_cast<const char*>(array.data()) + before;
  stride_bytes = count > 1 ? static_cast<size_t>(array.stride(0)) * bytes : 0;
}

}  // namespace verdigris::python
