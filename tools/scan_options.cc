// Tested by tests/cli/scan*.sh.
#include "tools/scan_options.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <thread>

#include "tools/tokenizer_files.h"
#include "verify/corpus/scan_directory.h"
#include "verify/file.h"
#include "verify/members.h"
#include "verify/text/segment_cache.h"
#include "verify/variants.h"
#include "watermark/json.h"

namespace verdigris::tools {
namespace {

using verify::RunObject;

constexpr uint64_t kMostBytes = uint64_t{1} << 50;
constexpr uint64_t kMostPieceBytes = uint64_t{1} << 31;
constexpr std::string_view kReadingSchema = "verdigris.reading/1";
constexpr int kBytesATuple = 28;  // of a group's state (C7)

std::string_view TokenTypeName(verify::TokenType type) {
  switch (type) {
    case verify::TokenType::kNone: return "";
    case verify::TokenType::kU8: return "u8";
    case verify::TokenType::kU16: return "u16";
    case verify::TokenType::kU32: return "u32";
    case verify::TokenType::kI8: return "i8";
    case verify::TokenType::kI16: return "i16";
    case verify::TokenType::kI32: return "i32";
    case verify::TokenType::kI64: return "i64";
  }
  return "";
}

Result<verify::TokenType> ParseTokenType(std::string_view name) {
  if (name == "u16") return verify::TokenType::kU16;
  if (name == "u32") return verify::TokenType::kU32;
  return Usage("--dtype must be u16 or u32, got " + Shown(name));
}

int64_t Signed(uint64_t value) { return static_cast<int64_t>(value); }

Result<verify::ListOptions> ParseReading(const std::string& path, std::string_view bytes) {
  auto json = ParseJson(bytes);
  if (!json) return InFile(path, json.error());
  verify::Members members(*json, "");
  verify::ListOptions out;
  members.Word("schema", {kReadingSchema});
  out.base = members.Text("base", 0, verify::kMostUriBytes);
  const std::string format = members.Text("format", 0, 16);
  if (!format.empty()) {
    out.format = verify::ParseFormat(format);
    if (!out.format) members.Fault("format", "is not known");
  }
  out.read.header = members.Bit("header");
  out.read.id_field = members.Text("id_field", 0, verify::kMostFieldBytes);
  out.read.ids_field = members.Text("ids_field", 0, verify::kMostFieldBytes);
  out.read.max_inflated = members.Integer("max_inflated", 1, kMostBytes);
  out.read.max_record_bytes = members.Integer("max_record_bytes", 1, kMostPieceBytes);
  out.read.text_field = members.Text("text_field", 0, verify::kMostFieldBytes);
  out.read.unit_bytes = members.Integer("unit_bytes", 1, uint64_t{1} << 40);
  out.read.zstd_long = members.Bit("zstd_long");
  if (auto done = members.Done(); !done) return InFile(path, done.error());
  return out;
}

Result<void> CheckFirstSeen(const RunObject& run, const verify::ReadOptions& read) {
  if (run.group.by != "none") return Usage("--assign first-seen is over the whole corpus: leave --group-by out");
  if (run.group.keep != 0 || run.group.sample_log2 != 0) return Usage("--assign first-seen needs every tuple: give --exact, and no --keep");
  // A part is cut at a character, so up to 3 bytes early.
  if (read.max_record_bytes / (run.max_doc_bytes - 3) > UINT16_MAX) {
    return Usage("--assign first-seen knows 65536 parts of a record: give a greater --max-doc-bytes, or a smaller --max-record-bytes");
  }
  return {};
}

}  // namespace

Result<uint64_t> ParseByteCount(std::string_view name, std::string_view text, uint64_t min, uint64_t max) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  std::string_view suffix(end, static_cast<size_t>(text.data() + text.size() - end));
  constexpr std::string_view kSuffixes = "KMGT";
  int shift = 0;
  if (!suffix.empty()) {
    const size_t at = kSuffixes.find(suffix.front());
    shift = at == std::string_view::npos ? -1 : 10 * (static_cast<int>(at) + 1);
    suffix.remove_prefix(1);
    if (suffix == "iB" || suffix == "B") suffix = {};
  }
  const bool good = error == std::errc() && shift >= 0 && suffix.empty() && value <= max >> shift && value << shift >= min;
  if (!good) return Usage(std::string(name) + " must be a number of bytes in [" + std::to_string(min) + "," + std::to_string(max) + "], such as 64M, got " + Shown(text));
  return value << shift;
}

