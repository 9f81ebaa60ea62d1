// Pocket and Session: the pocket model for Python. Weights are never copied, and the interpreter is free for
// other threads while a model computes.
//
// Tested by tests/python/.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/map.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/unique_ptr.h>
#include <nanobind/stl/vector.h>

#include "tools/pocket_lm/pocket_lm.h"
#include "tools/python/native/errors.h"
#include "tools/python/native/handles.h"
#include "tools/python/native/parts.h"
#include "tools/python/native/ranking.h"
#include "tools/python/native/sampling.h"
#include "tools/python/native/tokenizer.h"
#include "watermark/marker.h"
#include "watermark/sampler.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace verdigris::python {
namespace {

using Ids = std::vector<uint32_t>;

// Of one call, so that a long list of ids is an error and not the end of the memory.
constexpr size_t kMaxNumbers = size_t{1} << 28;
// Rows of logits that are held at a time where only their ranking is wanted.
constexpr size_t kRowsAtATime = 64;

class Pocket {
 public:
  static Pocket Load(const std::string& folder) {
    auto tokenizer = PythonTokenizer::Load(folder + "/tokenizer.model");
    const nb::gil_scoped_release release;
    auto model = Unwrap(pocket::PocketLm::Load(folder));
    if (model.vocab() != tokenizer->get().vocab()) {
      throw Raised({ErrorKind::kMismatch, folder + ": the model has " + std::to_string(model.vocab()) + " ids, its tokenizer " +
                                              std::to_string(tokenizer->get().vocab())});
    }
    return {std::move(model), std::move(tokenizer)};
  }

  pocket::PocketLm model;
  std::shared_ptr<PythonTokenizer> tokenizer;
};

void CheckNumbers(size_t rows, size_t columns) {
  if (rows > kMaxNumbers / columns) {
    throw Raised({ErrorKind::kLimit, std::to_string(rows) + " rows of " + std::to_string(columns) + " numbers, the limit is 2^28 numbers"});
  }
}

// One text that is being read or written. A lock, since Python cannot be kept from sharing it among threads.
class PythonSession {
 public:
  explicit PythonSession(const Pocket& pocket) : pocket_(pocket), session_(pocket.model) {}
  PythonSession(const PythonSession& other) : pocket_(other.pocket_), session_(other.Locked()) {}

  void Feed(const Ids& ids) {
    const nb::gil_scoped_release release;
    const std::lock_guard lock(mutex_);
    Unwrap(session_.Feed(ids));
  }

  size_t Length() const {
    const std::lock_guard lock(mutex_);
    return session_.length();
  }

  std::vector<float> Logits() const {
    const std::lock_guard lock(mutex_);
    return {Row().begin(), Row().end()};
  }

  double LogProbability(uint32_t id) const {
    const std::lock_guard lock(mutex_);
    const auto row = Row();
    if (id >= row.size()) {
      throw Raised(IdOutOfRange(id, row.size()));
    }
    return row[id] - LogSumExp(row);
  }

  std::pair<Ids, std::vector<double>> Ranked(size_t k) const {
    const nb::gil_scoped_release release;
    const std::lock_guard lock(mutex_);
    const auto row = Row();
    Ids ids(std::min(k, row.size()));
    std::vector<double> log_probabilities(ids.size());
    Rank(row, LogSumExp(row), ids, log_probabilities);
    return {std::move(ids), std::move(log_probabilities)};
  }

