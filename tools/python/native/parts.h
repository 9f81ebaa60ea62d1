// What the parts of the module add to it, and what they lend each other.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

namespace verdigris::python {

void AddCorpus(nanobind::module_& module);     // Corpus, Units, Table
void AddDetecting(nanobind::module_& module);  // Finding, Detector, adjust
void AddMarking(nanobind::module_& module);    // Profile, Key, Marker, History and batches
void AddPocket(nanobind::module_& module);     // Pocket, Session
void AddSafeFiles(nanobind::module_& module);  // read_secret, read_trusted
void AddSampling(nanobind::module_& module);   // Drawn, draw
void AddTokenizer(nanobind::module_& module);  // Tokenizer

// The numbers as a numpy array of this shape, which owns them from then on.
template <class T, size_t kDimensions>
nanobind::ndarray<nanobind::numpy, T, nanobind::ndim<kDimensions>, nanobind::c_contig> ToNumpy(
    std::vector<T> numbers, const size_t (&shape)[kDimensions]) {
  auto* kept = new std::vector<T>(std::move(numbers));
  const nanobind::capsule owner(kept, [](void* p) noexcept { delete static_cast<std::vector<T>*>(p); });
  return {kept->data(), kDimensions, shape, owner};
}

}  // namespace verdigris::python