void AddReadingOptions(CLI::App& app, ScanArguments& a) {
  app.add_option("--files-from", a.files_from, "a file with a path a line; - is standard input")->type_name("FILE");
  app.add_option("--format", a.format, "text, lines, jsonl, csv, tsv, parquet, warc, npy, megatron, tokens (by content)")->type_name("FORMAT");
  app.add_option("--text-field", a.text_field, "field or column of the text (text)")->type_name("NAME");
  app.add_option("--ids-field", a.ids_field, "field of token ids: no tokenizer is needed")->type_name("NAME");
  app.add_option("--dtype", a.dtype, "of --format tokens")->type_name("u16|u32");
  app.add_option("--eos", a.eos, "arrays are cut at this id")->type_name("ID");
  const auto more = [&](CLI::Option* option) { option->group(kMoreGroup); };
  more(app.add_option("--base", a.base, "URIs are relative to this folder")->type_name("DIR"));
  more(app.add_option("--id-field", a.id_field, "field that names a document for people (id)")->type_name("NAME"));
  more(app.add_flag("--no-header", a.no_header, "csv and tsv begin with a row; --text-field is a number"));
  more(app.add_option("--unit-bytes", a.unit_bytes, "inflated bytes a unit (64M)")->type_name("BYTES"));
  more(app.add_option("--max-doc-bytes", a.max_doc_bytes, "longer texts are cut (16M)")->type_name("BYTES"));
  more(app.add_option("--max-record-bytes", a.max_record_bytes, "longer records fail (64M)")->type_name("BYTES"));
  more(app.add_option("--max-inflated", a.max_inflated, "a file that inflates to more fails (1T)")->type_name("BYTES"));
  more(app.add_flag("--zstd-long", a.zstd_long, "allow zstd windows up to 2 GiB"));
}

