// verdigris scan: which documents of a corpus carry the mark. Tested by tests/cli/scan*.sh.
//
// A scan works in a directory of its own and can be ended at any moment: the same command goes on. Without PATHs, a directory
// that is there says what its inputs are.
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <thread>

#include "tools/process.h"
#include "tools/scan_listing.h"
#include "tools/scan_run.h"
#include "tools/scan_status.h"
#include "tools/scan_view.h"
#include "tools/terminal/message.h"
#include "tools/verbs.h"
#include "tools/write_key.h"
#include "verify/corpus/merge.h"
#include "verify/corpus/scan_directory.h"
#include "verify/file.h"

namespace verdigris::tools {
namespace {

namespace fs = std::filesystem;
using verify::Input;

constexpr std::chrono::milliseconds kTick{50};
// Threads end after the batch they are at; one that is at a very long text is not waited for, since nothing of it is kept.
constexpr std::chrono::milliseconds kPatience{1500};
constexpr double kTextPerSecond = 40e6, kIdsPerSecond = 50e6;  // a thread's, for estimates before anything is measured

// ---- one scan

struct Shard {
  uint64_t index = 0, count = 1;
};
Result<Shard> ParseShard(const std::string& text) {
  if (text.empty()) return Shard{};
  const size_t slash = text.find('/');
  const auto count = slash == text.npos ? Result<uint64_t>(Usage("")) : ParseInteger("--shard", text.substr(slash + 1), 1, 1'000'000'000);
  const auto index = count ? ParseInteger("--shard", text.substr(0, slash), 0, *count - 1) : Result<uint64_t>(Usage(""));
  if (!index) return Usage("--shard must be I/N with I from 0 to N-1, got " + Shown(text));
  return Shard{*index, *count};
}

void RemoveRun(const std::string& directory) {
  std::error_code ignored;
  // First what makes it a run, so that a kill leaves no half of one.
  for (const std::string_view file : {verify::kRunFile, verify::kUnitListFile, kReadingFile, verify::kLogFile, verify::kResultsFile, verify::kGroupsFile,
                                      verify::kErrorsFile, verify::kSummaryFile}) {
    fs::remove(fs::path(directory) / file, ignored);
  }
  fs::remove_all(directory + "/done", ignored);
  fs::remove_all(directory + "/profiles", ignored);
}

void PrintList(const std::vector<Input>& inputs, const verify::ScanSize& size, size_t threads, bool ids, Output& out) {
  double text = 0;
  for (const Input& input : inputs) text += static_cast<double>(std::max<int64_t>(0, input.size)) * verify::TextPerByte(input);
  const double rate = (ids ? 2 * kIdsPerSecond : kTextPerSecond) * static_cast<double>(threads);
  out.Write(std::to_string(size.files) + " files, " + ByteText(static_cast<double>(size.bytes)) + ", some " + std::to_string(size.units) + " units\n" +
            "about " + TimeText(text * static_cast<double>(size.bytes) / std::max<double>(1, static_cast<double>(verify::SizeOf(inputs, {}, 0, 1).bytes)) / rate) +
            " with " + std::to_string(threads) + " threads\n");
}

struct Ended {
  bool complete = false;  // all threads came to their end
  int signal = 0;
  std::optional<Error> fatal;
};

Ended RunThreads(verify::Scan& scan, ScanView& view, InputFailures& failures) {
  Ended ended;
  const SignalWatch watch;
  scan.Start();
  auto stop_at = std::chrono::steady_clock::time_point::max();
  while (!scan.WaitFor(kTick)) {
    failures.Print(scan.TakeFailures(), [&view] { view.Clear(); });
    const auto now = std::chrono::steady_clock::now();
    if (watch.caught() != 0 && ended.signal == 0) {
      ended.signal = watch.caught();
      scan.RequestStop();
      stop_at = now + kPatience;
    }
    if (now >= stop_at) {
      view.Clear();
      PrintNote("scan: interrupted; the same command goes on");
      std::fflush(nullptr);
      ::_exit(128 + ended.signal);
    }
    if (ended.signal == 0) view.Update(scan.progress());
  }
  if (ended.signal == 0) ended.signal = watch.caught();
  failures.Print(scan.TakeFailures(), [&view] { view.Clear(); });
  ended.fatal = scan.fatal();
  ended.complete = !ended.fatal && ended.signal == 0;
  return ended;
}

// The result files, from all units that are there, and the closing summary.
Result<ExitCode> FinishScan(const ScanArguments& a, bool is_shard, bool failed, Context& context) {
  if (is_shard) {
    PrintNote("scan: this shard is done; when all are: verdigris merge " + a.output + " -o " + a.output);
    return failed ? kExitInput : kExitYes;
  }
  verify::MergeOptions merge;
  merge.directories = {a.output};
  merge.output = a.output;
  merge.partial = true;  // an input that failed, or another process that is not ready
  merge.baseline = a.baseline;
  if (!a.calibration.empty()) {
    VERDIGRIS_ASSIGN_OR_RETURN(merge.calibration, LoadCalibration(a.calibration));
  }
  const auto merged = verify::MergeCorpus(merge);
  if (!merged) {
    context.hint = "all units are kept: verdigris merge " + a.output + " -o " + a.output + ", with --control none to have the rows alone";
    return Unexpected(merged.error());
  }
  context.out.Write(a.json ? ToJson(merged->summary) : SummaryText(merged->summary, a.output));
  // Also what failed in units that were there already: the status is that of an undisturbed scan.
  if (failed || merged->missing_count > 0 || !merged->summary.errors.empty()) return kExitInput;
  return a.exit_code && merged->new_findings > 0 ? kExitNo : kExitYes;
}

Result<ExitCode> RunScan(const ScanArguments& a, Context& context) {
  VERDIGRIS_ASSIGN_OR_RETURN(const Shard shard, ParseShard(a.shard));
  uint64_t threads = std::max(1u, std::thread::hardware_concurrency());
  if (!a.threads.empty()) {
    VERDIGRIS_ASSIGN_OR_RETURN(threads, ParseInteger("--threads", a.threads, 1, 1024));
  }
  verify::ScanOptions options;
  options.threads = threads;
  options.shard = shard.index;
  options.shards = shard.count;
  if (!a.memory.empty()) {
    VERDIGRIS_ASSIGN_OR_RETURN(options.memory_bytes, ParseByteCount("--memory", a.memory, uint64_t{16} << 20, uint64_t{1} << 50));
  }
  if (!a.on_error.empty() && a.on_error != "stop" && a.on_error != "go-on") return Usage("--on-error must be go-on or stop, got " + Shown(a.on_error));
  options.stop_on_error = a.on_error == "stop";
  if (!a.progress.empty() && a.progress != "json") return Usage("--progress must be json, got " + Shown(a.progress));
  if (a.output.empty()) return Usage("-o is missing: the directory of the run");

  if (a.fresh) RemoveRun(a.output);
  ScanRun run;
  VERDIGRIS_RETURN_IF_ERROR(BeginRun(a, run));
  const verify::ListOptions& reading = run.reading;
  const bool ids_by_option = !reading.read.ids_field.empty() || (reading.format && HoldsIds(*reading.format));
  const bool ids_by_run = run.there && !run.there->tokenizer;
  // Keys and tokenizer before a long listing: what is wrong with them shows at once.
  bool reads_ids = ids_by_option || ids_by_run;
  std::optional<Listing> listed;
  if (!reads_ids && a.tokenizer.empty()) {
    VERDIGRIS_ASSIGN_OR_RETURN(listed, ListAll(a, reading, context.files));
    reads_ids = !listed->inputs.empty() && std::all_of(listed->inputs.begin(), listed->inputs.end(), [](const Input& input) { return HoldsIds(input.format); });
  }
  VERDIGRIS_RETURN_IF_ERROR(LoadRun(a, reads_ids, run, context.hint));
  if (!listed) {
    VERDIGRIS_ASSIGN_OR_RETURN(listed, ListAll(a, reading, context.files));
  }
  InputFailures failures;
  failures.Print(listed->failures);
  if (listed->inputs.empty()) return Usage("none of the paths can be read as a corpus");
  VERDIGRIS_RETURN_IF_ERROR(CompleteRun(a, listed->inputs, run, context.hint));
  auto directory = OpenDirectory(a, run, ListOf(listed->inputs, reading.read, RunDigest(run.inputs.run)));
  if (!directory) {
    if (directory.error().kind == ErrorKind::kMismatch) context.hint = kOtherRun;
    if (directory.error().kind == ErrorKind::kIo || directory.error().kind == ErrorKind::kNotFound) return AsWriteError(directory.error());
    return Unexpected(directory.error());
  }
  const verify::ScanSize size = verify::SizeOf(listed->inputs, reading.read, shard.index, shard.count);
  if (a.list_only) {
    PrintList(listed->inputs, size, threads, reads_ids, context.out);
    return failures.any() ? kExitInput : kExitYes;
  }

  ScanView view(a.progress == "json" ? ScanView::Form::kJson : ScanView::Form::kAuto);
  Ended ended;
  verify::ScanProgress progress;
  {
    verify::Scan work(run.inputs.setup, *directory, listed->inputs, reading.read, *run.namer, options);
    static_cast<void>(directory->Log({{"event", "start"}, {"shard", std::to_string(shard.index) + "/" + std::to_string(shard.count)}, {"threads", static_cast<int64_t>(threads)}}));
    ended = RunThreads(work, view, failures);
    progress = work.progress();
  }
  view.End(progress);
  failures.End();
  if (ended.fatal) {
    // A unit that contradicts one that was there, or a disk that takes no more: neither is a fault of an input.
    PrintError(AsWriteError(*ended.fatal).value());
    PrintHint("what is done is kept; the same command goes on");
    return kExitInternal;
  }
  if (ended.signal != 0) {
    context.out.Flush();
    PrintNote("scan: interrupted; the same command goes on");
    std::raise(ended.signal);  // as anything else that is interrupted ends
  }
  const bool failed = failures.any() || progress.failed > 0 || progress.inputs_failed > 0;
  return FinishScan(a, shard.count > 1, failed, context);
}

Result<ExitCode> ScanVerb(const ScanArguments& a, Context& context) {
  if (a.status) return ScanStatus(a, context);
  if (!a.recheck.empty()) return ScanRecheck(a, context);
  return RunScan(a, context);
}

Command Add(CLI::App& app) {
  auto options = std::make_shared<ScanArguments>();
  AddScanOptions(app, *options);
  return [options](Context& context) { return ScanVerb(*options, context); };
}

}  // namespace

const Verb kScan = {"scan",
                    "tests every document of a corpus",
                    "--profile FILE --key FILE [options] -o DIR PATH...",
                    "verdigris scan --profile p.json --key provider.key -o run 'cc/*.jsonl.zst'",
                    true,
                    Add};

}  // namespace verdigris::tools
