// Corpus, Units, Table: what an engine's worker calls. Keys, profile and tokenizer are opened here, from files, under the rules of the
// command line; what goes in and out is paths, lines of units, and the bytes of unit files.
//
// Tested by tests/python/corpus_test.py.
#include <algorithm>
#include <chrono>
#include <limits>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <nanobind/nanobind.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/unique_ptr.h>
#include <nanobind/stl/vector.h>

#include "tools/python/native/arrow_capsule.h"
#include "tools/python/native/arrow_strings.h"
#include "tools/python/native/errors.h"
#include "tools/python/native/parts.h"
#include "tools/scan_listing.h"
#include "tools/scan_run.h"
#include "verify/corpus/scan.h"
#include "verify/corpus/table.h"
#include "verify/corpus/unit_stream.h"
#include "verify/file.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace verdigris::python {
namespace {

constexpr uint64_t kNoEnd = std::numeric_limits<uint64_t>::max();
constexpr std::chrono::milliseconds kTick{50};

// Ctrl-C while the library works. The interpreter is held.
void CheckSignals() {
  if (PyErr_CheckSignals() != 0) throw nb::python_error();
}

// What to do about an error stands behind it.
template <class F>
Result<void> WithHint(F work) {
  std::string hint;
  auto done = work(hint);
  if (!done && !hint.empty()) return Fail(done.error().kind, done.error().message + " (" + hint + ")");
  return done;
}

// ---- lines of units

// A line names the first segment of a granule, the run and the input, as units.jsonl has it; or it is a unit, as merge writes those that
// are missing.
struct UnitLine {
  uint64_t segment = 0;
  std::optional<Digest> run;  // none: any, and no time of the input is known
  verify::ListedInput input;

  bool alone() const { return !run || verify::SegmentsAlone(input); }
};

std::string Write(const UnitLine& line) { return std::to_string(line.segment) + " " + Hex(*line.run) + " " + verify::ListedInputJson(line.input); }

Result<UnitLine> ParseUnitLine(std::string_view text) {
  UnitLine line;
  if (text.starts_with('{')) {
    VERDIGRIS_ASSIGN_OR_RETURN(const Json json, ParseCanonicalJson(text));
    VERDIGRIS_ASSIGN_OR_RETURN(line.input.unit, verify::ParseUnit(json));
    line.segment = std::exchange(line.input.unit.segment, 0);
    return line;
  }
  const size_t first = std::min(text.find(' '), text.size()), second = std::min(text.find(' ', first + 1), text.size());
  VERDIGRIS_ASSIGN_OR_RETURN(line.segment, tools::ParseInteger("segment", text.substr(0, first), 0, uint64_t{1} << 40));
  Digest run;
  if (second == text.size() || !ParseHex(text.substr(first + 1, second - first - 1), run)) return Fail(ErrorKind::kMalformed, "run must be 64 digits of hex");
  line.run = run;
  VERDIGRIS_ASSIGN_OR_RETURN(line.input, verify::ParseListedInput(text.substr(second + 1)));
  return line;
}

std::vector<std::string> LoadUnits(const std::string& path) {
  constexpr size_t kMostLineBytes = size_t{1} << 20;
  const nb::gil_scoped_release release;
  std::vector<std::string> lines;
  auto reader = Unwrap(verify::LineReader::Open(path, kMostLineBytes));
  std::string_view text;
  if (Unwrap(reader.Next(text)) && !verify::ParseUnitListHead(text)) {
    do {
      if (auto line = ParseUnitLine(text); !line) throw Raised({ErrorKind::kMalformed, reader.Place() + ": no list of units: " + line.error().message});
      lines.emplace_back(text);
    } while (Unwrap(reader.Next(text)));
    return lines;
  }
  const verify::UnitList list = Unwrap(verify::ReadUnitList(path));
  for (const verify::ListedInput& input : list.inputs) {
    const uint64_t granules = verify::SegmentsAlone(input) ? input.segments : 1;
    for (uint64_t segment = 0; segment < granules; ++segment) lines.push_back(Write({segment, list.run, input}));
  }
  return lines;
}

// ---- a run on a worker

class Corpus {
 public:
  Corpus(tools::ScanArguments arguments, std::string spill_folder, uint64_t memory_bytes)
      : arguments_(std::move(arguments)), spill_folder_(std::move(spill_folder)), memory_bytes_(memory_bytes) {
    Unwrap(WithHint([&](std::string& hint) { return tools::ResumeRun(arguments_, run_, hint); }));
    run_digest_ = verify::RunDigest(run_.inputs.run);
  }