void AddScanOptions(CLI::App& app, ScanArguments& a) {
  app.add_option("--profile", a.profile, "profile of the mark")->type_name("FILE");
  app.add_option("--key", a.keys, "provider, selector or account key; once for each")->type_name("FILE")->allow_extra_args(false);
  app.add_option("--tokenizer", a.tokenizer, "tokenizer, if not beside the profile")->type_name("FILE");
  app.add_option("-o,--output", a.output, "directory of the run; one that is there goes on")->type_name("DIR");
  app.add_flag("-n,--list-only", a.list_only, "list the units, estimate the time, and stop");
  app.add_option("--shard", a.shard, "do part I of N, from 0; merge puts them together")->type_name("I/N");
  app.add_option("--threads", a.threads, "threads (all cores)")->type_name("N");
  app.add_option("--memory", a.memory, "for tuples of groups, or of --assign first-seen (2G)")->type_name("BYTES");
  AddReadingOptions(app, a);
  app.add_option("--group-by", a.group_by, "pool by host, source, path:N or field:NAME")->type_name("BY");
  app.add_option("--variants", a.variants, "test without hidden edits too (as-is)")->type_name("as-is[,normalised]");
  app.add_option("--stop-list", a.stop_list, "of calibrate: tuples to leave out")->type_name("FILE");
  app.add_option("--min-scored", a.min_scored, "shorter documents are not tested (50)")->type_name("N");
  app.add_option("--alpha", a.alpha, "level of findings (0.01)")->type_name("P");
  app.add_option("--on-error", a.on_error, "go on with other inputs, or stop (go-on)")->type_name("go-on|stop");
  app.add_flag("--exit-code", a.exit_code, "end with 1 where there are findings");
  app.add_option("--progress", a.progress, "lines of JSON instead of a bar")->type_name("json");
  app.add_flag("--status", a.status, "what is done and missing in DIR");
  app.add_option("--recheck", a.recheck, "compute N units of DIR again and compare")->type_name("N");
  const auto more = [&](CLI::Option* option) { option->group(kMoreGroup); };
  more(app.add_option("--rule", a.rule, "score first windows, or all tuples (first)")->type_name("first|tuple"));
  more(app.add_option("--tau", a.tau, "rows are kept for p up to this (0.001)")->type_name("P"));
  more(app.add_option("--control", a.control, "of findings: bh, by, ebh, holm or none (bh)")->type_name("CONTROL"));
  more(app.add_option("--baseline", a.baseline, "earlier results.jsonl: its findings are known")->type_name("FILE"));
  more(app.add_option("--calibration", a.calibration, "that the keys come out of: counts them, refuses its corpus")->type_name("FILE"));
  more(app.add_option("--assign", a.assign, "a tuple counts in each document that has it, or in the first alone (document)")->type_name("document|first-seen"));
  more(app.add_flag("--exact", a.exact, "keep every tuple: of groups, or for --assign first-seen"));
  more(app.add_option("--keep", a.keep, "tuples a group keeps (65536)")->type_name("N"));
  more(app.add_option("--group-budget", a.group_budget, "of the groups' states together (4G)")->type_name("BYTES"));
  more(app.add_option("--tokenizer-cache", a.tokenizer_cache, "of each thread, for pieces met before; 0: none (16M)")->type_name("BYTES"));
  more(app.add_flag("--ignore-mtime", a.ignore_mtime, "inputs may be copies with other times"));
  more(app.add_flag("--fresh", a.fresh, "throw the run in the directory away"));
  more(app.add_flag("--json", a.json, "the summary as one JSON document"));
  more(app.add_flag("--without-selector", a.without_selector, "do without the selector key: weaker"));
  more(app.add_flag("--allow-tokenizer-mismatch", a.allow_tokenizer_mismatch, "take a tokenizer of another digest"));
  AddSecretOptions(app, a.secrets);
  for (const char* name : {"--passphrase-file", "--passphrase-fd", "--insecure-permissions"}) more(app.get_option(name));
}

std::string ReadingJson(const verify::ListOptions& options) {
  const verify::ReadOptions& read = options.read;
  return WriteJson(Json::FromMembers({{"base", options.base},
                                      {"format", std::string(options.format ? verify::FormatName(*options.format) : "")},
                                      {"header", int64_t{read.header}},
                                      {"id_field", read.id_field},
                                      {"ids_field", read.ids_field},
                                      {"max_inflated", Signed(read.max_inflated)},
                                      {"max_record_bytes", Signed(read.max_record_bytes)},
                                      {"schema", std::string(kReadingSchema)},
                                      {"text_field", read.text_field},
                                      {"unit_bytes", Signed(read.unit_bytes)},
                                      {"zstd_long", int64_t{read.zstd_long}}})) +
         "\n";
}

Result<verify::ListOptions> ReadingOfRun(const std::string& directory, const RunObject& run) {
  const std::string path = directory + "/" + std::string(kReadingFile);
  VERDIGRIS_ASSIGN_OR_RETURN(const std::string bytes, verify::ReadFile(path, Json::kMaxBytes));
  VERDIGRIS_ASSIGN_OR_RETURN(verify::ListOptions out, ParseReading(path, bytes));
  out.read.eos = run.eos;
  if (!run.dtype.empty()) {
    VERDIGRIS_ASSIGN_OR_RETURN(out.read.dtype, ParseTokenType(run.dtype));
  }
  return out;
}

