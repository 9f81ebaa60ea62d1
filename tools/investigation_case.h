// What judging an investigation takes besides its directory: keys, tokenizer, references, filters, controls. Shared by
// `investigate test`, by the looks of `investigate collect`, and by `attribute`.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tools/cli.h"
#include "tools/collect/looks.h"
#include "tools/inputs.h"
#include "verify/suspect/verdict.h"

namespace verdigris::tools {

struct CaseArguments {
  std::string profile, tokenizer, memory = "2048", threads = "0", matched, key_since;
  std::vector<std::string> keys, answers, references, stated_free, filters, controls;
  bool allow_tokenizer_mismatch = false;
  SecretOptions secrets;
};
// All but --profile, --tokenizer and --allow-tokenizer-mismatch, which `collect` has of its own.
void AddCaseOptions(CLI::App& app, CaseArguments& arguments);
// What looks while answers are collected take: with keys they are judged, and collecting stops when the result is clear.
void AddLookOptions(CLI::App& app, CaseArguments& arguments);

// Owns what the inputs point to.
struct LoadedCase {
  Profile profile;
  std::unique_ptr<verify::Tokenizer> tokenizer;
  verify::PieceMap pieces;
  std::vector<KeyFile> keys;
  std::vector<verify::Filter> filters;
  std::vector<KeyFile> matched_keys;
  std::vector<verify::Filter> matched_filters;
  std::vector<verify::Warning> warnings;
  verify::InvestigationInputs inputs;
};
// `files` must outlive the case. Sets `hint` where an error has a next step.
// Errors   those of keys, tokenizer and files; kMismatch: a reference whose model is not that of the plan.
Result<std::unique_ptr<LoadedCase>> LoadCase(const CaseArguments& arguments, const verify::InvestigationFiles& files, std::string& hint);

// Judges the looks of a collection, and its point for futility. `arguments` are read at every look.
JudgeLook MakeLookJudge(CaseArguments arguments);

}  // namespace verdigris::tools
