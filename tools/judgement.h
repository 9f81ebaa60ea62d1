// From options and files to findings: what `detect` and `show` share.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tools/inputs.h"
#include "tools/pocket_model.h"
#include "verify/calibration_file.h"
#include "verify/judge.h"
#include "verify/log_probabilities.h"
#include "verify/text/normalize.h"
#include "verify/variants.h"

namespace verdigris::tools {

struct JudgeArguments {
  std::string profile;
  std::vector<std::string> keys;
  std::string tokenizer;
  std::string alpha = "1e-6";
  std::string rule = "first";
  std::string test = "fixed";
  std::string variants = "as-is";
  std::string decoys = "0", calibration, stop_list;
  std::string proxy;                    // "pocket" or a file of log-probabilities
  std::string proxy_temperature = "1";  // of the pocket model
  bool without_selector = false;
  bool allow_tokenizer_mismatch = false;
  SecretOptions secrets;
};
void AddJudgeOptions(CLI::App& app, JudgeArguments& arguments);

struct Judge {
  verify::JudgeKeys keys;
  verify::JudgeOptions options;
  std::unique_ptr<verify::Tokenizer> tokenizer;  // null where ids are given
  std::optional<verify::Normaliser> normaliser;  // where a text has a normalised variant: the profile does not normalise
  bool both_variants = false;                    // and that variant is tested too
  std::optional<PocketModel> pocket;             // the proxy, one of these two
  std::optional<verify::LogProbabilities> proxy_numbers;
  double proxy_temperature = 1;
  uint32_t decoys = 0;
  std::vector<KeyFile> key_files;                // for decoys: of the layers
  std::optional<verify::Calibration> calibration;
  std::optional<verify::StopList> stop_list;
  std::vector<verify::Warning> warnings;         // of the set-up; each finding carries them
  bool traces = false;                           // what becomes of each token is wanted too

  const Profile& profile() const { return keys.profile(); }
};
// Sets `hint` where an error has a next step.
Result<Judge> MakeJudge(const JudgeArguments& arguments, bool needs_tokenizer, std::string& hint);
// The same with profile and keys at hand: of `arguments`, `profile` says where that was read, and `keys` and what opens them are not looked at.
Result<Judge> MakeJudge(const JudgeArguments& arguments, const Profile& profile, std::vector<KeyFile> keys, bool needs_tokenizer, std::string& hint);

struct Judged {
  std::vector<std::vector<verify::Token>> tokens;  // one a variant; of ids as given: [i, i+1)
  verify::VariantFindings results;
  double changed = 0;  // share of the characters that the normaliser would change

  std::span<const verify::Token> tokens_of(size_t finding) const { return tokens[results.variant[finding]]; }
};
// Bytes that are not UTF-8 are read as U+FFFD and counted in a warning.
Result<Judged> JudgeDocument(const Judge& judge, const std::string& name, std::string_view document);
Result<Judged> JudgeIds(const Judge& judge, const std::string& name, const std::vector<uint32_t>& ids);

}  // namespace verdigris::tools