Result<verify::ListOptions> ReadingOf(const ScanArguments& a, const std::optional<RunObject>& there, const verify::GroupNamer& namer) {
  verify::ListOptions out;
  std::optional<verify::ListOptions> kept;
  const std::string path = a.output + "/" + std::string(kReadingFile);
  if (there) {
    VERDIGRIS_ASSIGN_OR_RETURN(kept, ReadingOfRun(a.output, *there));
    out = *kept;
  }
  if (!a.base.empty()) out.base = a.base;
  if (!a.format.empty()) {
    out.format = verify::ParseFormat(a.format);
    if (!out.format) return Usage("--format must be text, lines, jsonl, csv, tsv, parquet, warc, wet, npy, megatron or tokens, got " + Shown(a.format));
  }
  if (!a.text_field.empty()) out.read.text_field = a.text_field;
  if (!a.ids_field.empty()) out.read.ids_field = a.ids_field;
  if (!a.id_field.empty()) out.read.id_field = a.id_field;
  if (a.no_header) out.read.header = false;
  if (a.zstd_long) out.read.zstd_long = true;
  out.read.group_field = namer.field();
  if (!a.dtype.empty()) {
    VERDIGRIS_ASSIGN_OR_RETURN(out.read.dtype, ParseTokenType(a.dtype));
  }
  if (!a.eos.empty()) {
    VERDIGRIS_ASSIGN_OR_RETURN(const uint64_t eos, ParseInteger("--eos", a.eos, 0, kIdLimit - 1));
    out.read.eos = Signed(eos);
  }
  if (!a.unit_bytes.empty()) {
    VERDIGRIS_ASSIGN_OR_RETURN(out.read.unit_bytes, ParseByteCount("--unit-bytes", a.unit_bytes, 64, uint64_t{1} << 40));
  }
  if (!a.max_record_bytes.empty()) {
    VERDIGRIS_ASSIGN_OR_RETURN(out.read.max_record_bytes, ParseByteCount("--max-record-bytes", a.max_record_bytes, 64, kMostPieceBytes));
  }
  if (!a.max_inflated.empty()) {
    VERDIGRIS_ASSIGN_OR_RETURN(out.read.max_inflated, ParseByteCount("--max-inflated", a.max_inflated, 1, kMostBytes));
  }
  if (kept) kept->base = out.base;  // copies of the inputs may lie elsewhere
  if (kept && ReadingJson(*kept) != ReadingJson(out)) {
    return Fail(ErrorKind::kMismatch, path + ": this run reads its inputs otherwise (format, fields, --unit-bytes or limits)");
  }
  return out;
}

Result<void> LoadScanInputs(const ScanArguments& a, const std::optional<RunObject>& there, bool reads_ids, ScanInputs& inputs, std::string& hint) {
  std::string profile_path = a.profile;
  if (profile_path.empty() && there) profile_path = verify::ProfilePath(a.output, there->profile);
  if (profile_path.empty()) return Usage("--profile is missing");
  if (a.keys.empty()) return Usage("--key is missing");
  VERDIGRIS_ASSIGN_OR_RETURN(inputs.profile_bytes, verify::ReadFile(profile_path, Json::kMaxBytes));
  VERDIGRIS_ASSIGN_OR_RETURN(inputs.profile, LoadProfile(profile_path));
  VERDIGRIS_ASSIGN_OR_RETURN(inputs.key_files, LoadLayerKeys(a.keys, a.secrets, *inputs.profile, profile_path, hint));
  auto keys = verify::JudgeKeys::Create(*inputs.profile, Pointers(inputs.key_files), a.without_selector);
  if (!keys) {
    if (keys.error().kind == ErrorKind::kFailedPrecondition) hint = "give it with another --key, or test without it by --without-selector";
    return Unexpected(keys.error());
  }
  inputs.keys = std::move(*keys);
  if (!a.stop_list.empty()) {
    VERDIGRIS_ASSIGN_OR_RETURN(inputs.stop_list, LoadStopList(a.stop_list, *inputs.profile));
  } else if (there && there->stop_list) {
    return Fail(ErrorKind::kFailedPrecondition, "this run has a stop list: give it with --stop-list");
  }
  if (!a.tokenizer_cache.empty()) {
    VERDIGRIS_ASSIGN_OR_RETURN(inputs.setup.tokenizer_cache, ParseByteCount("--tokenizer-cache", a.tokenizer_cache, 0, verify::kDefaultCacheBytes));
  }
  if (reads_ids) return {};
  auto tokenizer = FindTokenizer(*inputs.profile, profile_path, a.tokenizer, a.allow_tokenizer_mismatch);
  if (!tokenizer) {
    if (tokenizer.error().kind == ErrorKind::kNotFound && a.tokenizer.empty()) hint = "give --tokenizer FILE, or token ids with --ids-field";
    return Unexpected(tokenizer.error());
  }
  inputs.tokenizer = std::move(*tokenizer);
  return {};
}

