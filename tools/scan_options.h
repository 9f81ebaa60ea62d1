// The options of `verdigris scan`, and what they mean: a run object and a way of reading. What is not given is that of the
// directory, if a run is there, else a default.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tools/inputs.h"
#include "verify/corpus/group_name.h"
#include "verify/corpus/input.h"
#include "verify/corpus/run.h"
#include "verify/corpus/scan.h"
#include "verify/judge_keys.h"
#include "verify/overlap.h"
#include "verify/text/normalize.h"

namespace verdigris::tools {

// As they stand on the line; empty: not given.
struct ScanArguments {
  std::string profile, tokenizer, output, stop_list;
  std::vector<std::string> keys;
  // The run.
  std::string rule, variants, min_scored, tau, assign, group_by, keep, group_budget, max_doc_bytes, alpha, control;
  bool exact = false, without_selector = false, allow_tokenizer_mismatch = false;
  // Reading.
  std::string files_from, base, format, text_field, ids_field, id_field, dtype, eos, unit_bytes, max_record_bytes, max_inflated;
  bool no_header = false, zstd_long = false, ignore_mtime = false;
  // This process.
  std::string shard, threads, memory, tokenizer_cache, on_error, progress, recheck, baseline, calibration;
  bool list_only = false, fresh = false, status = false, exit_code = false, json = false;
  SecretOptions secrets;
};
void AddScanOptions(CLI::App& app, ScanArguments& arguments);
// Those of them that say how inputs are read.
void AddReadingOptions(CLI::App& app, ScanArguments& arguments);

// "64M": bytes, with K, M, G or T for powers of 1,024. kInvalidArgument naming the option.
Result<uint64_t> ParseByteCount(std::string_view name, std::string_view text, uint64_t min, uint64_t max);

// How inputs are listed and read, beside what units and the run object say. Kept in a run's directory as reading.json, since it
// decides what a record is. In a run that is there, what is given must agree.
// Those of the directory, if one is there, with what is given in their place.
// Errors   kMismatch where the directory's are others.
Result<verify::ListOptions> ReadingOf(const ScanArguments& arguments, const std::optional<verify::RunObject>& there, const verify::GroupNamer& namer);
std::string ReadingJson(const verify::ListOptions& options);
// How a run's directory says that its inputs are read, without the field that names groups.
Result<verify::ListOptions> ReadingOfRun(const std::string& directory, const verify::RunObject& run);
inline constexpr std::string_view kReadingFile = "reading.json";

// Keys, profile, tokenizer and lists of a scan, and the setup that points into them. Not moved once `setup` is made.
struct ScanInputs {
  std::optional<Profile> profile;
  std::string profile_bytes;
  std::vector<KeyFile> key_files;
  std::optional<verify::JudgeKeys> keys;
  std::unique_ptr<verify::Tokenizer> tokenizer;
  std::optional<verify::Normaliser> normaliser;
  std::optional<verify::StopList> stop_list;
  verify::RunObject run;
  verify::ScanSetup setup;
};

// Reads all files. `there`: the run of the directory.
Result<void> LoadScanInputs(const ScanArguments& arguments, const std::optional<verify::RunObject>& there, bool reads_ids, ScanInputs& inputs,
                            std::string& hint);
// The run object's members but for sample_log2, which the sizes of the inputs decide.
Result<void> FillRun(const ScanArguments& arguments, const std::optional<verify::RunObject>& there, const verify::ListOptions& reading, ScanInputs& inputs);
// Of C7: the least s with estimated text bytes / 4 * tests * 28 * 2^-s <= budget.
int SampleLog2(const std::vector<verify::Input>& inputs, size_t tests, uint64_t budget_bytes);
// After the run is complete.
Result<void> MakeSetup(ScanInputs& inputs);

}  // namespace verdigris::tools
