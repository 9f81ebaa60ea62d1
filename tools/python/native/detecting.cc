// Detector, Finding, detect_arrow and adjust: the judgement of `verdigris detect` for Python, by the same code (tools/judgement.h).
//
// Tested by tests/python/detect_test.py and arrow_test.py.
#include <cmath>
#include <limits>
#include <memory>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/unique_ptr.h>
#include <nanobind/stl/vector.h>

#include "tools/judgement.h"
#include "tools/python/native/arrow_capsule.h"
#include "tools/python/native/arrow_findings.h"
#include "tools/python/native/errors.h"
#include "tools/python/native/handles.h"
#include "tools/python/native/parts.h"
#include "tools/python/native/tensors.h"
#include "verify/multiplicity.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace verdigris::python {
namespace {

KeyFile Copy(const KeyFile& key) { return {key.role, key.scheme_id, key.epoch, key.account, key.created, key.key.Clone()}; }

// The finding of the one test. What the command line calls standard input has no name here.
Result<verify::Finding> First(Result<tools::Judged> judged) {
  if (judged) return std::move(judged->results.findings.front());
  constexpr std::string_view kName = "standard input: ";
  Error error = std::move(judged).error();
  if (error.message.starts_with(kName)) error.message.erase(0, kName.size());
  return Unexpected(std::move(error));
}

// Immutable; any number of threads. `tokenizer` is a path; empty: looked for beside the profile.
class Detector {
 public:
  Detector(const PythonProfile& profile, const std::vector<const PythonKey*>& keys, double alpha, const std::string& rule, const std::string& tokenizer,
           bool of_text) {
    if (!(alpha > 0 && alpha < 1)) throw Raised({ErrorKind::kInvalidArgument, "alpha must be in (0,1), got " + std::to_string(alpha)});
    if (rule != "first" && rule != "tuple") throw Raised({ErrorKind::kInvalidArgument, "rule must be first or tuple"});
    tools::JudgeArguments arguments;
    std::ostringstream exact;
    exact.precision(std::numeric_limits<double>::max_digits10);
    exact << alpha;
    arguments.alpha = exact.str();
    arguments.rule = rule;
    arguments.profile = profile.path;
    arguments.tokenizer = tokenizer;
    std::vector<KeyFile> files;
    for (const PythonKey* key : keys) {  // null is how None arrives
      if (key == nullptr) throw nb::type_error("keys must be of verdigris.Key");
      files.push_back(Copy(key->get()));
    }
    const nb::gil_scoped_release release;
    std::string hint;
    judge_ = std::make_shared<const tools::Judge>(Unwrap(tools::MakeJudge(arguments, profile.get(), std::move(files), of_text, hint)));
    if (judge_->keys.tests().size() != 1) {
      throw Raised({ErrorKind::kInvalidArgument, "keys must make one test, of one account at most, got those of " + std::to_string(judge_->keys.tests().size()) +
                                                     ": detect with each, and adjust the p-values"});
    }
  }

  verify::Finding OfText(std::string_view text, const std::string& name) const {
    const nb::gil_scoped_release release;
    return One(tools::JudgeDocument(*judge_, name, text));
  }

  // The interpreter need not be held.
  JudgeDocument ForArrow() const {
    return [judge = judge_](const ArrowDocument& document) -> Result<verify::Finding> {
      const auto* text = std::get_if<std::string_view>(&document);
      auto judged = text != nullptr ? tools::JudgeDocument(*judge, "-", *text) : [&] {
        const auto ids = std::get<std::span<const uint32_t>>(document);
        return tools::JudgeIds(*judge, "-", {ids.begin(), ids.end()});
      }();
      return First(std::move(judged));
    };
  }

  verify::Finding OfIds(nb::handle ids, const std::string& name) const {
    const Ids read(ids, "ids");
    const nb::gil_scoped_release release;
    return One(tools::JudgeIds(*judge_, name, {read.view().begin(), read.view().end()}));
  }

 private:
  static verify::Finding One(Result<tools::Judged> judged) { return Unwrap(First(std::move(judged))); }