Result<void> FillRun(const ScanArguments& a, const std::optional<RunObject>& there, const verify::ListOptions& reading, ScanInputs& inputs) {
  RunObject& run = inputs.run;
  if (there) run = *there;
  if (!a.alpha.empty()) {
    VERDIGRIS_ASSIGN_OR_RETURN(const double alpha, ParseAlpha(a.alpha));
    run.alpha_log10_e4 = verify::AlphaLog10E4(alpha);
  }
  if (!a.control.empty()) {
    const auto control = verify::ParseControl(a.control);
    if (!control) return Usage("--control must be bh, by, ebh, holm or none, got " + Shown(a.control));
    run.control = *control;
  }
  if (!a.assign.empty()) {
    if (a.assign != "document" && a.assign != "first-seen") return Usage("--assign must be document or first-seen, got " + Shown(a.assign));
    run.first_seen = a.assign == "first-seen";
  }
  if (!a.rule.empty()) {
    VERDIGRIS_ASSIGN_OR_RETURN(run.rule, ParseRule(a.rule));
  }
  if (!a.tau.empty()) {
    VERDIGRIS_ASSIGN_OR_RETURN(const double tau, ParseReal("--tau", a.tau));
    const double hundredths = -100 * std::log10(tau);
    if (!(tau > 0 && tau < 1 && std::abs(hundredths - std::round(hundredths)) < 1e-9 && hundredths <= verify::kMostTauHundredths)) {
      return Usage("--tau must be 10 to a whole number of hundredths, such as 0.001 or 0.01, got " + Shown(a.tau));
    }
    run.tau_hundredths = static_cast<int>(std::round(hundredths));
  }
  if (!a.min_scored.empty()) {
    VERDIGRIS_ASSIGN_OR_RETURN(run.min_scored, ParseInteger("--min-scored", a.min_scored, 1, kIdLimit));
  }
  if (!a.max_doc_bytes.empty()) {
    VERDIGRIS_ASSIGN_OR_RETURN(run.max_doc_bytes, ParseByteCount("--max-doc-bytes", a.max_doc_bytes, 64, verify::kMaxDocumentBytes));
  }
  if (!a.group_by.empty()) run.group.by = a.group_by;
  if (!a.keep.empty()) {
    VERDIGRIS_ASSIGN_OR_RETURN(run.group.keep, ParseInteger("--keep", a.keep, 1, uint64_t{1} << 32));
  }
  if (a.exact) {
    run.group.keep = 0;
    run.group.sample_log2 = 0;
  }
  if (run.first_seen) VERDIGRIS_RETURN_IF_ERROR(CheckFirstSeen(run, reading.read));
  bool normalised = there && std::any_of(there->tests.begin(), there->tests.end(), [](const auto& test) { return test.variant == "normalised"; });
  if (!a.variants.empty()) {
    if (a.variants != "as-is" && a.variants != "as-is,normalised") return Usage("--variants must be as-is or as-is,normalised, got " + Shown(a.variants));
    normalised = a.variants != "as-is";
  }
  if (normalised && inputs.profile->normaliser() != verify::kNoNormaliser) return Usage("--variants: this profile normalises every text already");
  if (normalised && inputs.tokenizer == nullptr) return Usage("--variants: token ids have no normalised form");
  run.dtype = TokenTypeName(reading.read.dtype);
  run.eos = reading.read.eos;
  run.profile = inputs.profile->digest();
  run.selector = inputs.keys->without_selector() ? "" : inputs.keys->tests().front().layers.selector_kid();
  run.stop_list = inputs.stop_list ? std::optional(inputs.stop_list->digest()) : std::nullopt;
  run.tests = verify::TestsOf(*inputs.keys, normalised);
  run.tokenizer = inputs.tokenizer ? std::optional<Digest>(inputs.tokenizer->digest()) : std::nullopt;
  return {};
}

