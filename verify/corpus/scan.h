// A scan: the units of a list of inputs, by threads, into a directory (corpus.md C3, C8). What comes out is a function of the
// inputs and the run object; threads, shards, order and kills do not enter.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "verify/corpus/granule.h"
#include "verify/corpus/input.h"
#include "verify/corpus/scan_directory.h"
#include "watermark/result.h"

namespace verdigris::verify {

struct ScanOptions {
  size_t threads = 1;
  uint64_t shard = 0, shards = 1;  // granule g is done iff g mod shards = shard
  uint64_t memory_bytes = uint64_t{2} << 30;  // for the states of groups, in all threads together
  bool stop_on_error = false;      // at the first input that fails
};

struct ScanProgress {
  uint64_t bytes_done = 0, bytes_total = 0;  // of the files as they lie, of this shard; standard input has none
  uint64_t bytes_passed = 0;                 // of bytes_done: done before this scan
  uint64_t text_bytes = 0, tokens = 0, docs = 0, failed = 0, hits = 0;  // of this scan; hits: BatchResult's
  uint64_t units_done = 0, units_total = 0;  // units_total is an estimate where inputs are compressed
  uint64_t units_passed = 0;
  uint64_t inputs_failed = 0;
};

class Scan {
 public:
  // All must outlive the scan. `inputs` by URI.
  Scan(const ScanSetup& setup, const ScanDirectory& directory, const std::vector<Input>& inputs, const ReadOptions& read, const GroupNamer& namer,
       const ScanOptions& options);
  // Stops, and waits for the threads.
  ~Scan();

  // Where the system gives fewer threads they do it all; without any the scan has ended (fatal()).
  void Start();
  // True where all threads have ended.
  bool WaitFor(std::chrono::milliseconds time);
  // Units that are not complete are dropped; threads end after the batch they are at.
  void RequestStop() { stop_ = true; }

  ScanProgress progress() const;

  // Inputs that failed, and unit files that were moved away, since the last call; of more than 10,000 the first.
  std::vector<InputFailure> TakeFailures();
  // Why the scan ended before its end: kMismatch where a unit contradicts one that was there, kIo where nothing can be written.
  std::optional<Error> fatal() const;

 private:
  struct Source {
    std::mutex mutex;
    std::unique_ptr<GranuleReader> reader;
    const Input* input = nullptr;
    uint64_t bytes = 0, counted = 0;  // of the granule, for progress
    bool ended = false;
  };

  void Work();
  void WorkUntilDone();
  // The source to read from next: `own` while it lasts, else a new granule, else another's; null: there is nothing more.
  std::shared_ptr<Source> NextSource(const std::shared_ptr<Source>& own);
  std::optional<Granule> NextGranule();
  void CountBytes(Source& source, bool ended);
  void EndSource(const std::shared_ptr<Source>& source);
  void FinishUnit(OpenUnit& unit, const Input& input);
  void FailInput(const std::string& uri, const Error& error);
  void AddFailure(InputFailure failure);
  void SetFatal(Error error);

  const ScanSetup& setup_;
  const ScanDirectory& directory_;
  const std::vector<Input>& inputs_;
  const ReadOptions& read_;
  const GroupNamer& namer_;
  ScanOptions options_;
  GranuleContext context_;

  std::atomic<bool> stop_ = false;
  std::atomic<uint64_t> bytes_done_ = 0, bytes_passed_ = 0, text_bytes_ = 0, tokens_ = 0, docs_ = 0, failed_ = 0, hits_ = 0, units_done_ = 0,
                        units_passed_ = 0, inputs_failed_ = 0;
  uint64_t bytes_total_ = 0, units_total_ = 0;

  mutable std::mutex mutex_;
  std::condition_variable ended_;
  size_t running_ = 0;
  size_t next_input_ = 0;
  uint64_t next_segment_ = 0, next_granule_ = 0;
  std::vector<std::shared_ptr<Source>> active_;
  size_t helped_ = 0;
  std::vector<InputFailure> failures_;
  std::optional<Error> fatal_;
  std::vector<std::thread> threads_;
};

// What a scan of these inputs reads in this shard.
struct ScanSize {
  uint64_t files = 0, bytes = 0, units = 0;  // units: an estimate where inputs are compressed
};
ScanSize SizeOf(const std::vector<Input>& inputs, const ReadOptions& read, uint64_t shard, uint64_t shards);

// One unit from its input, in this thread: the bytes of its unit file. For a check of what is there.
// Errors   those of reading; kNotFound where the input has no such segment.
Result<std::string> ComputeUnit(const ScanSetup& setup, const Input& input, const ReadOptions& read, const GroupNamer& namer,
                                const std::string& spill_folder, uint64_t segment);

// Bytes of text behind a byte of a file, as far as one can say beforehand (C7).
double TextPerByte(const Input& input);

}  // namespace verdigris::verify