  const verify::ScanSetup& setup() const { return run_.inputs.setup; }
  const verify::ReadOptions& read() const { return run_.reading.read; }
  const verify::GroupNamer& namer() const { return *run_.namer; }
  const std::string& spill_folder() const { return spill_folder_; }
  uint64_t memory_bytes() const { return memory_bytes_; }
  const std::string& directory() const { return arguments_.output; }
  std::string run_digest() const { return Hex(run_digest_); }

  verify::Input Find(const UnitLine& line) const {
    if (line.run && *line.run != run_digest_) {
      throw Raised({ErrorKind::kFailedPrecondition, "units are of run " + Hex(*line.run).substr(0, 16) + ", " + directory() + " has run " + run_digest().substr(0, 16)});
    }
    return Unwrap(tools::FindListed(line.input, run_.reading, arguments_.ignore_mtime || !line.run));
  }

  // Shard `shard` of `shards` into the directory; what failed as (uri, code, reason).
  std::vector<std::tuple<std::string, std::string, std::string>> ScanShard(uint64_t shard, uint64_t shards, size_t threads) const {
    if (shards == 0 || shard >= shards) throw Raised({ErrorKind::kInvalidArgument, "rank must be below world_size"});
    std::optional<nb::gil_scoped_release> release(std::in_place);
    const tools::Listing listing = Unwrap(tools::ListAll(arguments_, run_.reading, {}));
    const auto directory = Unwrap(tools::OpenDirectory(arguments_, run_, tools::ListOf(listing.inputs, read(), run_digest_)));
    verify::ScanOptions options;
    options.threads = threads;
    options.shard = shard;
    options.shards = shards;
    options.memory_bytes = memory_bytes_;
    std::vector<std::tuple<std::string, std::string, std::string>> failures;
    for (const auto& [uri, code, text] : listing.failures) failures.emplace_back(uri, code, text);
    verify::Scan scan(setup(), directory, listing.inputs, read(), namer(), options);
    scan.Start();
    while (!scan.WaitFor(kTick)) {
      release.reset();
      if (PyErr_CheckSignals() != 0) {
        scan.RequestStop();  // its destructor waits for the threads
        throw nb::python_error();
      }
      release.emplace();
    }
    for (const auto& [uri, code, text] : scan.TakeFailures()) failures.emplace_back(uri, code, text);
    if (const auto fatal = scan.fatal()) throw Raised(*fatal);
    return failures;
  }

 private:
  tools::ScanArguments arguments_;
  std::string spill_folder_;
  uint64_t memory_bytes_;
  tools::ScanRun run_;
  Digest run_digest_{};
};

using Row = std::tuple<std::string, nb::bytes>;  // unit id, body

nb::bytes ToBytes(const std::string& bytes) { return nb::bytes(bytes.data(), bytes.size()); }

// Iterates over the units of one line. A lock, since Python cannot be kept from sharing it among threads.
class Units {
 public:
  Units(std::shared_ptr<const Corpus> corpus, const std::string& line) : corpus_(std::move(corpus)) {
    const nb::gil_scoped_release release;
    auto read = ParseUnitLine(line);
    if (!read) throw Raised({ErrorKind::kMalformed, "no line of load_units: " + read.error().message});
    const UnitLine& parsed = *read;
    if (parsed.input.unit.format == verify::kTableFormat) {
      throw Raised({ErrorKind::kInvalidArgument, parsed.input.unit.uri + " is a table: its rows are read by scan_table"});
    }
    uri_ = parsed.input.unit.uri;
    const verify::Input input = corpus_->Find(parsed);
    stream_.emplace(corpus_->setup(), corpus_->read(), corpus_->namer(), corpus_->spill_folder(), corpus_->memory_bytes(), input, parsed.segment,
                    parsed.alone() ? parsed.segment + 1 : kNoEnd);
  }

  Row Next() {
    for (;;) {
      {
        std::optional<nb::gil_scoped_release> release(std::in_place);
        const std::lock_guard lock(mutex_);
        auto unit = UnwrapIn(uri_, stream_->Take());
        if (unit) {
          release.reset();
          return {Hex(unit->id), ToBytes(unit->bytes)};
        }
        if (!UnwrapIn(uri_, stream_->Step())) break;
      }
      CheckSignals();
    }
    throw nb::stop_iteration();
  }

