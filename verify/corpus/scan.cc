// Each worker reads a granule of its own, a batch of documents at a time, and tests the batch itself. Where no granule is left it
// reads batches from another's: reading is then one at a time and testing is not, so that one large compressed file keeps all
// threads busy. No queue is between them, so memory is a batch a thread.
//
// Tested by tests/verify/corpus/scan_test.cc.
#include "verify/corpus/scan.h"

#include <algorithm>
#include <limits>
#include <new>
#include <system_error>
#include <utility>

#include "verify/corpus/unit_stream.h"

namespace verdigris::verify {
namespace {

constexpr size_t kMostFailures = 10'000;
constexpr uint64_t kRecheckMemory = uint64_t{256} << 20;

// Segments that stand alone; 1 for an input that is read whole.
uint64_t GranulesOf(const Input& input) { return SegmentsAlone(input) ? input.segments : 1; }

std::string_view CodeOf(const Error& error) {
  switch (error.kind) {
    case ErrorKind::kMismatch: return "changed";
    case ErrorKind::kUnsupported: return "unsupported";
    case ErrorKind::kNoMemory: return "no_memory";
    case ErrorKind::kMalformed: return "broken";
    default: return "io";
  }
}

Error DamagedBytes() { return {ErrorKind::kMalformed, "its bytes are damaged; what comes before was tested, and errors.jsonl says where"}; }

}  // namespace

double TextPerByte(const Input& input) {
  if (input.path == "-") return 6;
  switch (input.compression) {
    case Compression::kGzip: return 3;
    case Compression::kZstd: return 3.5;
    case Compression::kNone: return 1;
  }
  return 1;
}

Result<std::string> ComputeUnit(const ScanSetup& setup, const Input& input, const ReadOptions& read, const GroupNamer& namer,
                                const std::string& spill_folder, uint64_t segment) {
  UnitStream stream(setup, read, namer, spill_folder, kRecheckMemory, input, segment, segment + 1);
  for (;;) {
    VERDIGRIS_ASSIGN_OR_RETURN(auto unit, stream.Take());
    if (unit) return std::move(unit->bytes);
    VERDIGRIS_ASSIGN_OR_RETURN(const bool more, stream.Step());
    if (!more) return Fail(ErrorKind::kNotFound, input.uri + ": has no segment " + std::to_string(segment));
  }
}

ScanSize SizeOf(const std::vector<Input>& inputs, const ReadOptions& read, uint64_t shard, uint64_t shards) {
  ScanSize size;
  uint64_t granule = 0;
  for (const Input& input : inputs) {
    const uint64_t granules = GranulesOf(input);
    // Of `granules` numbers from `granule` on, those that are `shard` modulo `shards`.
    const auto upto = [&](uint64_t end) { return (end + shards - 1 - shard) / shards; };
    const uint64_t mine = upto(granule + granules) - upto(granule);
    granule += granules;
    if (mine == 0) continue;
    ++size.files;
    const uint64_t bytes = static_cast<uint64_t>(std::max<int64_t>(0, input.size));
    size.bytes += bytes / granules * mine;
    const uint64_t text = static_cast<uint64_t>(static_cast<double>(bytes) * TextPerByte(input));
    size.units += input.segments > 0 ? input.segments * mine / granules : std::max<uint64_t>(1, (text + read.unit_bytes - 1) / read.unit_bytes);
  }
  return size;
}

Scan::Scan(const ScanSetup& setup, const ScanDirectory& directory, const std::vector<Input>& inputs, const ReadOptions& read,
           const GroupNamer& namer, const ScanOptions& options)
    : setup_(setup), directory_(directory), inputs_(inputs), read_(read), namer_(namer), options_(options),
      // Units that are open at once: one a thread, and as many that wait for their last batch.
      context_{*setup.run, read_, namer_, directory.spill_folder(), options.memory_bytes / (2 * std::max<size_t>(1, options.threads)), {}} {
  const ScanSize size = SizeOf(inputs, read, options.shard, options.shards);
  bytes_total_ = size.bytes;
  units_total_ = size.units;
  context_.state_of = [this](const Unit& unit) {
    auto state = directory_.StateOf(unit);
    // What cannot be read is done again; if it cannot be replaced either, writing says so.
    if (!state) return UnitState::kMissing;
    if (state->broken) FailInput(unit.uri, DamagedBytes());
    if (!state->fault.empty()) AddFailure({unit.uri, "unit_file", state->fault + "; done again"});
    return state->state;
  };
}

Scan::~Scan() {
  RequestStop();
  for (std::thread& thread : threads_) thread.join();
}

void Scan::Start() {
  const size_t count = std::max<size_t>(1, options_.threads);
  threads_.reserve(count);
  // None can be counted down before all are counted.
  const std::lock_guard lock(mutex_);
  try {
    while (threads_.size() < count) threads_.emplace_back([this] { Work(); });
  } catch (const std::system_error& error) {  // with fewer the scan takes longer
    if (threads_.empty()) fatal_ = {ErrorKind::kInternal, std::string("no thread can be started: ") + error.what()};
  }
  running_ = threads_.size();
}

bool Scan::WaitFor(std::chrono::milliseconds time) {
  std::unique_lock lock(mutex_);
  return ended_.wait_for(lock, time, [this] { return running_ == 0; });
}

ScanProgress Scan::progress() const {
  ScanProgress out;
  out.bytes_done = bytes_done_;
  out.bytes_total = bytes_total_;
  out.bytes_passed = bytes_passed_;
  out.text_bytes = text_bytes_;
  out.tokens = tokens_;
  out.docs = docs_;
  out.failed = failed_;
  out.hits = hits_;
  out.units_done = units_done_;
  out.units_passed = units_passed_;
  out.units_total = std::max(units_total_, out.units_done);
  out.inputs_failed = inputs_failed_;
  return out;
}

std::vector<InputFailure> Scan::TakeFailures() {
  const std::lock_guard lock(mutex_);
  return std::exchange(failures_, {});
}

std::optional<Error> Scan::fatal() const {
  const std::lock_guard lock(mutex_);
  return fatal_;
}

void Scan::AddFailure(InputFailure failure) {
  const std::lock_guard lock(mutex_);
  if (failures_.size() < kMostFailures) failures_.push_back(std::move(failure));
}

void Scan::FailInput(const std::string& uri, const Error& error) {
  ++inputs_failed_;
  AddFailure({uri, CodeOf(error), error.message});
  if (options_.stop_on_error) RequestStop();
}

void Scan::SetFatal(Error error) {
  RequestStop();
  const std::lock_guard lock(mutex_);
  if (!fatal_) fatal_ = std::move(error);
}

std::optional<Granule> Scan::NextGranule() {
  while (next_input_ < inputs_.size()) {
    const Input& input = inputs_[next_input_];
    const uint64_t granules = GranulesOf(input);
    if (next_segment_ == granules) {
      ++next_input_;
      next_segment_ = 0;
      continue;
    }
    const uint64_t segment = next_segment_++;
    if (next_granule_++ % options_.shards != options_.shard) continue;
    const bool alone = SegmentsAlone(input);
    return Granule{next_input_, segment, alone ? segment + 1 : kNoEnd, static_cast<uint64_t>(std::max<int64_t>(0, input.size)) / granules};
  }
  return std::nullopt;
}

std::shared_ptr<Scan::Source> Scan::NextSource(const std::shared_ptr<Source>& own) {
  const std::lock_guard lock(mutex_);
  if (own != nullptr && std::find(active_.begin(), active_.end(), own) != active_.end()) return own;
  if (const auto granule = NextGranule()) {
    auto source = std::make_shared<Source>();
    source->input = &inputs_[granule->input];
    source->bytes = granule->bytes;
    source->reader = std::make_unique<GranuleReader>(context_, *source->input, granule->first, granule->end);
    active_.push_back(source);
    return source;
  }
  if (active_.empty()) return nullptr;
  return active_[helped_++ % active_.size()];
}

void Scan::CountBytes(Source& source, bool ended) {
  const uint64_t now = ended ? source.bytes : std::min(source.bytes, source.reader->bytes_read());
  if (now > source.counted) {
    bytes_done_ += now - source.counted;
    source.counted = now;
  }
}

void Scan::EndSource(const std::shared_ptr<Source>& source) {
  source->ended = true;
  const std::lock_guard lock(mutex_);
  std::erase(active_, source);
}

void Scan::FinishUnit(OpenUnit& unit, const Input& input) {
  if (stop_ || unit.abandoned()) return;
  if (auto written = directory_.Write(unit); !written) return SetFatal(written.error());
  const UnitSummary& summary = unit.summary();
  ++units_done_;
  failed_ += summary.counts.failed;
  // Of times and hosts, for --status; not evidence, so a line that cannot be written stops nothing.
  static_cast<void>(directory_.Log({{"event", "unit"},
                                    {"documents", static_cast<int64_t>(summary.counts.documents)},
                                    {"failed", static_cast<int64_t>(summary.counts.failed)},
                                    {"segment", static_cast<int64_t>(summary.unit.segment)},
                                    {"text_bytes", static_cast<int64_t>(summary.counts.text_bytes)},
                                    {"unit", Hex(unit.id())},
                                    {"uri", input.uri}}));
}

void Scan::Work() {
  try {
    WorkUntilDone();
  } catch (const std::bad_alloc&) {
    SetFatal({ErrorKind::kNoMemory, "out of memory"});
  }
  const std::lock_guard lock(mutex_);
  if (--running_ == 0) ended_.notify_all();
}

void Scan::WorkUntilDone() {
  BatchScanner scanner(setup_);
  RecordBatch batch;
  BatchResult result;
  std::shared_ptr<Source> own;
  while (!stop_) {
    std::shared_ptr<Source> source = NextSource(own);
    if (source == nullptr) return;
    GranuleReader::Step step;
    {
      const std::lock_guard lock(source->mutex);
      if (source->ended) continue;
      auto read = source->reader->Read(batch);
      if (!read) {
        FailInput(source->input->uri, read.error());
        CountBytes(*source, true);
        EndSource(source);
        continue;
      }
      step = std::move(*read);
      CountBytes(*source, step.ended);
      if (step.ended) {
        units_passed_ += source->reader->passed_over();
        if (step.unit == nullptr && step.complete.empty() && source->reader->bytes_read() == 0) bytes_passed_ += source->bytes;
        if (!source->reader->broken().empty()) FailInput(source->input->uri, DamagedBytes());
        EndSource(source);
      }
    }
    own = source;
    for (const auto& unit : step.complete) FinishUnit(*unit, *source->input);
    if (step.unit == nullptr) continue;
    if (auto scanned = scanner.Scan(batch, result); !scanned) return SetFatal(scanned.error());
    docs_ += batch.items().size();
    text_bytes_ += result.counts.text_bytes;
    tokens_ += result.counts.tokens;
    hits_ += result.hits;
    auto complete = step.unit->Add(step.batch_number, batch, std::move(result));
    if (!complete) return SetFatal(complete.error());
    if (*complete) FinishUnit(*step.unit, *source->input);
  }
}

}  // namespace verdigris::verify
