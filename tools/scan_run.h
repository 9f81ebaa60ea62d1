// From the options of a scan to a run that can be worked on: what `scan`, its recheck and the Python package share.
#pragma once

#include <optional>
#include <string>

#include "tools/scan_options.h"
#include "verify/corpus/scan_directory.h"

namespace verdigris::tools {

// What to do where a directory has another run.
inline constexpr const char* kOtherRun = "another -o keeps both runs; --fresh throws the one that is there away";

// Not moved once it is loaded.
struct ScanRun {
  std::optional<verify::RunObject> there;  // of the directory
  verify::ListOptions reading;
  std::optional<verify::GroupNamer> namer;
  ScanInputs inputs;
};

// In this order. They set `hint` where an error has a next step.
// The run of the directory, if one is there, and how inputs are read. No key is touched.
Result<void> BeginRun(const ScanArguments& arguments, ScanRun& run);
// Keys, profile, tokenizer, lists. `reads_ids`: no tokenizer is needed.
Result<void> LoadRun(const ScanArguments& arguments, bool reads_ids, ScanRun& run, std::string& hint);
// The run object, for which a new run needs the sizes of its inputs.
// Errors   kMismatch, naming the member: the directory has another run.
Result<void> CompleteRun(const ScanArguments& arguments, const std::vector<verify::Input>& inputs, ScanRun& run, std::string& hint);

// All three for a run that is there. kNotFound where there is none.
Result<void> ResumeRun(const ScanArguments& arguments, ScanRun& run, std::string& hint);

// The directory of a complete run, made where it is not there, and its list of inputs.
Result<verify::ScanDirectory> OpenDirectory(const ScanArguments& arguments, const ScanRun& run, const verify::UnitList& list);

}  // namespace verdigris::tools
