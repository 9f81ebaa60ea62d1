// Rows of logits of any engine on the host: draw, the sampler of watermark/sampler.h, and what a model holds of ids, ranked and
// log_probability.
//
// Tested by tests/python/marking_test.py.
#include "tools/python/native/sampling.h"

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/map.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "tools/python/native/errors.h"
#include "tools/python/native/handles.h"
#include "tools/python/native/parts.h"
#include "tools/python/native/ranking.h"
#include "tools/python/native/tensors.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace verdigris::python {
namespace {

// Valid as long as `array`.
std::span<const float> RowOf(const Readable& array) {
  if (array.ndim() != 1) throw Raised({ErrorKind::kInvalidArgument, "logits must be one row, got " + std::to_string(array.ndim()) + " axes"});
  if (array.shape(0) == 0) throw Raised({ErrorKind::kInvalidArgument, "there are no logits"});
  return {Packed<float>(array, {array.shape(0)}, "logits", "float32"), array.shape(0)};
}

double LogProbability(nb::handle logits, uint32_t id) {
  const Readable array = ToRead(logits, "logits");
  const auto row = RowOf(array);
  if (id >= row.size()) throw Raised(IdOutOfRange(id, row.size()));
  return row[id] - LogSumExp(row);
}

std::pair<std::vector<uint32_t>, std::vector<double>> Ranked(nb::handle logits, size_t k) {
  const Readable array = ToRead(logits, "logits");
  const auto row = RowOf(array);
  const nb::gil_scoped_release release;
  std::vector<uint32_t> ids(std::min(k, row.size()));
  std::vector<double> log_probabilities(ids.size());
  Rank(row, LogSumExp(row), ids, log_probabilities);
  return {std::move(ids), std::move(log_probabilities)};
}

PythonDrawn Draw(nb::handle logits, double uniform, double temperature, uint32_t top_k, double top_p, double min_p,
                 const std::map<uint32_t, double>& bias, const PythonMarker* marker, nb::handle output_ids, const std::string& repeat) {
  const auto when = static_cast<Repeat>(RepeatOf(repeat));
  const Readable array = ToRead(logits, "logits");
  const auto from = RowOf(array);
  std::vector<float> row(from.begin(), from.end());
  const Ids output(output_ids, "output_ids");
  const nb::gil_scoped_release release;
  SamplerBuffers buffers;
  return DrawFrom(row, bias, {temperature, top_k, top_p, min_p}, marker != nullptr ? &marker->get() : nullptr, output.view(), when, uniform, buffers);
}

}  // namespace

Error IdOutOfRange(uint32_t id, size_t vocab) {
  return {ErrorKind::kInvalidArgument, "token id must be below " + std::to_string(vocab) + ", got " + std::to_string(id)};
}

PythonDrawn DrawFrom(std::span<float> row, const std::map<uint32_t, double>& bias, const SamplingOptions& sampling, const Marker* marker,
                     std::span<const uint32_t> output, Repeat repeat, double uniform, SamplerBuffers& buffers) {
  for (const auto& [id, nats] : bias) {
    if (id >= row.size()) throw Raised(IdOutOfRange(id, row.size()));
    row[id] += static_cast<float>(nats);
  }
  const Drawn drawn = Unwrap(DrawToken(row, sampling, marker, output, repeat, uniform, buffers));
  return {drawn.id, static_cast<int>(drawn.price.state), static_cast<int>(drawn.price.layer), drawn.price.masses ? drawn.price.masses->kl_qp : 0};
}

void AddSampling(nb::module_& module) {
  nb::class_<PythonDrawn>(module, "Drawn", "A token and what became of its position.")
      .def_ro("id", &PythonDrawn::id)
      .def_ro("state", &PythonDrawn::state, "1 marked, 2 off, 3 short, 4 special, 5 repeated, 6 no choice.")
      .def_ro("layer", &PythonDrawn::layer, "1 provider, 2 account, 0 where it is not marked.")
      .def_ro("nats", &PythonDrawn::nats, "KL of the marked from the unmarked distribution at this position.");

  module.def("log_probability", &LogProbability, "logits"_a, "id"_a, "ln p of this id under a row of float32 logits, at temperature 1.",
             nb::sig("def log_probability(logits: object, id: int) -> float"));
  module.def("ranked", &Ranked, "logits"_a, "k"_a, "The k likeliest ids of a row of float32 logits, likeliest first, and their ln p at temperature 1.",
             nb::sig("def ranked(logits: object, k: int) -> tuple[list[int], list[float]]"));
  module.def("draw", &Draw, "logits"_a, "uniform"_a, nb::kw_only(), "temperature"_a = 1.0, "top_k"_a = 0, "top_p"_a = 1.0, "min_p"_a = 0.0,
             "bias"_a = std::map<uint32_t, double>(), "marker"_a.none() = nb::none(), "output_ids"_a = nb::tuple(), "repeat"_a = "auto",
             "Draws a token from a row of float32 logits, entry i of id i, and one uniform number in [0,1): temperature (0: the likeliest),\n"
             "top-k, top-p, min-p, then the mark, then the draw. The row stays as it is.\n\n"
             "output_ids: ids of this answer so far, without its prompt. repeat: auto, new or repeated.",
             nb::sig("def draw(logits: object, uniform: float, *, temperature: float = 1.0, top_k: int = 0, top_p: float = 1.0, min_p: float = 0.0, "
                     "bias: Mapping[int, float] = {}, marker: Marker | None = None, output_ids: object = (), repeat: str = 'auto') -> Drawn"));
}

}  // namespace verdigris::python