  struct Read {
    std::vector<double> log_probabilities;
    Ids ids;
    std::vector<double> ranked;
    size_t k;
  };
  Read ReadIds(const Ids& ids, size_t k) {
    const nb::gil_scoped_release release;
    const std::lock_guard lock(mutex_);
    const size_t vocab = pocket_.model.vocab();
    k = std::min(k, vocab);
    CheckNumbers(ids.size(), k + 1);
    std::vector<float> before(Row().begin(), Row().end());
    Read read{{}, Ids(ids.size() * k), std::vector<double>(ids.size() * k), k};
    std::vector<float> rows;
    for (size_t at = 0; at < ids.size();) {
      const auto part = std::span(ids).subspan(at, std::min(kRowsAtATime, ids.size() - at));
      rows.resize(part.size() * vocab);
      Unwrap(session_.FeedEach(part, rows));
      for (size_t i = 0; i < part.size(); ++i, ++at) {
        const auto row = i == 0 ? std::span<const float>(before) : std::span<const float>(rows).subspan((i - 1) * vocab, vocab);
        const double log_sum = LogSumExp(row);
        read.log_probabilities.push_back(row[part[i]] - log_sum);
        Rank(row, log_sum, std::span(read.ids).subspan(at * k, k), std::span(read.ranked).subspan(at * k, k));
      }
      before.assign(rows.end() - static_cast<std::ptrdiff_t>(vocab), rows.end());
    }
    return read;
  }

  PythonDrawn Draw(double uniform, const SamplingOptions& sampling, const std::map<uint32_t, double>& bias, const Marker* marker,
                   const Ids& output) {
    const nb::gil_scoped_release release;
    const std::lock_guard lock(mutex_);
    row_.assign(Row().begin(), Row().end());
    if (marker != nullptr && marker->profile().tokenizer_sha256() != pocket_.tokenizer->get().digest()) {
      throw Raised({ErrorKind::kMismatch, "tokenizer_sha256 of the profile is " + Hex(marker->profile().tokenizer_sha256()) +
                                              ", the model's is " + Hex(pocket_.tokenizer->get().digest())});
    }
    pocket::DropSpecials(pocket_.tokenizer->get().special_ids(), pocket_.model.eos_id(), row_);
    return DrawFrom(row_, bias, sampling, marker, output, Repeat::kFind, uniform, buffers_);
  }

 private:
  // Precondition: the lock is held.
  std::span<const float> Row() const {
    if (session_.logits().empty()) throw Raised({ErrorKind::kFailedPrecondition, "the session has been fed no token"});
    return session_.logits();
  }
  pocket::Session Locked() const {
    const std::lock_guard lock(mutex_);
    return session_;
  }

  Pocket pocket_;
  mutable std::mutex mutex_;
  pocket::Session session_;
  std::vector<float> row_;
  SamplerBuffers buffers_;
};

pocket::Session Fed(const Pocket& pocket, const Ids& ids) {
  pocket::Session session(pocket.model);
  Unwrap(session.Feed(ids));
  if (ids.empty()) throw Raised({ErrorKind::kInvalidArgument, "there are no ids"});
  return session;
}

std::vector<float> AllLogits(const Pocket& pocket, const Ids& ids) {
  const size_t vocab = pocket.model.vocab();
  CheckNumbers(ids.size(), vocab);
  std::vector<float> rows(ids.size() * vocab);
  pocket::Session session(pocket.model);
  Unwrap(session.FeedEach(ids, rows));
  return rows;
}

}  // namespace