int SampleLog2(const std::vector<verify::Input>& inputs, size_t tests, uint64_t budget_bytes) {
  double bytes = 0;
  for (const verify::Input& input : inputs) bytes += static_cast<double>(std::max<int64_t>(0, input.size)) * verify::TextPerByte(input);
  double states = bytes / 4 * static_cast<double>(tests) * kBytesATuple;
  int s = 0;
  for (; s < 64 && states > static_cast<double>(budget_bytes); ++s) states /= 2;
  return s;
}

Result<void> MakeSetup(ScanInputs& inputs) {
  verify::ScanSetup& setup = inputs.setup;
  setup.keys = &*inputs.keys;
  setup.run = &inputs.run;
  setup.tokenizer = inputs.tokenizer.get();
  setup.stop_list = inputs.stop_list ? &*inputs.stop_list : nullptr;
  setup.places = verify::PlacesOf(*inputs.keys, inputs.run);
  if (setup.places.front().normalised) {
    VERDIGRIS_ASSIGN_OR_RETURN(inputs.normaliser, verify::Normaliser::Create(verify::kTextNormaliser));
    setup.normalised = [&inputs](std::string_view document, verify::Scratch& scratch, std::vector<verify::Token>& out) -> Result<bool> {
      auto encoded = verify::EncodeNormalised(*inputs.normaliser, *inputs.tokenizer, document, scratch, out);
      // A text that grows over the limit of documents, which takes megabytes of characters that NFC makes longer, has no second test.
      if (!encoded && encoded.error().kind == ErrorKind::kLimit) return false;
      return encoded;
    };
  }
  if (!inputs.run.holds_tuples()) return {};
  const auto fingerprinter = [&](const std::string& kid) -> Result<std::shared_ptr<const verify::Fingerprinter>> {
    const auto key = std::find_if(inputs.key_files.begin(), inputs.key_files.end(), [&](const KeyFile& file) { return file.kid() == kid; });
    if (key == inputs.key_files.end()) return Fail(ErrorKind::kInternal, "a test without its key");
    VERDIGRIS_ASSIGN_OR_RETURN(verify::Fingerprinter made, verify::Fingerprinter::Create(key->key));
    return std::make_shared<const verify::Fingerprinter>(std::move(made));
  };
  for (const verify::JudgeKeys::Test& test : inputs.keys->tests()) {
    auto& both = setup.fingerprinters.emplace_back();
    if (test.provider) {
      VERDIGRIS_ASSIGN_OR_RETURN(both[0], fingerprinter(test.layers.kid(Layer::kProvider)));
    }
    if (test.account) {
      VERDIGRIS_ASSIGN_OR_RETURN(both[1], fingerprinter(test.layers.kid(Layer::kAccount)));
    }
  }
  return {};
}

}  // namespace verdigris::tools