  std::shared_ptr<const tools::Judge> judge_;
};

// Handed out once, as a capsule.
class ArrowFindings {
 public:
  explicit ArrowFindings(ArrowArrayStream stream) : stream_(stream) {}
  ArrowFindings(const ArrowFindings&) = delete;
  ~ArrowFindings() {
    if (stream_.release != nullptr) stream_.release(&stream_);
  }

  nb::object Capsule(nb::handle) {
    if (stream_.release == nullptr) throw Raised({ErrorKind::kInvalidArgument, "these findings were already taken: detect again"});
    auto held = std::make_unique<ArrowArrayStream>(stream_);
    const nb::object capsule = nb::steal(PyCapsule_New(held.get(), "arrow_array_stream", [](PyObject* self) {
      auto* stream = static_cast<ArrowArrayStream*>(PyCapsule_GetPointer(self, "arrow_array_stream"));
      if (stream->release != nullptr) stream->release(stream);
      delete stream;
    }));
    if (!capsule.is_valid()) throw nb::python_error();
    held.release();
    stream_.release = nullptr;
    return capsule;
  }

 private:
  ArrowArrayStream stream_;
};

std::unique_ptr<ArrowFindings> DetectArrow(const nb::object& data, const std::string& column, const PythonProfile& profile,
                                           const std::vector<const PythonKey*>& keys, double alpha, const std::string& rule, const std::string& tokenizer) {
  ArrowSource source;
  nb::object schema_capsule, capsule;  // until what they hold is taken out of them
  if (nb::hasattr(data, "__arrow_c_stream__")) {
    capsule = data.attr("__arrow_c_stream__")();
    source.stream.emplace(*FromCapsule<ArrowArrayStream>(capsule, "arrow_array_stream"));
    ArrowArrayStream& stream = **source.stream;
    if (stream.get_schema(&stream, &*source.schema) != 0) throw Raised({ErrorKind::kIo, "an Arrow stream has no schema"});
  } else if (nb::hasattr(data, "__arrow_c_array__")) {
    const nb::object both = data.attr("__arrow_c_array__")();
    schema_capsule = both[0];
    capsule = both[1];
    Owned<ArrowSchema> schema(*FromCapsule<ArrowSchema>(schema_capsule, "arrow_schema"));
    std::swap(*source.schema, *schema);
    source.batch.emplace(*FromCapsule<ArrowArray>(capsule, "arrow_array"));
  } else {
    throw Raised({ErrorKind::kInvalidArgument, "data must have __arrow_c_stream__ or __arrow_c_array__"});
  }
  const bool of_ids = Unwrap(HoldsIds(*source.schema, column));
  const Detector detector(profile, keys, alpha, rule, tokenizer, !of_ids);
  return std::make_unique<ArrowFindings>(FindingStream(std::move(source), column, detector.ForArrow()));
}

// Whether each is rejected, and its adjusted p, in the order given.
nb::tuple Adjust(const std::vector<double>& log10_p, const std::string& control, double alpha) {
  verify::Control which;
  if (control == "holm") {
    which = verify::Control::kHolm;
  } else if (control == "bh") {
    which = verify::Control::kBenjaminiHochberg;
  } else if (control == "by") {
    which = verify::Control::kBenjaminiYekutieli;
  } else {
    throw Raised({ErrorKind::kInvalidArgument, "control must be holm, bh or by"});
  }
  if (!(alpha > 0 && alpha < 1)) throw Raised({ErrorKind::kInvalidArgument, "alpha must be in (0,1), got " + std::to_string(alpha)});
  for (size_t i = 0; i < log10_p.size(); ++i) {
    if (!(log10_p[i] <= 0)) throw Raised({ErrorKind::kInvalidArgument, "log10_p must be at most 0, got " + std::to_string(log10_p[i]) + " at " + std::to_string(i)});
  }
  const verify::Rejections done = verify::Reject(which, log10_p, log10_p.size(), std::log10(alpha));
  auto* rejected = new bool[log10_p.size() + 1]();
  const nb::capsule owner(rejected, [](void* p) noexcept { delete[] static_cast<bool*>(p); });
  std::vector<double> adjusted(log10_p.size());
  for (size_t place = 0; place < done.order.size(); ++place) {
    rejected[done.order[place]] = place < done.rejected;
    adjusted[done.order[place]] = done.log10_adjusted[place];
  }
  const size_t count = log10_p.size();
  return nb::make_tuple(nb::ndarray<nb::numpy, bool, nb::ndim<1>, nb::c_contig>(rejected, {count}, owner), ToNumpy<double, 1>(std::move(adjusted), {count}));
}

}  // namespace