void AddPocket(nb::module_& module) {
  nb::class_<Pocket>(module, "Pocket", "The pocket model, or one of its form in a folder. Immutable; any number of threads.")
      .def("__init__", [](Pocket* self, const std::string& folder) { new (self) Pocket(Pocket::Load(folder)); }, "folder"_a)
      .def(
          "logits",
          [](const Pocket& self, const Ids& ids) {
            std::vector<float> row;
            {
              const nb::gil_scoped_release release;
              const pocket::Session session = Fed(self, ids);
              row.assign(session.logits().begin(), session.logits().end());
            }
            return ToNumpy<float, 1>(std::move(row), {self.model.vocab()});
          },
          "ids"_a, "Of the token that comes after these: float32 [vocab].")
      .def(
          "all_logits",
          [](const Pocket& self, const Ids& ids) {
            std::vector<float> rows;
            {
              const nb::gil_scoped_release release;
              rows = AllLogits(self, ids);
            }
            return ToNumpy<float, 2>(std::move(rows), {ids.size(), self.model.vocab()});
          },
          "ids"_a, "After each of the ids, in one pass: float32 [len(ids), vocab]; row i is logits(ids[:i + 1]).")
      .def(
          "all_log_probabilities",
          [](const Pocket& self, const Ids& ids) {
            const size_t vocab = self.model.vocab();
            std::vector<double> numbers;
            {
              const nb::gil_scoped_release release;
              const std::vector<float> rows = AllLogits(self, ids);
              numbers.reserve(rows.size());
              for (size_t at = 0; at < rows.size(); at += vocab) {
                const auto row = std::span(rows).subspan(at, vocab);
                const double log_sum = LogSumExp(row);
                for (const float logit : row) numbers.push_back(logit - log_sum);
              }
            }
            return ToNumpy<double, 2>(std::move(numbers), {ids.size(), vocab});
          },
          "ids"_a, "The same as natural logarithms of probabilities: float64 [len(ids), vocab].")
      .def("session", [](const Pocket& self) { return std::make_unique<PythonSession>(self); }, "A text without tokens yet.")
      .def_ro("tokenizer", &Pocket::tokenizer)
      .def_prop_ro("vocab", [](const Pocket& self) { return self.model.vocab(); })
      .def_prop_ro("context", [](const Pocket& self) { return self.model.context(); }, "Tokens that decide about the next.")
      .def_prop_ro("bos_id", [](const Pocket& self) { return self.model.bos_id(); })
      .def_prop_ro("eos_id", [](const Pocket& self) { return self.model.eos_id(); });

  nb::class_<PythonSession>(module, "Session", "One text that is being read or written. A copy goes its own way.")
      .def("feed", &PythonSession::Feed, "ids"_a, "Appends tokens. Where the context is full, its older half goes.")
      .def("__len__", &PythonSession::Length, "Tokens held, at most the model's context.")
      .def("copy", [](const PythonSession& self) { return std::make_unique<PythonSession>(self); })
      .def("__copy__", [](const PythonSession& self) { return std::make_unique<PythonSession>(self); })
      .def(
          "logits",
          [](const PythonSession& self) {
            std::vector<float> row = self.Logits();
            const size_t size = row.size();
            return ToNumpy<float, 1>(std::move(row), {size});
          },
          "Of the next token: float32 [vocab].")
      .def("log_probability", &PythonSession::LogProbability, "id"_a, "ln p of this id as the next token, at temperature 1.")
      .def("ranked", &PythonSession::Ranked, "k"_a, "The k likeliest next ids, likeliest first, and their ln p at temperature 1.")
      .def(
          "read",
          [](PythonSession& self, const Ids& ids, size_t k) {
            auto read = self.ReadIds(ids, k);
            return nb::make_tuple(ToNumpy<double, 1>(std::move(read.log_probabilities), {ids.size()}),
                                  ToNumpy<uint32_t, 2>(std::move(read.ids), {ids.size(), read.k}),
                                  ToNumpy<double, 2>(std::move(read.ranked), {ids.size(), read.k}));
          },
          "ids"_a, "k"_a,
          "Feeds ids, and gives what the model held of each before it came: its ln p [n], the k likeliest ids [n, k], and\n"
          "their ln p [n, k]. One pass. The session must not be empty.",
          nb::sig("def read(self, ids: Sequence[int], k: int) -> tuple[NDArray[numpy.float64], NDArray[numpy.uint32], "
                  "NDArray[numpy.float64]]"))
      .def(
          "draw",
          [](PythonSession& self, double uniform, double temperature, uint32_t top_k, double top_p, double min_p,
             const std::map<uint32_t, double>& bias, const PythonMarker* marker, const Ids& output) {
            return self.Draw(uniform, {temperature, top_k, top_p, min_p}, bias, marker != nullptr ? &marker->get() : nullptr, output);
          },
          "uniform"_a, nb::kw_only(), "temperature"_a = 1.0, "top_k"_a = 0, "top_p"_a = 1.0, "min_p"_a = 0.0,
          "bias"_a = std::map<uint32_t, double>(), "marker"_a.none() = nb::none(), "output"_a = Ids(),
          "Draws the next token from one uniform number in [0,1), and feeds nothing. Special tokens other than the end are\n"
          "not drawn. With a marker, `output` is this answer so far, without its prompt.");
}

}  // namespace verdigris::python
