// Tested by tests/cli/scan*.sh and tests/python/corpus_test.py.
#include "tools/scan_run.h"

namespace verdigris::tools {
namespace {

constexpr uint64_t kGroupBudget = uint64_t{4} << 30;

}  // namespace

Result<void> BeginRun(const ScanArguments& a, ScanRun& run) {
  VERDIGRIS_ASSIGN_OR_RETURN(run.there, verify::ReadRun(a.output));
  VERDIGRIS_ASSIGN_OR_RETURN(run.namer, verify::GroupNamer::Create(!a.group_by.empty() ? a.group_by : run.there ? run.there->group.by : "none"));
  VERDIGRIS_ASSIGN_OR_RETURN(run.reading, ReadingOf(a, run.there, *run.namer));
  return {};
}

Result<void> LoadRun(const ScanArguments& a, bool reads_ids, ScanRun& run, std::string& hint) {
  VERDIGRIS_RETURN_IF_ERROR(LoadScanInputs(a, run.there, reads_ids, run.inputs, hint));
  return FillRun(a, run.there, run.reading, run.inputs);
}

Result<void> CompleteRun(const ScanArguments& a, const std::vector<verify::Input>& inputs, ScanRun& run, std::string& hint) {
  uint64_t budget = kGroupBudget;
  if (!a.group_budget.empty()) {
    VERDIGRIS_ASSIGN_OR_RETURN(budget, ParseByteCount("--group-budget", a.group_budget, uint64_t{1} << 20, uint64_t{1} << 50));
  }
  verify::RunObject& object = run.inputs.run;
  if (!run.there && object.group.by != "none" && !a.exact) object.group.sample_log2 = SampleLog2(inputs, object.tests.size(), budget);
  if (run.there) {
    if (auto same = verify::CheckSameRun(object, *run.there, a.output); !same) {
      hint = kOtherRun;
      return same;
    }
  }
  return MakeSetup(run.inputs);
}

Result<void> ResumeRun(const ScanArguments& a, ScanRun& run, std::string& hint) {
  VERDIGRIS_RETURN_IF_ERROR(BeginRun(a, run));
  if (!run.there) return Fail(ErrorKind::kNotFound, a.output + ": no " + std::string(verify::kRunFile) + " is there: make it with `verdigris scan -n`");
  VERDIGRIS_RETURN_IF_ERROR(LoadRun(a, !run.there->tokenizer, run, hint));
  return CompleteRun(a, {}, run, hint);
}

Result<verify::ScanDirectory> OpenDirectory(const ScanArguments& a, const ScanRun& run, const verify::UnitList& list) {
  VERDIGRIS_ASSIGN_OR_RETURN(verify::ScanDirectory directory, verify::ScanDirectory::Open(a.output, run.inputs.run, run.inputs.profile_bytes,
                                                                                          {{std::string(kReadingFile), ReadingJson(run.reading)}}));
  VERDIGRIS_RETURN_IF_ERROR(directory.SetList(list, a.ignore_mtime));
  return directory;
}

}  // namespace verdigris::tools