void AddDetecting(nb::module_& module) {
  nb::class_<verify::Finding>(module, "Finding", "What a test of one text under given keys says. That it does not detect is a result, never an error.")
      .def_prop_ro("verdict", [](const verify::Finding& self) { return std::string(verify::VerdictName(self.verdict)); }, "detected, not_detected or inconclusive.")
      .def_prop_ro("detected", [](const verify::Finding& self) { return self.verdict == verify::Verdict::kDetected; })
      .def_ro("log10_p", &verify::Finding::log10_p)
      .def_ro("log10_p_anytime", &verify::Finding::log10_p_anytime)
      .def_prop_ro("tokens", [](const verify::Finding& self) { return self.counts.tokens; })
      .def_prop_ro("scored", [](const verify::Finding& self) { return self.counts.scored; })
      .def_prop_ro("repeats", [](const verify::Finding& self) { return self.counts.repeated + self.counts.duplicate; }, "Positions that repeat a window or a tuple.")
      .def("to_json", [](const verify::Finding& self) { return verify::ToJson(self); }, "The line of `verdigris detect --json`.")
      .def(
          "to_dict", [](const verify::Finding& self) { return nb::module_::import_("json").attr("loads")(verify::ToJson(self)); },
          "The same as a dictionary.", nb::sig("def to_dict(self) -> dict[str, typing.Any]"))
      .def("__repr__", [](const verify::Finding& self) {
        std::ostringstream text;
        text << "<verdigris.Finding " << verify::VerdictName(self.verdict) << ", log10 p " << self.log10_p << ">";
        return text.str();
      });

  nb::class_<Detector>(module, "Detector", "A profile, keys and a tokenizer, ready to judge texts. Immutable; any number of threads.")
      .def(nb::init<const PythonProfile&, const std::vector<const PythonKey*>&, double, const std::string&, const std::string&, bool>(), "profile"_a, "keys"_a,
           "alpha"_a, "rule"_a, "tokenizer"_a, "of_text"_a)
      .def("of_text", [](const Detector& self, const nb::bytes& text, const std::string& name) { return self.OfText({text.c_str(), text.size()}, name); }, "text"_a, "name"_a)
      .def("of_ids", &Detector::OfIds, "ids"_a, "name"_a, nb::sig("def of_ids(self, ids: object, name: str) -> Finding"));

  nb::class_<ArrowFindings>(module, "ArrowFindings", "A stream of Arrow batches, to be taken once.")
      .def("__arrow_c_stream__", &ArrowFindings::Capsule, "requested_schema"_a.none() = nb::none(),
           nb::sig("def __arrow_c_stream__(self, requested_schema: object = None) -> typing.Any"));
  module.def("detect_arrow", &DetectArrow, "data"_a, "column"_a, "profile"_a, "keys"_a, "alpha"_a, "rule"_a, "tokenizer"_a);

  module.def("adjust", &Adjust, "log10_p"_a, nb::kw_only(), "control"_a = "holm", "alpha"_a = .01,
             "Which of many p-values are rejected, and each one adjusted, in log10. control: holm (family-wise), bh or by (false\n"
             "discovery rate, under positive or any dependence).",
             nb::sig("def adjust(log10_p: Sequence[float] | NDArray[numpy.float64], *, control: str = 'holm', alpha: float = 0.01) -> "
                     "tuple[NDArray[numpy.bool_], NDArray[numpy.float64]]"));
}

}  // namespace verdigris::python