 private:
  std::shared_ptr<const Corpus> corpus_;
  std::string uri_;
  std::mutex mutex_;
  std::optional<verify::UnitStream> stream_;
};

// ---- tables

// The rows of one segment.
class Table {
 public:
  explicit Table(std::shared_ptr<const Corpus> corpus) : corpus_(std::move(corpus)) {
    const nb::gil_scoped_release release;
    verify::UnitList list = Unwrap(verify::ReadUnitList(corpus_->directory() + "/" + std::string(verify::kUnitListFile)));
    if (list.inputs.size() != 1 || list.inputs[0].unit.format != verify::kTableFormat) {
      throw Raised({ErrorKind::kMismatch, corpus_->directory() + " is no run over a table: make one with start_table"});
    }
    columns_ = {corpus_->read().id_field, corpus_->read().text_field};
    if (!corpus_->namer().field().empty()) columns_.emplace_back(corpus_->namer().field());
    rows_.emplace(std::move(list.inputs[0].unit));
  }

  const std::vector<std::string>& columns() const { return columns_; }

  // Values of columns().
  void AddRow(const std::vector<std::optional<nb::bytes>>& values) {
    std::vector<std::optional<std::string_view>> row(values.size());
    for (size_t i = 0; i < values.size(); ++i) {
      if (values[i]) row[i] = std::string_view(values[i]->c_str(), values[i]->size());
    }
    Unwrap(Add(row));
  }

  // Anything with __arrow_c_stream__ or __arrow_c_array__.
  void AddArrow(const nb::object& data) {
    const auto on_row = [this](RowOfStrings row) { return Add(row); };
    if (nb::hasattr(data, "__arrow_c_stream__")) {
      const nb::object capsule = data.attr("__arrow_c_stream__")();
      Owned<ArrowArrayStream> stream(*FromCapsule<ArrowArrayStream>(capsule, "arrow_array_stream"));
      const nb::gil_scoped_release release;
      Unwrap(ForEachRow(*stream, columns_, on_row));
      return;
    }
    const nb::object both = data.attr("__arrow_c_array__")();
    const nb::object schema_capsule = both[0], array_capsule = both[1];
    Owned<ArrowSchema> schema(*FromCapsule<ArrowSchema>(schema_capsule, "arrow_schema"));
    Owned<ArrowArray> array(*FromCapsule<ArrowArray>(array_capsule, "arrow_array"));
    const nb::gil_scoped_release release;
    Unwrap(ForEachRow(*schema, *array, columns_, on_row));
  }

  Row Finish(std::optional<uint64_t> segment) {
    Digest id;
    std::string bytes;
    {
      const nb::gil_scoped_release release;
      bytes = Unwrap(rows_->Finish(corpus_->setup(), corpus_->read(), corpus_->namer(), corpus_->spill_folder(), corpus_->memory_bytes(), segment, id));
    }
    return {Hex(id), ToBytes(bytes)};
  }

 private:
  Result<void> Add(RowOfStrings row) {
    if (!row[0]) return Fail(ErrorKind::kInvalidArgument, "a row has no " + columns_[0] + ": give every row one, or leave it out");
    return rows_->Add(*row[0], row[1], row.size() > 2 ? row[2].value_or(std::string_view()) : std::string_view());
  }

  std::shared_ptr<const Corpus> corpus_;
  std::vector<std::string> columns_;
  std::optional<verify::TableRows> rows_;
};

// What `scan -n` does, for a table: run.json, profile and a list of one input.
void StartTable(const tools::ScanArguments& arguments, const std::string& name, uint64_t segments, uint64_t text_bytes) {
  const nb::gil_scoped_release release;
  verify::Input table;  // for the estimate alone
  table.size = static_cast<int64_t>(std::min<uint64_t>(text_bytes, Json::kMaxInteger));
  const verify::Unit unit = verify::TableUnit(name, arguments.text_field.empty() ? verify::ReadOptions().text_field : arguments.text_field, segments);
  Unwrap(verify::CheckUnit(unit));
  tools::ScanRun run;
  Unwrap(WithHint([&](std::string& hint) -> Result<void> {
    VERDIGRIS_RETURN_IF_ERROR(tools::BeginRun(arguments, run));
    VERDIGRIS_RETURN_IF_ERROR(tools::LoadRun(arguments, false, run, hint));
    return tools::CompleteRun(arguments, {table}, run, hint);
  }));
  Unwrap(tools::OpenDirectory(arguments, run, {verify::RunDigest(run.inputs.run), {verify::ListedTable(unit)}}));
}

}  // namespace

