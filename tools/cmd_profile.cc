// verdigris profile new, show, digest: what marking and judging side must agree on, in one file.
// Tested by tests/cli/profile*.sh.
#include <sys/stat.h>

#include "tools/inputs.h"
#include "tools/profile_options.h"
#include "tools/terminal/message.h"
#include "tools/verbs.h"
#include "tools/write_key.h"
#include "verify/file.h"
#include "watermark/schemes.h"

namespace verdigris::tools {
namespace {

// p.tokenizer.json for p.json.
std::string DescriptorPath(std::string profile_path) {
  constexpr std::string_view kEnd = ".json";
  if (profile_path.ends_with(kEnd)) profile_path.resize(profile_path.size() - kEnd.size());
  return profile_path + ".tokenizer.json";
}

// A profile in use is never replaced under those who use it: another one has another scheme_id, and their keys would no
// longer fit.
Result<void> WriteProfile(const MadeProfile& made, const std::string& path, Output& out) {
  const Profile& profile = made.profile;
  if (path == "-") {
    if (!made.tokenizer_descriptor.empty()) return Fail(ErrorKind::kInvalidArgument, "-o must be a file: the tokenizer's descriptor is written beside it");
    out.Write(profile.bytes());
    return {};
  }
  struct stat info;
  if (::lstat(path.c_str(), &info) == 0 && (S_ISREG(info.st_mode) || S_ISLNK(info.st_mode))) {
    return Fail(ErrorKind::kInvalidArgument, path + ": exists, and a profile is never overwritten");
  }
  if (!made.tokenizer_descriptor.empty()) {
    const std::string beside = DescriptorPath(path);
    const auto there = verify::ReadFile(beside, Json::kMaxBytes);
    if (there && *there != made.tokenizer_descriptor) return Fail(ErrorKind::kInvalidArgument, beside + ": exists, and describes another tokenizer");
    if (auto written = verify::WriteFileAtomic(beside, made.tokenizer_descriptor); !written) return AsWriteError(written.error());
    PrintNote("the tokenizer's descriptor is in " + beside + ": keep it beside the profile");
  }
  if (auto written = verify::WriteFileAtomic(path, profile.bytes()); !written) return AsWriteError(written.error());
  return {};
}

struct NewOptions {
  ProfileOptions profile;
  std::string output;
};

Result<ExitCode> New(const NewOptions& options, Context& context) {
  VERDIGRIS_ASSIGN_OR_RETURN(const MadeProfile made, MakeProfile(options.profile));
  VERDIGRIS_RETURN_IF_ERROR(WriteProfile(made, options.output, context.out));
  if (options.output != "-") {
    PrintNote("profile of scheme_id " + Hex(made.profile.scheme_id()) + " is in " + options.output);
    PrintHint("verdigris derive --from master.key --profile " + options.output + " --epoch 1 --role provider -o provider.key");
  }
  return kExitYes;
}

Command AddNew(CLI::App& app) {
  auto options = std::make_shared<NewOptions>();
  ProfileOptions& profile = options->profile;
  app.add_option("--scheme", profile.scheme, "as `verdigris schemes` lists them (green)")->type_name("NAME");
  app.add_option("--tokenizer", profile.tokenizer, "SentencePiece model, tokenizer.json, GGUF, tiktoken ranks or vocab.json")->type_name("FILE");
  app.add_option("--pattern", profile.pattern, "of ranks or vocab.json: how text is cut, such as cl100k")->type_name("NAME");
  app.add_option("--merges", profile.merges, "of vocab.json: its merges.txt")->type_name("FILE");
  app.add_option("--special-ids", profile.special_ids, "of ranks or vocab.json: special ids, such as 100257-100260")->type_name("LIST");
  app.add_option("--vocab", profile.vocab, "without a tokenizer, or of ranks or vocab.json: number of ids")->type_name("N");
  app.add_option("--tokenizer-sha256", profile.tokenizer_sha256, "without one: digest of its file")->type_name("HEX");
  app.add_option("--unmarked-ids", profile.unmarked_ids, "without one: special ids, such as 0-2,5")->type_name("LIST");
  app.add_option("--window", profile.window, "tokens that a draw depends on, 1 to 8 (2)")->type_name("N");
  app.add_option("--gamma", profile.gamma, "green share, B a power of two (1/4)")->type_name("A/B");
  app.add_option("--delta", profile.delta, "bonus of green ids in nats (2)")->type_name("D");
  app.add_option("--specials", profile.specials, "what marking does to special ids (preserve)")->type_name("preserve|plain");
  app.add_option("--zero-temperature", profile.zero_temperature, "mark greedy answers too (off)")->type_name("off|argmax");
  app.add_option("--account-share", profile.account_share, "share of positions under account keys (0)")->type_name("S");
  app.add_option("--normaliser", profile.normaliser, "text is tokenized after it (none/1)")->type_name("none/1|verdigris-text/1");
  for (const Scheme* scheme : Schemes()) {
    for (const ParamSpec& spec : scheme->params) {
      if (spec.name == kPlanes || spec.name == kThreshold || profile.params.count(std::string(spec.name)) > 0) continue;
      app.add_option("--" + std::string(spec.name), profile.params[std::string(spec.name)],
                     std::to_string(spec.min) + " to " + std::to_string(spec.max) + " (" + std::to_string(spec.default_value) + ")")
          ->type_name("N")->group(kSchemeGroup);
    }
  }
  app.add_option("-o,--output", options->output, "file to make; must not exist; - prints it")->type_name("FILE")->required();
  return [options](Context& context) { return New(*options, context); };
}

Result<Profile> OnlyProfile(const Context& context) {
  if (context.files.size() != 1) return Fail(ErrorKind::kInvalidArgument, "one profile is needed, got " + std::to_string(context.files.size()));
  return LoadProfile(context.files.front());
}

std::string RangesText(std::span<const IdRange> ranges) {
  if (ranges.empty()) return "none";
  std::string text;
  constexpr size_t kMost = 8;
  for (size_t i = 0; i < ranges.size() && i < kMost; ++i) {
    text += (i > 0 ? "," : "") + std::to_string(ranges[i].first);
    if (ranges[i].last > ranges[i].first) text += "-" + std::to_string(ranges[i].last);
  }
  if (ranges.size() > kMost) text += " and " + std::to_string(ranges.size() - kMost) + " more ranges";
  return text;
}

Command AddShow(CLI::App&) {
  return [](Context& context) -> Result<ExitCode> {
    VERDIGRIS_ASSIGN_OR_RETURN(const Profile profile, OnlyProfile(context));
    const auto row = [&](std::string name, const std::string& value) {
      name.resize(18, ' ');
      context.out.Write(name + value + "\n");
    };
    row("scheme", std::string(profile.scheme().name));
    row("scheme_id", Hex(profile.scheme_id()));
    row("digest", Hex(profile.digest()));
    row("tokenizer_sha256", Hex(profile.tokenizer_sha256()));
    row("vocab", std::to_string(profile.vocab()));
    row("unmarked_ids", RangesText(profile.special_ids().ranges()));
    row("window", std::to_string(profile.window()));
    for (size_t i = 0; i < profile.params().size(); ++i) row(std::string(profile.scheme().params[i].name), std::to_string(profile.params()[i]));
    const NullLaw law = profile.scheme().null_law(profile);
    if (law.kind == NullLaw::Kind::kBernoulli) row("chance of a hit", std::to_string(law.numerator) + "/" + std::to_string(law.denominator));
    row("account share", PrintReal(1 - profile.provider_share() / static_cast<double>(kFullShare)));
    row("normaliser", profile.normaliser());
    if (!profile.scheme().unbiased) {
      row("delta", PrintReal(profile.delta_nats()) + " nats");
      row("zero temperature", profile.sampler().argmax_at_zero_temperature ? "argmax" : "off");
    }
    row("specials", profile.sampler().specials == SamplerSettings::Specials::kPlain ? "plain" : "preserve");
    return kExitYes;
  };
}

Command AddDigest(CLI::App&) {
  return [](Context& context) -> Result<ExitCode> {
    VERDIGRIS_ASSIGN_OR_RETURN(const Profile profile, OnlyProfile(context));
    context.out.Write(Hex(profile.digest()) + "\n");
    return kExitYes;
  };
}

}  // namespace

const Verb kProfileNew = {"profile new",
                          "makes a profile: scheme, tokenizer, strength",
                          "--tokenizer FILE -o FILE [options]",
                          "verdigris profile new --tokenizer t.model --gamma 1/4 --delta 2 -o p.json",
                          false,
                          AddNew};
const Verb kProfileShow = {"profile show", "prints a profile in words", "FILE", "verdigris profile show profile.json", true, AddShow};
const Verb kProfileDigest = {"profile digest", "prints the SHA-256 of a valid profile", "FILE", "verdigris profile digest profile.json", true, AddDigest};

}  // namespace verdigris::tools