void AddCorpus(nb::module_& module) {
  module.def("load_units", &LoadUnits, "path"_a);
  module.def("start_table", &StartTable, "arguments"_a, "name"_a, "segments"_a, "text_bytes"_a);

  nb::class_<tools::ScanArguments>(module, "ScanArguments", "The options of `verdigris scan`, as text.")
      .def(nb::init<>())
      .def_rw("profile", &tools::ScanArguments::profile)
      .def_rw("keys", &tools::ScanArguments::keys)
      .def_rw("tokenizer", &tools::ScanArguments::tokenizer)
      .def_rw("output", &tools::ScanArguments::output)
      .def_rw("stop_list", &tools::ScanArguments::stop_list)
      .def_rw("base", &tools::ScanArguments::base)
      .def_rw("rule", &tools::ScanArguments::rule)
      .def_rw("variants", &tools::ScanArguments::variants)
      .def_rw("min_scored", &tools::ScanArguments::min_scored)
      .def_rw("tau", &tools::ScanArguments::tau)
      .def_rw("assign", &tools::ScanArguments::assign)
      .def_rw("group_by", &tools::ScanArguments::group_by)
      .def_rw("keep", &tools::ScanArguments::keep)
      .def_rw("group_budget", &tools::ScanArguments::group_budget)
      .def_rw("max_doc_bytes", &tools::ScanArguments::max_doc_bytes)
      .def_rw("alpha", &tools::ScanArguments::alpha)
      .def_rw("control", &tools::ScanArguments::control)
      .def_rw("text_field", &tools::ScanArguments::text_field)
      .def_rw("id_field", &tools::ScanArguments::id_field)
      .def_rw("max_record_bytes", &tools::ScanArguments::max_record_bytes)
      .def_rw("exact", &tools::ScanArguments::exact)
      .def_rw("ignore_mtime", &tools::ScanArguments::ignore_mtime)
      .def_rw("without_selector", &tools::ScanArguments::without_selector)
      .def_rw("allow_tokenizer_mismatch", &tools::ScanArguments::allow_tokenizer_mismatch)
      .def_prop_rw("passphrase_file", [](const tools::ScanArguments& a) { return a.secrets.passphrase_file; },
                   [](tools::ScanArguments& a, std::string path) { a.secrets.passphrase_file = std::move(path); })
      .def_prop_rw("insecure_permissions", [](const tools::ScanArguments& a) { return a.secrets.insecure_permissions; },
                   [](tools::ScanArguments& a, bool allow) { a.secrets.insecure_permissions = allow; });

  nb::class_<Corpus>(module, "Corpus", "A run as a worker sees it: its run object, profile, keys and tokenizer, read once.")
      .def("__init__",
           [](Corpus* self, const tools::ScanArguments& arguments, const std::string& spill_folder, uint64_t memory_bytes) {
             const nb::gil_scoped_release release;
             new (self) Corpus(arguments, spill_folder, memory_bytes);
           },
           "arguments"_a, "spill_folder"_a, "memory_bytes"_a)
      .def_prop_ro("run_digest", &Corpus::run_digest)
      .def("scan_shard", &Corpus::ScanShard, "shard"_a, "shards"_a, "threads"_a);

  nb::class_<Units>(module, "Units", "Unit ids and bodies of one line of load_units.")
      .def(nb::init<std::shared_ptr<const Corpus>, const std::string&>(), "corpus"_a, "line"_a)
      .def("__iter__", [](nb::handle self) { return nb::borrow(self); })
      .def("__next__", &Units::Next);

  nb::class_<Table>(module, "Table", "The rows of one segment of a table.")
      .def(nb::init<std::shared_ptr<const Corpus>>(), "corpus"_a)
      .def_prop_ro("columns", &Table::columns)
      .def("add_row", &Table::AddRow, "values"_a)
      .def("add_arrow", &Table::AddArrow, "data"_a)
      .def("finish", &Table::Finish, "segment"_a.none() = nb::none());
}

}  // namespace verdigris::python
